import { ProtocolError, taskNotFound } from '../../protocol/errors.ts';
import type { SubscribeParams } from '../../protocol/model.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { parsePosition } from '../sessions/feed-position.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { CallContext, StreamAnswer } from './call.ts';
import { findTask } from './find-task.ts';
import { revealTask } from './reveal-task.ts';
import { TaskStream } from './task-stream.ts';

/**
 * A2A 1.0 §3.1.6 SubscribeToTask, 0.3 and 0.1 `tasks/resubscribe`. A client that says where it was (`Last-Event-ID`) is
 * told what it has missed, also of a task that has ended; one that does not, or whose cursor leads nowhere, begins with
 * the task as it stands.
 */
export async function subscribeToTask(
  parts: A2AParts,
  params: SubscribeParams,
  call: CallContext,
): Promise<StreamAnswer> {
  const { session, local } = await findTask(parts, params.id, call);
  try {
    const { lastEventId = '' } = call;
    const from = parsePosition(lastEventId);
    await revealTask(parts, session, local);
    const task = session.view.task(local);
    if (task === undefined || task.withdrawn) throw taskNotFound(params.id);
    if (lastEventId === '' && isTerminal(task.state)) {
      const message = 'the task has ended: there is nothing to subscribe to';
      throw new ProtocolError('UNSUPPORTED_OPERATION', { message, metadata: { taskId: params.id } });
    }
    const isFromMemory = session.persistence === 'deferred' || !session.isConfirmed;
    const stream = new TaskStream(parts, session, local, { call, from });
    return { frames: stream, of: stream.of, ...(isFromMemory && { persistence: 'deferred' }) };
  } finally {
    parts.sessions.release(session);
  }
}
