import { ProtocolError, taskNotFound } from '../../protocol/errors.ts';
import type { CancelTaskParams, TaskView } from '../../protocol/model.ts';
import { isRunning, isTerminal } from '../../protocol/task-state.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { RecordBody } from '../sessions/records.ts';
import type { Session } from '../sessions/session.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { Answer, CallContext } from './call.ts';
import { whenStored } from './commit-message.ts';
import { findTask, toTaskView } from './find-task.ts';
import { settleIfOrphan } from './settle.ts';

/** A2A 1.0 §3.1.5 CancelTask, 0.3 and 0.1 `tasks/cancel`. */
export async function cancelTask(
  parts: A2AParts,
  params: CancelTaskParams,
  call: CallContext,
): Promise<Answer<TaskView>> {
  const { session, local } = await findTask(parts, params.id, call);
  try {
    await settleIfOrphan(parts, session, local, false);
    const before = session.view.task(local);
    if (before === undefined) throw taskNotFound(params.id);
    // Cancelling twice: 1.0 asks for idempotence, 0.x lists "already canceled" among what cannot be canceled.
    const again = before.state === 'TASK_STATE_CANCELED' && call.dialect === 'v1';
    if (!again && isTerminal(before.state)) throw notCancelable(params.id);
    if (!again) await cancelNow(parts, session, local);
    const task = session.view.task(local);
    if (task === undefined) throw taskNotFound(params.id);
    if (task.state !== 'TASK_STATE_CANCELED') throw notCancelable(params.id);
    return { result: toTaskView(session, task, call), persistence: session.persistence };
  } finally {
    parts.sessions.release(session);
  }
}

/** The executor first, which may have something to tidy up; then the task, whatever the executor does. */
async function cancelNow(parts: A2AParts, session: LiveSession, local: string): Promise<void> {
  const seen = session.view.task(local);
  const runsElsewhere =
    seen !== undefined && isRunning(seen.state) && seen.runner !== parts.sessions.instance;
  await parts.runner.cancel(session.ref, local, parts.settings.cancelGraceMs);
  const hasEnded = (fold: Session): boolean => {
    const task = fold.task(local);
    return task === undefined || task.withdrawn || isTerminal(task.state);
  };
  do {
    await session.change(
      (draft, at): RecordBody[] =>
        hasEnded(draft) ? [] : [{ t: 'status', at, task: local, state: 'TASK_STATE_CANCELED' }],
      // Whether a runner elsewhere would hear of it cannot be promised while the store is away.
      { mustStore: runsElsewhere },
    );
    // Somebody else may be ending it at the same moment, and that may still fail.
    await whenStored(session, () => hasEnded(session.view));
  } while (!hasEnded(session.view));
}

const notCancelable = (taskId: string): ProtocolError =>
  new ProtocolError('TASK_NOT_CANCELABLE', { metadata: { taskId } });
