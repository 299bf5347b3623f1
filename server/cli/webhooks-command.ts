/** `holdfast webhooks parked` and `redeliver`: deliveries that were given up. */
import { scanJournal } from '../sessions/journal-scan.ts';
import type { RecordBody } from '../sessions/records.ts';
import { joinTaskId, splitTaskId } from '../sessions/session-ref.ts';
import { SessionDamagedError } from '../sessions/session-store.ts';
import type { Session } from '../sessions/session.ts';
import { parseArguments } from './arguments.ts';
import { CLI_EXIT, type Console, MissingError, toJsonText, UsageError } from './console.ts';
import { withSession } from './open-sessions.ts';
import {
  MANY_PLACES_OPTIONS,
  namedRef,
  PLACE_OPTIONS,
  placeOf,
  placesOf,
  sessionsIn,
  shownPlace,
  withStore,
} from './open-store.ts';
import { Progress } from './progress.ts';
import { printable, textTable } from './text-table.ts';

const PATIENCE_MS = 10_000;

interface Parked {
  readonly local: string;
  readonly id: string;
  readonly origin: string;
  readonly waiting: number;
}

function parkedIn(session: Session): Parked[] {
  return session.tasks().flatMap(({ local, outbox }) =>
    [...(outbox?.webhooks.values() ?? [])]
      .filter(({ parked }) => parked)
      .map(({ id, config, upTo }) => ({
        local,
        id,
        // The path of a webhook is often a secret.
        origin: URL.canParse(config.url) ? new URL(config.url).origin : '?',
        waiting: (outbox?.triggers ?? []).filter(({ n }) => n > upTo).length,
      })),
  );
}

export function listParked(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, { ...MANY_PLACES_OPTIONS, json: 'flag' });
  return withStore(terminal, false, async (open) => {
    const found: {
      readonly shown: string;
      readonly named: object;
      readonly parked: Parked;
      readonly task: string;
    }[] = [];
    const progress = new Progress(terminal, 'sessions read');
    for await (const page of sessionsIn(open, await placesOf(open, parsed))) {
      for (const { ref } of page) {
        const session = await foldOf(open.store, ref);
        for (const parked of session === undefined ? [] : parkedIn(session)) {
          const task = joinTaskId(ref.sessionId, parked.local);
          found.push({ shown: shownPlace(ref.tenant), named: namedRef(ref), parked, task });
        }
        progress.step(1);
      }
    }
    progress.end();
    if (parsed.flag('json')) {
      const parked = found.map(({ named, task, parked: { id, origin, waiting } }) => ({
        ...named,
        ...{ task, id, origin, waiting },
      }));
      terminal.out(toJsonText({ parked }));
    } else {
      const rows = found.map(({ shown, task, parked: { id, origin, waiting } }) =>
        [shown, task, id, origin, String(waiting)].map(printable),
      );
      terminal.out(textTable([['tenant', 'task', 'webhook', 'receiver', 'events waiting'], ...rows]));
    }
    return CLI_EXIT.done;
  });
}

/** A damaged session is for `store check`. */
async function foldOf(...of: Parameters<typeof scanJournal>): Promise<Session | undefined> {
  try {
    return (await scanJournal(...of))?.session;
  } catch (error) {
    if (error instanceof SessionDamagedError) return undefined;
    throw error;
  }
}

export function redeliver(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, { ...PLACE_OPTIONS, webhook: 'text', json: 'flag' }, ['<task id>']);
  const [taskId = ''] = parsed.positionals;
  const split = splitTaskId(taskId);
  if (split === undefined)
    throw new UsageError('a task id is <session id>.<local part>, as webhooks parked shows it');
  const only = parsed.text('webhook');
  return withStore(terminal, true, async (open) => {
    const ref = { tenant: placeOf(open, parsed), sessionId: split.sessionId };
    return withSession(open, ref, terminal.now, async (session) => {
      let due: Parked[] = [];
      await session.change(
        (draft, at): RecordBody[] => {
          due = parkedIn(draft).filter(({ local, id }) => local === split.local && (only ?? id) === id);
          // A receipt of nothing: no attempt has failed, and nothing is given up.
          return due.map(({ id }) => ({ t: 'receipt', at, task: split.local, id }));
        },
        { slides: false, mustStore: true, deadline: performance.now() + PATIENCE_MS },
      );
      if (due.length === 0) throw new MissingError(`no webhook of task ${printable(taskId)} is parked`);
      if (parsed.flag('json')) terminal.out(toJsonText({ task: taskId, due: due.map(({ id }) => id) }));
      else
        terminal.out(
          due.map(({ id, origin }) => `due again: ${printable(id)} to ${printable(origin)}\n`).join(''),
        );
      return CLI_EXIT.done;
    });
  });
}
