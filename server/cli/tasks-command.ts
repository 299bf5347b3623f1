/** `holdfast tasks list` and `stuck`. */
import { TASK_STATES, type TaskState } from '../../protocol/task-state.ts';
import { scanJournal } from '../sessions/journal-scan.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import type { ListedTask, ListPosition } from '../sessions/session-store.ts';
import { readTaskSummary } from '../sessions/task-summary.ts';
import { parseArguments } from './arguments.ts';
import { CLI_EXIT, type Console, shownMoment, toJsonText, UsageError } from './console.ts';
import {
  MANY_PLACES_OPTIONS,
  namedRef,
  type OpenStore,
  placesOf,
  shownPlace,
  withStore,
} from './open-store.ts';
import { stateOf } from './session-view.ts';
import { printable, shownDuration, textTable } from './text-table.ts';

const LIMIT = 100;
const LIMIT_MAX = 100_000;
const PAGE = 1_000;

interface FoundTask {
  readonly place: string;
  readonly task: ListedTask;
}

export function listTasks(args: readonly string[], terminal: Console): Promise<number> {
  const options = {
    ...MANY_PLACES_OPTIONS,
    session: 'text',
    state: 'text',
    limit: 'text',
    json: 'flag',
  } as const;
  const parsed = parseArguments(args, options);
  const limit = parsed.count('limit', LIMIT, 1, LIMIT_MAX);
  const state = readState(parsed.text('state'));
  const sessionId = parsed.text('session');
  return withStore(terminal, false, async (open) => {
    const found: FoundTask[] = [];
    let total = 0;
    for (const place of await placesOf(open, parsed)) {
      const left = Math.max(1, limit - found.length);
      const query = { ...(state && { state }), ...(sessionId !== undefined && { sessionId }) };
      const list = await open.store.listTasks(place, { ...query, limit: Math.min(PAGE, left) });
      total += list.totalSize;
      for await (const task of tasksIn(open, place, query)) {
        if (found.length === limit) break;
        found.push({ place, task });
      }
    }
    if (parsed.flag('json')) terminal.out(toJsonText({ total, tasks: found.map(toJson) }));
    else terminal.out(`${toTable(found)}${found.length} of ${total}\n`);
    return CLI_EXIT.done;
  });
}

/** All of a query, a page at a time. */
export async function* tasksIn(
  { store }: OpenStore,
  place: string,
  query: { readonly state?: TaskState; readonly sessionId?: string },
): AsyncIterable<ListedTask> {
  let after: ListPosition | undefined;
  for (;;) {
    const page = await store.listTasks(place, { ...query, limit: PAGE, ...(after && { after }) });
    yield* page.tasks;
    const last = page.tasks.at(-1);
    if (!page.more || last === undefined) return;
    after = { statusAt: last.statusAt, taskId: joinTaskId(last.sessionId, last.local) };
  }
}

function readState(text: string | undefined): TaskState | undefined {
  if (text === undefined) return undefined;
  const found = TASK_STATES.find((state) => nameOf(state) === text);
  if (found === undefined)
    throw new UsageError(`--state must be one of ${TASK_STATES.map(nameOf).join(', ')}`);
  return found;
}

const nameOf = (state: TaskState): string => stateOf(state).replaceAll('_', '-');

const runnerOf = (summary: string): string => {
  const by = readTaskSummary(summary)?.by ?? '';
  return by.slice(0, Math.max(0, by.lastIndexOf('.')));
};

function toJson({ place, task: { sessionId, local, statusAt, summary } }: FoundTask) {
  const state = readTaskSummary(summary)?.state;
  return {
    ...namedRef({ tenant: place, sessionId }),
    id: joinTaskId(sessionId, local),
    state: state === undefined ? null : nameOf(state),
    since: shownMoment(statusAt),
    runner: runnerOf(summary),
  };
}

function toTable(found: readonly FoundTask[]): string {
  const rows = found.map((one) => {
    const { id, state, since, runner } = toJson(one);
    return [printable(shownPlace(one.place)), printable(id), state ?? '?', since, printable(runner) || '-'];
  });
  return textTable([['tenant', 'task', 'state', 'since', 'runner'], ...rows]);
}

const MINUTES = 60;
const MINUTES_MAX = 525_600;
const MINUTE_MS = 60_000;

export function findStuck(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, { ...MANY_PLACES_OPTIONS, minutes: 'text', json: 'flag' });
  const silentMs = parsed.count('minutes', MINUTES, 1, MINUTES_MAX) * MINUTE_MS;
  return withStore(terminal, false, async (open) => {
    const isDead = await deadIn(open);
    const stuck: (FoundTask & { readonly why: string })[] = [];
    for (const place of await placesOf(open, parsed)) {
      for (const state of ['TASK_STATE_SUBMITTED', 'TASK_STATE_WORKING'] as const) {
        for await (const task of tasksIn(open, place, { state })) {
          const why = isDead(runnerOf(task.summary))
            ? 'its runner is gone'
            : await whySilent(open, place, task, terminal.now(), silentMs);
          if (why !== undefined) stuck.push({ place, task, why });
        }
      }
    }
    if (parsed.flag('json'))
      terminal.out(toJsonText({ stuck: stuck.map((one) => ({ ...toJson(one), why: one.why })) }));
    else {
      const rows = stuck.map(({ place, task, why }) => {
        const id = joinTaskId(task.sessionId, task.local);
        return [printable(shownPlace(place)), printable(id), shownMoment(task.statusAt), why];
      });
      terminal.out(
        stuck.length === 0 ? 'no task is stuck\n' : textTable([['tenant', 'task', 'since', 'why'], ...rows]),
      );
    }
    return stuck.length === 0 ? CLI_EXIT.done : CLI_EXIT.found;
  });
}

/** By the store's word of this moment. One that is handed over, or that the store does not know, has no runner. */
export async function deadIn({ store, config }: OpenStore): Promise<(runner: string) => boolean> {
  const alive = new Set(
    (await store.instances()).filter(({ ageMs }) => ageMs <= config.deadMs).map(({ instance }) => instance),
  );
  return (runner) => !alive.has(runner);
}

/** Of those whose status is young it is known without a look at the session. */
async function whySilent(
  { store }: OpenStore,
  place: string,
  { sessionId, statusAt }: ListedTask,
  now: number,
  silentMs: number,
): Promise<string | undefined> {
  if (now - statusAt < silentMs) return undefined;
  const scanned = await scanJournal(store, { tenant: place, sessionId });
  const silent = now - (scanned?.session.lastAt ?? now);
  return silent < silentMs ? undefined : `nothing was recorded for ${shownDuration(silent)}`;
}
