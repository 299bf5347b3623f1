import { answerDialect, CODECS } from '../../protocol/dialects/codecs.ts';
import type { SendParams } from '../../protocol/model.ts';
import type { A2AOperations, CallContext, StreamAnswer } from '../a2a/call.ts';
import { checkTenant, type OperationHandlers, type StreamOutcome } from './operation-handler.ts';

/** Operations that are answered as a stream. */
export function createStreamHandlers(
  operations: A2AOperations,
  readSend: (params: unknown, call: CallContext) => SendParams,
): OperationHandlers {
  return {
    async sendStreamingMessage(params, call) {
      return inDialect(await operations.sendStreamingMessage(readSend(params, call), call), call);
    },
    async subscribeToTask(params, call) {
      const decoded = CODECS[call.dialect].decodeSubscribe(params);
      checkTenant(decoded.tenant, call);
      return inDialect(await operations.subscribeToTask(decoded, call), call);
    },
  };
}

const inDialect = (stream: StreamAnswer, call: CallContext): StreamOutcome => ({
  stream,
  dialect: answerDialect(call, stream.of),
});
