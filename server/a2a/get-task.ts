import { taskNotFound } from '../../protocol/errors.ts';
import type { GetTaskParams, TaskView } from '../../protocol/model.ts';
import { isRunning } from '../../protocol/task-state.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { Answer, CallContext } from './call.ts';
import { findTask, toTaskView } from './find-task.ts';
import { settleIfOrphan } from './settle.ts';

/** A2A 1.0 §3.1.3 GetTask, 0.3 and 0.1 `tasks/get`. */
export async function getTask(
  parts: A2AParts,
  params: GetTaskParams,
  call: CallContext,
): Promise<Answer<TaskView>> {
  const found = findTask(parts, params.id, call);
  // where nothing had to be asked nothing is waited for
  const { session, local } = found instanceof Promise ? await found : found;
  try {
    let task = session.view.task(local);
    if (task !== undefined && isRunning(task.state)) {
      await settleIfOrphan(parts, session, local, false);
      task = session.view.task(local);
    }
    if (task === undefined) throw taskNotFound(params.id);
    const result = toTaskView(session, task, call, params.historyLength);
    const isFromMemory = session.persistence === 'deferred' || !session.isConfirmed;
    return isFromMemory ? { result, persistence: 'deferred' } : { result };
  } finally {
    parts.sessions.release(session);
  }
}
