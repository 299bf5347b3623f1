import { ProtocolError, taskNotFound } from '../../protocol/errors.ts';
import type { TaskView } from '../../protocol/model.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import { encodeId, splitTaskId } from '../sessions/session-ref.ts';
import { StoreUnavailableError } from '../sessions/session-store.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { CallContext } from './call.ts';
import { derivedTaskSessionId } from './message-identity.ts';

/** A task in its session; the session is pinned and to be released. */
export interface FoundTask {
  readonly session: LiveSession;
  readonly local: string;
}

/**
 * Finds a task by the id a client gave: for the 0.x dialects as a client's own id first, then as one that locates itself.
 * A task that is not visible to the caller is looked for in the caller's own tenant and so is not there.
 *
 * @throws {ProtocolError} TASK_NOT_FOUND, STORE_UNAVAILABLE
 */
export async function findTask(parts: A2AParts, id: string, call: CallContext): Promise<FoundTask> {
  const { tenant, subject } = call.principal;
  const aliased = call.dialect === 'v1' ? undefined : await findByAlias(parts, tenant, subject, id);
  if (aliased !== undefined) return aliased;
  const place = splitTaskId(id);
  if (place === undefined) throw taskNotFound(id);
  const session = await parts.sessions.openFresh({ tenant, sessionId: place.sessionId });
  if (session === undefined) throw taskNotFound(id);
  const task = session.view.task(place.local);
  if (task !== undefined && !task.withdrawn) return { session, local: place.local };
  parts.sessions.release(session);
  throw taskNotFound(id);
}

async function findByAlias(
  parts: A2AParts,
  tenant: string,
  subject: string,
  clientTaskId: string,
): Promise<FoundTask | undefined> {
  let sessionId: string | undefined;
  try {
    const taskId = await parts.sessions.resolveAlias(tenant, subject, clientTaskId);
    sessionId = taskId === undefined ? undefined : splitTaskId(taskId)?.sessionId;
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return findAliasInMemory(parts, tenant, subject, clientTaskId, error);
  }
  if (sessionId === undefined) return undefined;
  const session = await parts.sessions.openFresh({ tenant, sessionId });
  const local = session?.view.alias(subject, clientTaskId);
  if (session !== undefined && local !== undefined) return { session, local };
  if (session !== undefined) parts.sessions.release(session);
  return undefined;
}

/** While the store is away: the session may still be in memory, where the client's id leads to it. */
function findAliasInMemory(
  parts: A2AParts,
  tenant: string,
  subject: string,
  clientTaskId: string,
  cause: unknown,
): FoundTask | undefined {
  const hinted = parts.aliasHints.get(aliasHintKey(tenant, subject, clientTaskId));
  const sessionId = hinted ?? derivedTaskSessionId(tenant, subject, clientTaskId);
  const session = parts.sessions.openCached({ tenant, sessionId });
  const local = session?.view.alias(subject, clientTaskId);
  if (session !== undefined && local !== undefined) return { session, local };
  if (session !== undefined) parts.sessions.release(session);
  // An id that locates itself may still be found; one that does not cannot be told from an unknown one.
  if (splitTaskId(clientTaskId) !== undefined) return undefined;
  throw new ProtocolError('STORE_UNAVAILABLE', { retryAfterMs: 1_000, cause });
}

export const aliasHintKey = (tenant: string, subject: string, clientTaskId: string): string =>
  `${encodeId(tenant)}/${encodeId(subject)}/${clientTaskId}`;

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
  const isV01 = call.dialect === 'v01' || (call.legacy && task.dialect === 'v01');
  const length = historyLength ?? (isV01 ? 0 : undefined);
  const view: TaskView = { task: task.toTask(session.ref.sessionId, length), dialect: task.dialect };
  return task.alias === undefined ? view : { ...view, alias: task.alias };
}
