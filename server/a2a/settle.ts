import { isRunning } from '../../protocol/task-state.ts';
import type { EpochMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { RecordBody } from '../sessions/records.ts';
import type { Session } from '../sessions/session.ts';
import { StoreUnavailableError } from '../sessions/session-store.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import type { A2AParts } from './a2a-parts.ts';
import { agentMessage } from './message-identity.ts';

/** Whether an executor should be at work on the task, and certainly none is. @throws {StoreUnavailableError} */
export async function isOrphan(parts: A2AParts, session: LiveSession, task: TaskFold): Promise<boolean> {
  if (!isRunning(task.state) || task.withdrawn) return false;
  // A runner that is this instance and does not run it is an orphan like any other.
  if (task.runner === parts.sessions.instance) return !parts.runner.isRunning(session.ref, task.local);
  return parts.sessions.liveness.isDead(task.runner);
}

/**
 * Whoever meets an unfinished task whose runner is gone ends it at its head; two who meet it end it once.
 *
 * @param rerun the very send that made the task is repeated: when nothing was recorded yet it is run again instead
 * @param isRevealed a client was told of the task: when it is run again it cannot turn into a bare message
 */
export async function settleIfOrphan(
  parts: A2AParts,
  session: LiveSession,
  local: string,
  rerun: boolean,
  isRevealed = false,
): Promise<void> {
  const seen = session.view.task(local);
  if (seen === undefined || !isRunning(seen.state)) return;
  // Before anybody else can take the task over: the fold is the same object then.
  const { by } = seen;
  try {
    if (!(await isOrphan(parts, session, seen))) return;
  } catch (error) {
    // Nobody can say who is alive while the store is away.
    if (error instanceof StoreUnavailableError) return;
    throw error;
  }
  const { instance } = parts.sessions;
  const decided = { rerun: false };
  const giveBack = (): void => {
    if (decided.rerun) parts.runner.release(session.ref, local);
    decided.rerun = false;
  };
  const decide = (draft: Session, at: EpochMs): RecordBody[] => {
    giveBack();
    const task = draft.task(local);
    // The draft knows what its runner has said last, even if that is not stored yet.
    if (task?.by !== by || task.withdrawn || !isRunning(task.state)) return [];
    if (rerun && task.pristine) {
      decided.rerun = true;
      parts.runner.reserve(session.ref, local);
      return [{ t: 'run', at, task: local, by: `${instance}.${task.attempt + 1}` }];
    }
    const message = agentMessage(
      `The instance that ran this task stopped; it was found unfinished at ${new Date(at).toISOString()}.`,
    );
    return [{ t: 'status', at, task: local, state: 'TASK_STATE_FAILED', message }];
  };
  const outcome = await session.change(decide, { slides: rerun }).catch((error: unknown) => {
    // Else nobody would ever settle it: it would be taken for one that is about to run.
    giveBack();
    throw error;
  });
  if (outcome === 'unchanged') return;
  parts.onRecovered();
  parts.log('task_recovered', {
    ...session.ref,
    task: local,
    runner: by.slice(0, by.lastIndexOf('.')),
    action: decided.rerun ? 'run again' : 'failed',
  });
  if (decided.rerun) parts.runner.start(session, local, isRevealed);
}
