import type { Codec } from '../../protocol/dialects/codec.ts';
import { answerDialect, CODECS } from '../../protocol/dialects/codecs.ts';
import { invalidParams, ProtocolError } from '../../protocol/errors.ts';
import type { SendParams, TaskView } from '../../protocol/model.ts';
import { type Operation, streams } from '../../protocol/operations.ts';
import type { JsonValue } from '../../protocol/units.ts';
import type { A2AOperations, Answer, CallContext } from '../a2a/call.ts';
import { checkTenant, type EncodedAnswer, type OperationHandlers } from './operation-handler.ts';
import { createPushHandlers } from './push-handlers.ts';
import { createStreamHandlers } from './stream-handlers.ts';

/** What is served, as the agent card says it. */
export interface Offer {
  readonly operations: A2AOperations;
  readonly capabilities: { readonly streaming: boolean; readonly pushNotifications: boolean };
  /** Absent: there is none. */
  readonly extendedCard?: (call: CallContext) => Promise<JsonValue>;
  /** What is to be known of a message beside its shape. Throws a `ProtocolError`. */
  readonly checkInput?: (params: SendParams) => void;
}

/** Handlers of what is offered; an operation without one is refused by {@link notOffered}. */
export function createOperationHandlers(offer: Offer): OperationHandlers {
  const { operations, capabilities, extendedCard } = offer;

  const readSend = (params: unknown, call: CallContext): SendParams => {
    const decoded = CODECS[call.dialect].decodeSend(params);
    checkTenant(decoded.tenant, call);
    // A webhook that would never be called must not be taken in silence.
    if (decoded.pushConfig !== undefined && !capabilities.pushNotifications) {
      throw new ProtocolError('PUSH_NOTIFICATION_NOT_SUPPORTED');
    }
    offer.checkInput?.(decoded);
    return decoded;
  };

  return {
    sendMessage(params, call) {
      return operations.sendMessage(readSend(params, call), call).then((answer) => {
        const { result } = answer;
        const codec = result.kind === 'task' ? codecFor(result.view, call) : CODECS[call.dialect];
        return encoded(answer, codec.encodeSend(result));
      });
    },
    getTask(params, call) {
      const decoded = CODECS[call.dialect].decodeGet(params);
      checkTenant(decoded.tenant, call);
      return operations.getTask(decoded, call).then((answer) => encodeView(answer, call));
    },
    async listTasks(params, call) {
      const { list } = CODECS[call.dialect];
      if (list === undefined) throw new Error('the dialect has the method and not its codec');
      const decoded = list.decode(params);
      checkTenant(decoded.tenant, call);
      const answer = await operations.listTasks(decoded, call);
      return { ...answer, result: list.encode(answer.result) };
    },
    async cancelTask(params, call) {
      const decoded = CODECS[call.dialect].decodeCancel(params);
      checkTenant(decoded.tenant, call);
      return encodeView(await operations.cancelTask(decoded, call), call);
    },
    ...(capabilities.streaming && createStreamHandlers(operations, readSend)),
    ...(capabilities.pushNotifications && createPushHandlers(operations)),
    ...(extendedCard !== undefined && {
      async getExtendedCard(params, call) {
        checkTenant(tenantOf(params), call);
        return { result: await extendedCard(call) };
      },
    }),
  };
}

/** A2A 1.0 §3.3.4: what the agent card does not offer. */
export function notOffered(operation: Operation, method: string): ProtocolError {
  const isPush = operation.endsWith('PushConfig') || operation.endsWith('PushConfigs');
  if (isPush) return new ProtocolError('PUSH_NOTIFICATION_NOT_SUPPORTED');
  const message = `${method} is not supported by this agent${streams(operation) ? ', which does not stream' : ''}`;
  return new ProtocolError('UNSUPPORTED_OPERATION', { message, metadata: { method } });
}

/** `GetExtendedAgentCard` has no other parameter, and in 0.3 none at all. */
function tenantOf(params: unknown): string | undefined {
  const { tenant } = params as { tenant?: unknown };
  if (tenant === undefined || tenant === null || typeof tenant === 'string') return tenant ?? undefined;
  throw invalidParams({ field: 'tenant', description: 'must be a string' });
}

const codecFor = (view: TaskView, call: CallContext): Codec => CODECS[answerDialect(call, view)];

function encodeView(answer: Answer<TaskView>, call: CallContext): EncodedAnswer {
  return encoded(answer, codecFor(answer.result, call).encodeTask(answer.result));
}

/** A spread of the answer would be as short, and cost ten times as much on every request. */
function encoded({ persistence, delivered }: Answer<unknown>, result: JsonValue): EncodedAnswer {
  return { result, persistence, delivered };
}
