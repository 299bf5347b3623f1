import { ProtocolError, taskNotFound } from '../../protocol/errors.ts';
import type { SendParams, SendResult } from '../../protocol/model.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { Answer, CallContext } from './call.ts';
import { deliverMessage } from './deliver-message.ts';
import { toTaskView } from './find-task.ts';
import { revealTask } from './reveal-task.ts';
import type { SentMessage } from './sent-message.ts';
import { waitForTask } from './wait-for-task.ts';

/** A2A 1.0 §3.1.1 SendMessage, 0.3 `message/send`, 0.1 `tasks/send`. */
export function sendMessage(
  parts: A2AParts,
  params: SendParams,
  call: CallContext,
): Promise<Answer<SendResult>> {
  return deliverMessage(parts, params, call, (sent) => answerWhenDue(parts, params, call, sent));
}

async function answerWhenDue(
  parts: A2AParts,
  params: SendParams,
  call: CallContext,
  sent: SentMessage,
): Promise<Answer<SendResult>> {
  const { session, local, delivered } = sent;
  // A send that does not wait is answered with the task: from now on there has to be one.
  sent.start(!params.blocking);
  if (params.blocking) {
    const isRepeat = sent.how === 'repeat';
    const progress = await waitForTask(
      parts,
      session,
      local,
      sent.said(),
      parts.settings.blockingMs,
      isRepeat,
    );
    if (progress === 'gone') throw taskNotFound(sent.taskId);
  }
  // A bare message may be on its way already: then that is the answer. A task that has ended, and is stored so, stays one.
  let task = session.view.task(local);
  if (task === undefined || task.withdrawn || session.isPending || !isTerminal(task.state)) {
    const revealed = revealTask(parts, session, local);
    if (revealed !== undefined) await revealed;
    task = session.view.task(local);
  }
  if (task === undefined) throw taskNotFound(sent.taskId);
  const { persistence } = sent;
  if (task.withdrawn && task.reply !== undefined) {
    const { sessionId: contextId } = session.ref;
    return { result: { kind: 'message', message: { ...task.reply, contextId } }, persistence, delivered };
  }
  if (params.blocking && isTerminal(task.state) && task.queued > 0 && (task.turn?.n ?? 0) < sent.said()) {
    // Its task ended before its turn: the message stays in the history, and its sender is told. Nothing was done for it,
    // so the same message sent again is no repeat.
    sent.answered();
    throw new ProtocolError('INVALID_TASK_STATE', { metadata: { taskId: sent.taskId } });
  }
  return {
    result: { kind: 'task', view: toTaskView(session, task, call, params.historyLength) },
    persistence,
    delivered,
  };
}
