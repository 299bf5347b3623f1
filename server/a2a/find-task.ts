import { storeUnavailable, taskNotFound } from '../../protocol/errors.ts';
import type { TaskView } from '../../protocol/model.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import { encodeId, splitTaskId, type SessionRef } from '../sessions/session-ref.ts';
import { StoreUnavailableError } from '../sessions/session-store.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import { type A2AParts, spaceFor } from './a2a-parts.ts';
import type { CallContext } from './call.ts';
import { derivedTaskSessionId } from './message-identity.ts';

/** A task in its session; the session is pinned and to be released. */
export interface FoundTask {
  readonly session: LiveSession;
  readonly local: string;
}

/**
 * Finds a task by the id a client gave: for the 0.x dialects as a client's own id first, then as one that locates itself.
 * A task that is not visible to the caller is looked for where the caller's own are, and so is not there.
 *
 * @throws {ProtocolError} TASK_NOT_FOUND, STORE_UNAVAILABLE
 */
export function findTask(parts: A2AParts, id: string, call: CallContext): FoundTask | Promise<FoundTask> {
  return call.dialect === 'v1' ? findById(parts, id, call) : findByEither(parts, id, call);
}

async function findByEither(parts: A2AParts, id: string, call: CallContext): Promise<FoundTask> {
  try {
    const aliased = await findByAlias(parts, call, id);
    if (aliased !== undefined) return aliased;
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return findInMemory(parts, call, id, error);
  }
  return findById(parts, id, call);
}

/** At once where the session is in memory and nobody else writes to it. */
function findById(parts: A2AParts, id: string, call: CallContext): FoundTask | Promise<FoundTask> {
  const place = splitTaskId(id);
  if (place === undefined) throw taskNotFound(id);
  const ref: SessionRef = { tenant: spaceFor(parts, call), sessionId: place.sessionId };
  const current = parts.sessions.openCurrent(ref);
  if (current !== undefined) return taskIn(parts, current, place.local, id);
  return parts.sessions.openFresh(ref).then((session) => taskIn(parts, session, place.local, id));
}

function taskIn(parts: A2AParts, session: LiveSession | undefined, local: string, id: string): FoundTask {
  if (session === undefined) throw taskNotFound(id);
  const task = session.view.task(local);
  if (task !== undefined && !task.withdrawn) return { session, local };
  parts.sessions.release(session);
  // Another instance may have made it since: only the store can tell.
  throw session.isConfirmed ? taskNotFound(id) : storeUnavailable();
}

async function findByAlias(
  parts: A2AParts,
  call: CallContext,
  clientTaskId: string,
): Promise<FoundTask | undefined> {
  const tenant = spaceFor(parts, call);
  const { subject } = call.principal;
  const taskId = await parts.sessions.resolveAlias(tenant, subject, clientTaskId);
  const sessionId = taskId === undefined ? undefined : splitTaskId(taskId)?.sessionId;
  if (sessionId === undefined) return undefined;
  const session = await parts.sessions.openFresh({ tenant, sessionId });
  const local = session?.view.alias(subject, clientTaskId);
  if (session !== undefined && local !== undefined) return { session, local };
  if (session !== undefined) parts.sessions.release(session);
  if (session?.isConfirmed === false) throw storeUnavailable();
  return undefined;
}

/**
 * The store has just failed, and a request waits for it once: what is in memory is all that can be found now. An id that
 * is not there cannot be told from an unknown one.
 */
function findInMemory(parts: A2AParts, call: CallContext, id: string, cause: unknown): FoundTask {
  const { tenant: ofTenant, subject } = call.principal;
  const tenant = spaceFor(parts, call);
  const hinted = parts.aliasHints.get(aliasHintKey(ofTenant, subject, id));
  const aliasHome = hinted ?? derivedTaskSessionId(ofTenant, subject, id);
  const place = splitTaskId(id);
  for (const sessionId of [aliasHome, place?.sessionId]) {
    const session = sessionId === undefined ? undefined : parts.sessions.openCached({ tenant, sessionId });
    if (session === undefined) continue;
    const local = session.view.alias(subject, id) ?? place?.local;
    const task = local === undefined ? undefined : session.view.task(local);
    if (task !== undefined && !task.withdrawn) return { session, local: task.local };
    parts.sessions.release(session);
  }
  throw storeUnavailable(cause);
}

export const aliasHintKey = (tenant: string, subject: string, clientTaskId: string): string =>
  `${encodeId(tenant)}/${encodeId(subject)}/${clientTaskId}`;

/** Whether the caller is a 0.1 client. */
export const isForV01 = (task: TaskFold, call: CallContext): boolean =>
  call.dialect === 'v01' || (call.legacy && task.dialect === 'v01');

/**
 * @param historyLength as asked for; absent means all, but none to a 0.1 client, which is only known by its task when the
 *   method's name is one that 0.1 and 0.3 share
 */
export function toTaskView(
  session: LiveSession,
  task: TaskFold,
  call: CallContext,
  historyLength?: number,
): TaskView {
  const length = historyLength ?? (isForV01(task, call) ? 0 : undefined);
  const view: TaskView = { task: task.toTask(session.ref.sessionId, length), dialect: task.dialect };
  if (task.alias !== undefined) view.alias = task.alias;
  return view;
}
