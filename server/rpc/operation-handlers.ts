import type { Codec } from '../../protocol/dialects/codec.ts';
import { answerDialect, CODECS } from '../../protocol/dialects/codecs.ts';
import { invalidParams, ProtocolError } from '../../protocol/errors.ts';
import type { SendParams, TaskView } from '../../protocol/model.ts';
import { type Operation, streams } from '../../protocol/operations.ts';
import type { JsonValue } from '../../protocol/units.ts';
import type { A2AOperations, Answer, CallContext } from '../a2a/call.ts';

/** Params in a dialect's wire form -> the answer in it. */
export type OperationHandler = (params: unknown, call: CallContext) => Promise<Answer<JsonValue>>;
export type OperationHandlers = Readonly<Partial<Record<Operation, OperationHandler>>>;

/** What is served; everything else is refused as the agent card says. */
export function createOperationHandlers(operations: A2AOperations): OperationHandlers {
  return {
    async sendMessage(params, call) {
      const decoded = CODECS[call.dialect].decodeSend(params);
      checkTenant(decoded.tenant, call);
      refusePush(decoded);
      const answer = await operations.sendMessage(decoded, call);
      const { result } = answer;
      const codec = result.kind === 'task' ? codecFor(result.view, call) : CODECS[call.dialect];
      return { ...answer, result: codec.encodeSend(result) };
    },
    async getTask(params, call) {
      const decoded = CODECS[call.dialect].decodeGet(params);
      checkTenant(decoded.tenant, call);
      return encodeView(await operations.getTask(decoded, call), call);
    },
    async cancelTask(params, call) {
      const decoded = CODECS[call.dialect].decodeCancel(params);
      checkTenant(decoded.tenant, call);
      return encodeView(await operations.cancelTask(decoded, call), call);
    },
  };
}

/** A2A 1.0 §3.3.4: what the agent card does not offer. */
export function notOffered(operation: Operation, method: string): ProtocolError {
  const isPush = operation.endsWith('PushConfig') || operation.endsWith('PushConfigs');
  if (isPush) return new ProtocolError('PUSH_NOTIFICATION_NOT_SUPPORTED');
  const message = `${method} is not supported by this agent${streams(operation) ? ', which does not stream' : ''}`;
  return new ProtocolError('UNSUPPORTED_OPERATION', { message, metadata: { method } });
}

/** A webhook that would never be called must not be taken in silence. */
function refusePush(params: SendParams): void {
  if (params.pushConfig !== undefined) throw new ProtocolError('PUSH_NOTIFICATION_NOT_SUPPORTED');
}

/** The tenant is the credential's. A request may repeat it, not choose it. */
function checkTenant(tenant: string | undefined, call: CallContext): void {
  if (tenant === undefined || tenant === '' || tenant === call.principal.tenant) return;
  throw invalidParams({ field: 'tenant', description: 'must be absent, empty or the tenant of the caller' });
}

const codecFor = (view: TaskView, call: CallContext): Codec => CODECS[answerDialect(call, view)];

function encodeView(answer: Answer<TaskView>, call: CallContext): Answer<JsonValue> {
  return { ...answer, result: codecFor(answer.result, call).encodeTask(answer.result) };
}
