import type { DurationMs } from '../../protocol/units.ts';
import { getRequest, open } from '../recovery/wire.ts';
import type { View } from './evidence.ts';
import type { Fleet, Instance } from './fleet.ts';
import type { StoredJournal } from './journals.ts';
import { readAnswer } from './wire-answers.ts';

const AT_ONCE = 8;
const PATIENCE_MS: DurationMs = 10_000;
/** Of each instance; the newest tasks of each session first. */
const TASKS_MAX = { full: 1_200, quick: 300 };

/** Newest first, session by session in turn. */
function tasksOf(journals: readonly StoredJournal[]): string[] {
  const lists = journals.map(({ session, records }) =>
    records
      .flatMap(({ t, task }) => (t === 'task' && task !== undefined ? [`${session}.${task}`] : []))
      .reverse(),
  );
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, nth) => lists.flatMap((list) => list[nth] ?? [])).flat();
}

/** What every instance says of the tasks in the store, and of some that are not there any more. */
export async function observe(
  fleet: Fleet,
  journals: readonly StoredJournal[],
  gone: readonly string[],
  isQuick: boolean,
): Promise<View[]> {
  const views: View[] = [];
  const tasks = [...tasksOf(journals).slice(0, TASKS_MAX[isQuick ? 'quick' : 'full']), ...gone];
  for (const instance of fleet.up) {
    const next = tasks.values();
    const worker = async (): Promise<void> => {
      for (const task of next) views.push(await look(instance, task));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }
  return views;
}

async function look({ name, url }: Instance, task: string): Promise<View> {
  try {
    const response = await open(url, getRequest('v1', task), AbortSignal.timeout(PATIENCE_MS));
    const { seen, error } = await readAnswer(response);
    return { instance: name, task, seen, ...(error && { reason: error.reason }) };
  } catch (error) {
    return { instance: name, task, seen: undefined, reason: String(error) };
  }
}
