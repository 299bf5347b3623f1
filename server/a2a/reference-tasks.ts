import type { Task } from '../../protocol/model.ts';
import type { A2ASessionManager } from '../sessions/session-manager.ts';
import { splitTaskId } from '../sessions/session-ref.ts';

/** As many as one message may name. */
const MAX_REFERENCES = 32;

/**
 * The tasks that a message refers to, in its order, as far as its sender may see them: those that live where this session does. What is
 * foreign, unknown, withdrawn or out of reach is left out without a difference, so that a reference tells nothing about
 * tasks of others. While the store is away memory answers. Never rejects, and holds no session.
 */
export async function findReferenceTasks(
  sessions: A2ASessionManager,
  tenant: string,
  ids: readonly string[],
): Promise<Task[]> {
  const wanted = [...new Set(ids)].slice(0, MAX_REFERENCES);
  const found = await Promise.all(wanted.map((id) => findOne(sessions, tenant, id)));
  return found.filter((task) => task !== undefined);
}

async function findOne(sessions: A2ASessionManager, tenant: string, id: string): Promise<Task | undefined> {
  const place = splitTaskId(id);
  if (place === undefined) return undefined;
  const { sessionId, local } = place;
  try {
    const session = await sessions.openFresh({ tenant, sessionId });
    if (session === undefined) return undefined;
    try {
      const task = session.view.task(local);
      return task === undefined || task.withdrawn ? undefined : task.toTask(sessionId);
    } finally {
      sessions.release(session);
    }
  } catch {
    // The store is away, the session is damaged, or too many are in use: none of it is a reason not to run.
    return undefined;
  }
}
