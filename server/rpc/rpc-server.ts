import jayson from 'jayson';
import { invalidParams, type ErrorReason, type ProtocolError } from '../../protocol/errors.ts';
import type { WireError } from '../../protocol/dialects/codec.ts';
import { methodName, OPERATION_NAMES, type Operation } from '../../protocol/operations.ts';
import type { JsonValue } from '../../protocol/units.ts';
import type { A2AOperations, Answer, CallContext } from '../a2a/call.ts';
import type { Log } from '../observability/log-events.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Principal } from '../security/principal.ts';
import { type Envelope, readEnvelope } from './envelope.ts';
import { parseJsonBody } from './json-body.ts';
import { createOperationHandlers, notOffered, type OperationHandlers } from './operation-handlers.ts';
import { type RpcFailure, toRpcError } from './to-rpc-error.ts';

/** What the transport knows about a request beside its body. */
export interface RequestFacts {
  readonly requestId: string;
  readonly principal: Principal;
  /** The `A2A-Version` header, else the query parameter of that name. */
  readonly version: string | undefined;
}

/** An HTTP answer, to be written as it is. */
export interface RpcResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON; absent for an answer without a body. */
  readonly body?: string;
  /** To be called when the last byte was handed to the socket without error. */
  readonly delivered?: () => void;
}

export interface RpcServerOptions {
  readonly operations: A2AOperations;
  readonly lenientVersion: boolean;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** What travels through jayson beside the params; the handler leaves its answer or its failure here. */
interface Call {
  readonly envelope: Envelope;
  readonly context: CallContext;
  answer?: Answer<JsonValue>;
  failure?: RpcFailure;
}

type Reply = (error: WireError | null, result?: JsonValue) => void;

/** What jayson calls a notification is decided before it is called: an `id` of null or none would get no answer at all. */
const INNER_ID = 0;

/**
 * JSON-RPC for all dialects: body -> envelope -> dialect -> method -> params -> operation -> answer. Methods are looked
 * up and called by jayson, which never sees what it answers badly: batches (`[[]]` is never answered), ids that are null
 * or missing, text that does not parse (it sends the parser's message), and handlers that throw (an Error with an integer
 * `code` loses its message, a synchronous one leaves `call`).
 */
export class RpcServer {
  readonly #options: RpcServerOptions;
  readonly #handlers: OperationHandlers;
  readonly #methods: InstanceType<typeof jayson.Server>;

  constructor(options: RpcServerOptions) {
    this.#options = options;
    this.#handlers = createOperationHandlers(options.operations);
    this.#methods = new jayson.Server(this.#methodTable(), { useContext: true });
  }

  /** Never rejects. */
  async handle(body: Uint8Array, facts: RequestFacts): Promise<RpcResponse> {
    let envelope: Envelope;
    try {
      envelope = readEnvelope(parseJsonBody(body), facts.version, this.#options);
    } catch (error) {
      envelope = { ...readEnvelope(undefined, facts.version, this.#options), error: error as ProtocolError };
    }
    const { dialect, legacy } = envelope.selection;
    const { requestId, principal } = facts;
    const call: Call = { envelope, context: { requestId, principal, dialect, legacy } };
    if (envelope.error === undefined) await this.#dispatch(call);
    else this.#fail(call, envelope.error);
    return this.#respond(call);
  }

  /** An error that the transport found, with nothing of the body read. */
  refuse(error: ProtocolError, facts: Pick<RequestFacts, 'requestId' | 'version'>): RpcResponse {
    const envelope = readEnvelope(undefined, facts.version, this.#options);
    const failure = toRpcError(error, envelope.selection.dialect, { ...facts, log: this.#options.log });
    this.#count(envelope, failure.reason);
    return toResponse(failure.httpStatus, failure.headers, {
      jsonrpc: '2.0',
      id: null,
      error: failure.error,
    });
  }

  #methodTable(): Record<string, (params: unknown, call: object, reply: Reply) => void> {
    const handle = (params: unknown, call: object, reply: Reply): void => {
      void this.#execute(params, call as Call, reply);
    };
    const names = OPERATION_NAMES.flatMap((operation) =>
      (['v1', 'v03', 'v01'] as const).map((dialect) => methodName(operation, dialect)),
    );
    return Object.fromEntries(names.filter((name) => name !== undefined).map((name) => [name, handle]));
  }

  #dispatch(call: Call): Promise<void> {
    const { method, params } = call.envelope;
    return new Promise((resolve) => {
      // Without params jayson passes the handler undefined; with any it must be an object, or its own -32600 comes back.
      const inner = { jsonrpc: '2.0', id: INNER_ID, method, params: { params } };
      this.#methods.call(inner, call, (error) => {
        if (error && call.failure === undefined) this.#fail(call, new Error(`jayson refused ${method}`));
        resolve();
      });
    });
  }

  /** Never rejects, and replies exactly once. */
  async #execute(boxed: unknown, call: Call, reply: Reply): Promise<void> {
    const { method, selection } = call.envelope;
    try {
      const { operation } = selection;
      if (operation === undefined) throw new Error(`no operation for ${method}`);
      const handler = this.#handlers[operation];
      if (handler === undefined) throw notOffered(operation, method);
      const { params } = boxed as { params: unknown };
      if (typeof params !== 'object' || params === null || Array.isArray(params)) {
        throw invalidParams({ field: 'params', description: 'must be an object' });
      }
      call.answer = await handler(params, call.context);
    } catch (error) {
      this.#fail(call, error);
    }
    if (call.failure === undefined) reply(null, call.answer?.result ?? null);
    else reply(call.failure.error);
  }

  #fail(call: Call, error: unknown): void {
    const { requestId, dialect } = call.context;
    call.failure = toRpcError(error, dialect, { requestId, log: this.#options.log });
  }

  #respond({ envelope, answer, failure }: Call): RpcResponse {
    this.#count(envelope, failure?.reason ?? 'ok');
    const { id, isNotification } = envelope;
    const persistence = answer?.persistence;
    const headers = persistence === undefined ? {} : { 'A2A-Persistence': persistence };
    const delivered = answer?.delivered === undefined ? {} : { delivered: answer.delivered };
    if (failure !== undefined && (failure.httpStatus !== 200 || !isNotification)) {
      return toResponse(failure.httpStatus, failure.headers, { jsonrpc: '2.0', id, error: failure.error });
    }
    if (isNotification) return { status: 204, headers, ...delivered };
    return {
      ...toResponse(200, headers, { jsonrpc: '2.0', id, result: answer?.result ?? null }),
      ...delivered,
    };
  }

  #count({ selection }: Envelope, outcome: ErrorReason | 'ok'): void {
    const method: Operation | 'unknown' = selection.operation ?? 'unknown';
    this.#options.metrics.requests.inc({ dialect: selection.dialect, method, outcome });
  }
}

function toResponse(status: number, headers: RpcResponse['headers'], body: JsonValue | object): RpcResponse {
  return { status, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) };
}
