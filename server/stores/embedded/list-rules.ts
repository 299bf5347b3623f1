/** How an embedded store lists tasks and sessions. Pure, over the tables of one transaction. */
import type { EpochMs } from '../../../protocol/units.ts';
import { SessionDamagedError, StoreUnavailableError } from '../../sessions/session-store.ts';
import type { ListedTask, TaskList, TaskQuery } from '../../sessions/session-store.ts';
import type { ListedSession, SessionList, SessionQuery } from '../../sessions/session-list.ts';
import { decodeId, encodeFullTaskId } from '../encoded-ids.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import type { Address, IndexedTask, LiveEntry, TaskPlace, Tables } from './tables.ts';

/** How many entries of sessions that have just expired one list passes over. */
const DEAD_MAX = 2_000;

/** Whether a session is there; one whose head cannot be read is, and its tasks are shown as they were indexed. */
export function isThere(find: () => unknown): boolean {
  try {
    return find() !== undefined;
  } catch (error) {
    if (error instanceof SessionDamagedError) return true;
    throw error;
  }
}

/**
 * @param isLive whether the session has not expired
 * @throws {StoreUnavailableError} when too many have expired to find a page of those that have not
 */
export function listFrom(
  tables: Tables,
  tenant: string,
  query: TaskQuery,
  isLive: (at: Address) => boolean,
): TaskList {
  const { sessionId, limit } = query;
  const after = query.after && {
    statusAt: query.after.statusAt,
    member: encodeFullTaskId(query.after.taskId),
  };
  if (sessionId !== undefined) {
    const at = { tenant, session: encodeId(sessionId) };
    return listSession(isLive(at) ? tables.tasksOf(at) : [], query, after);
  }
  const { state, since } = query;
  const found: IndexedTask[] = [];
  let gone = 0;
  let place = after;
  for (let isOver = false; !isOver && found.length <= limit;) {
    // one more than is shown: then it is known whether there are others
    const wanted = limit + 1 - found.length;
    const some = tables.tasksBehind(tenant, state, place, wanted);
    isOver = some.length < wanted;
    for (const entry of some) {
      if (since !== undefined && entry.task.statusAt < since) isOver = true;
      else if (isLive({ tenant, session: sessionOf(entry) })) found.push(entry);
      else gone += 1;
    }
    const last = some.at(-1);
    if (last !== undefined) place = toPlace(last);
    if (gone > DEAD_MAX && !isOver) {
      throw new StoreUnavailableError('expired sessions are still being cleared away', { counts: false });
    }
  }
  const totalSize = tables.countTasks(tenant, state, since) - gone;
  return { tasks: found.slice(0, limit).map(toListed), totalSize, more: found.length > limit };
}

function listSession(all: readonly IndexedTask[], query: TaskQuery, after: TaskPlace | undefined): TaskList {
  const { state, since, limit } = query;
  const matching = all
    .filter(({ task }) => state === undefined || task.state === state)
    .filter(({ task }) => since === undefined || task.statusAt >= since)
    .sort((a, b) => compare(toPlace(a), toPlace(b)));
  const behind = after === undefined ? matching : matching.filter((a) => compare(toPlace(a), after) > 0);
  return {
    tasks: behind.slice(0, limit).map(toListed),
    totalSize: matching.length,
    more: behind.length > limit,
  };
}

/**
 * As many are looked at as are asked for, whether they have expired or not.
 *
 * @param find the session, unless it has expired
 */
export function listSessionsFrom(
  tables: Tables,
  tenant: string,
  { limit, after }: SessionQuery,
  find: (at: Address) => LiveEntry | undefined,
  now: EpochMs,
): SessionList {
  if (after !== undefined && !/^[\w%-]+$/.test(after)) throw new RangeError('not a place in a list');
  const found = tables.sessionsBehind(tenant, after, limit);
  const sessions: ListedSession[] = [];
  for (const at of found) {
    const sessionId = decodeId(at.session);
    try {
      const entry = find(at);
      if (entry !== undefined)
        sessions.push({ sessionId, remainingMs: entry.x - now, head: entry.v, bytes: entry.b });
    } catch (error) {
      if (!(error instanceof SessionDamagedError)) throw error;
      sessions.push({ sessionId });
    }
  }
  const last = found.length === limit ? found.at(-1) : undefined;
  return last === undefined ? { sessions } : { sessions, next: last.session };
}

/** The order of every list: newest first, then by encoded task id, descending. */
export function compare(a: TaskPlace, b: TaskPlace): number {
  if (a.statusAt !== b.statusAt) return b.statusAt - a.statusAt;
  if (a.member === b.member) return 0;
  return a.member < b.member ? 1 : -1;
}

const toPlace = ({ member, task }: IndexedTask): TaskPlace => ({ statusAt: task.statusAt, member });
const sessionOf = ({ member }: IndexedTask): string => member.slice(0, member.indexOf('.'));

function toListed({ member, task }: IndexedTask): ListedTask {
  const [sessionId = '', local = ''] = member.split('.').map(decodeId);
  return { sessionId, local, statusAt: task.statusAt, summary: task.summary };
}
