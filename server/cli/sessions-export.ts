/** `holdfast sessions export`: one session in memory at a time. */
import { scanJournal } from '../sessions/journal-scan.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import { SessionDamagedError } from '../sessions/session-store.ts';
import { parseArguments } from './arguments.ts';
import { CLI_EXIT, type Console, shownMoment } from './console.ts';
import {
  MANY_PLACES_OPTIONS,
  type OpenStore,
  placesOf,
  sessionsIn,
  shownPlace,
  withStore,
} from './open-store.ts';
import { Progress } from './progress.ts';
import { type ArchivedSession, toEndLine, toHeaderLine, toSessionLine } from './session-archive.ts';
import { printable } from './text-table.ts';

export function exportSessions(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, MANY_PLACES_OPTIONS);
  return withStore(terminal, false, async (open) => {
    const places = await placesOf(open, parsed);
    const { scope } = open.config;
    await terminal.write(toHeaderLine({ scope, store: open.store.kind, at: shownMoment(terminal.now()) }));
    const progress = new Progress(terminal, 'exported');
    let [sessions, left] = [0, 0];
    try {
      for await (const page of sessionsIn(open, places)) {
        for (const { ref } of page) {
          const found = await archive(open, ref);
          // It has expired or was deleted meanwhile.
          if (found === undefined) continue;
          if ('why' in found) {
            left += 1;
            terminal.err(
              `left out: ${printable(ref.sessionId)} of ${printable(shownPlace(ref.tenant))}: ${found.why}\n`,
            );
            continue;
          }
          await terminal.write(toSessionLine(found));
          sessions += 1;
          progress.step(1);
        }
      }
    } finally {
      progress.end();
    }
    await terminal.write(toEndLine(sessions));
    terminal.err(`exported ${sessions} sessions${left === 0 ? '' : `, left out ${left}`}\n`);
    return left === 0 ? CLI_EXIT.done : CLI_EXIT.found;
  });
}

async function archive(
  { store, unopened }: OpenStore,
  ref: SessionRef,
): Promise<ArchivedSession | { readonly why: string } | undefined> {
  const key = store.keyOf(ref);
  const before = unopened.get(key) ?? 0;
  let records: (string | null)[] = [];
  try {
    const scanned = await scanJournal(store, ref, ({ n, json }) => {
      if (n === 1) records = [];
      records.push(json);
    });
    if (scanned === undefined) return undefined;
    const notOpened = (unopened.get(key) ?? 0) - before;
    // What is handed out in their place is not what is stored.
    if (notOpened > 0) return { why: `${notOpened} records do not open with the keys that there are` };
    const { cursor, remainingMs, answered, derived } = scanned.snapshot;
    return { ref, epoch: cursor.epoch, w: cursor.w, remainingMs, answered, derived, records };
  } catch (error) {
    if (error instanceof SessionDamagedError) return { why: error.message };
    throw error;
  }
}
