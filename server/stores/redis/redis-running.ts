import type { RunningTask, RunningTasks } from '../../sessions/instance-store.ts';
import { checkPageLimit } from '../request-checks.ts';
import { readPageToken, RUNNING_STATES, toPageToken, toRunningTask } from '../running-tasks.ts';
import type { RunningPlace } from '../running-tasks.ts';
import type { ShelfKeys } from './keys.ts';
import type { ScriptRunner } from './script-runner.ts';

/** What a page takes of one index. */
interface Part extends RunningPlace {
  readonly key: string;
  /** What stands before a session id in its key. */
  readonly sessions: string;
  /** So many at most. */
  readonly most: number;
  /** Whether others are known to be behind those. */
  readonly isCut: boolean;
}

/**
 * A page over the indexes of running tasks of all shelves, in two round trips, however many shelves there are. It may be
 * shorter than asked for and not the last.
 *
 * @param countAll how many entries these indexes have
 * @throws {RangeError} for a limit or a place that is none
 */
export async function findRunningTasks(
  scripts: ScriptRunner,
  shelves: readonly ShelfKeys[],
  countAll: (keys: readonly string[]) => Promise<readonly number[]>,
  limit: number,
  after: string | undefined,
): Promise<RunningTasks> {
  checkPageLimit(limit);
  const place = readPageToken(after);
  const indexes = shelves.flatMap((shelf) =>
    RUNNING_STATES.map((state) => ({ key: shelf.state(state), sessions: `${shelf.base}s:` })),
  );
  const counts = await countAll(indexes.map(({ key }) => key));
  const parts: Part[] = [];
  let left = limit;
  indexes.forEach((found, index) => {
    const last = index === place.index ? place.last : undefined;
    const count = index < place.index ? 0 : (counts[index] ?? 0);
    // of the first index some are before the place: how many is not known
    const most = Math.min(left, count);
    if (most > 0) parts.push({ ...found, index, last, most, isCut: count > most });
    left -= most;
  });
  const pages = await Promise.all(parts.map((part) => take(scripts, part)));
  const tasks = pages.flatMap((page) => page.tasks);
  const [part, page] = [parts.at(-1), pages.at(-1)];
  if (part === undefined || page === undefined) return { tasks };
  if (part.isCut && page.count === part.most)
    return { tasks, next: toPageToken({ index: part.index, last: page.last }) };
  const following = counts.findIndex((count, index) => index > part.index && count > 0);
  return following < 0 ? { tasks } : { tasks, next: toPageToken({ index: following }) };
}

async function take(scripts: ScriptRunner, { key, sessions, most, last }: Part) {
  const args = [sessions, most, ...(last === undefined ? [] : [last.statusAt, last.member])];
  const flat = (await scripts.run('running', [key], args)) as (string | null)[];
  const tasks: RunningTask[] = [];
  for (let i = 0; i + 2 < flat.length; i += 3) {
    const [member, , summary] = flat.slice(i, i + 3);
    // without a summary its session is gone
    if (member != null && summary != null) tasks.push(toRunningTask(member, summary));
  }
  const [member, statusAt] = flat.slice(-3);
  return {
    tasks,
    /** Also of sessions that are gone. */
    count: flat.length / 3,
    last: member == null ? undefined : { statusAt: Number(statusAt), member },
  };
}
