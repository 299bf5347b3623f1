import type { SendParams } from '../../protocol/model.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { CallContext, StreamAnswer } from './call.ts';
import { deliverMessage } from './deliver-message.ts';
import type { SentMessage } from './sent-message.ts';
import { TaskStream } from './task-stream.ts';
import { settleFollowed } from './tend-task.ts';

/** A2A 1.0 §3.1.2 SendStreamingMessage, 0.3 `message/stream`, 0.1 `tasks/sendSubscribe`. */
export function sendStreamingMessage(
  parts: A2AParts,
  params: SendParams,
  call: CallContext,
): Promise<StreamAnswer> {
  return deliverMessage(parts, params, call, (sent) => answerAsStream(parts, params, call, sent));
}

async function answerAsStream(
  parts: A2AParts,
  { historyLength }: SendParams,
  call: CallContext,
  sent: SentMessage,
): Promise<StreamAnswer> {
  const { session, local, said } = sent;
  const isRepeat = sent.how === 'repeat';
  // Its runner may be gone: then it is run again, or ended, before anybody is told of it.
  if (isRepeat) await settleFollowed(parts, session, local, true, false);
  try {
    // As it was submitted: its agent has not been started.
    const stream = new TaskStream(parts, session, local, { call, historyLength, said, isRepeat });
    const delivered = (): void => {
      // A stream that was ended before its time has answered nothing: its message may be sent again.
      if (stream.isComplete) sent.delivered();
    };
    return { frames: stream, of: stream.of, persistence: sent.persistence, delivered };
  } finally {
    sent.start(false);
  }
}
