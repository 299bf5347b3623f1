import jayson from 'jayson';
import { invalidParams, type ErrorReason, type ProtocolError } from '../../protocol/errors.ts';
import type { WireError } from '../../protocol/dialects/codec.ts';
import type { Dialect } from '../../protocol/model.ts';
import { methodName, OPERATION_NAMES, type Operation } from '../../protocol/operations.ts';
import type { JsonValue } from '../../protocol/units.ts';
import type { Answer, CallContext } from '../a2a/call.ts';
import type { Log } from '../observability/log-events.ts';
import type { Metrics } from '../observability/metrics.ts';
import { type Envelope, readEnvelope } from './envelope.ts';
import { parseJsonBody } from './json-body.ts';
import { openStream } from './open-stream.ts';
import type { OperationHandlers, Outcome, StreamOutcome } from './operation-handler.ts';
import { createOperationHandlers, notOffered, type Offer } from './operation-handlers.ts';
import { checkFacts, type RequestFacts } from './request-facts.ts';
import { failed, json, type RpcAnswer, type RpcResponse } from './rpc-answer.ts';
import { type RpcFailure, toRpcError } from './to-rpc-error.ts';

/** What the agent makes of the extensions that a client asks for. */
export interface ExtensionSupport {
  /** @returns the ones that are in effect, and the error when one that is required is missing */
  resolve(
    requested: readonly string[],
    operation: Operation | undefined,
  ): { readonly activated: readonly string[]; readonly error?: ProtocolError };
}

export interface RpcServerOptions extends Offer {
  readonly lenientVersion: boolean;
  /** Absent: there are none. */
  readonly extensions?: ExtensionSupport;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** What travels through jayson beside the params; the handler leaves its outcome or its failure here. */
interface Call {
  readonly envelope: Envelope;
  readonly context: CallContext;
  outcome?: Outcome;
  failure?: RpcFailure;
}

type Reply = (error: WireError | null, result?: JsonValue) => void;

/** What jayson calls a notification is decided before it is called: an `id` of null or none would get no answer at all. */
const INNER_ID = 0;

/** Every parameter of these is optional, or there is none. */
const MAY_LACK_PARAMS: ReadonlySet<Operation> = new Set(['listTasks', 'getExtendedCard']);

/** In which header the extensions in effect are told. 0.1 has no extensions. */
const EXTENSIONS_HEADER: Readonly<Partial<Record<Dialect, string>>> = {
  v1: 'A2A-Extensions',
  v03: 'X-A2A-Extensions',
};

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
    this.#handlers = createOperationHandlers(options);
    this.#methods = new jayson.Server(this.#methodTable(), { useContext: true });
  }

  /** Never rejects. */
  async handle(body: Uint8Array, facts: RequestFacts): Promise<RpcAnswer> {
    let envelope: Envelope;
    try {
      envelope = readEnvelope(parseJsonBody(body), facts.version, this.#options);
    } catch (error) {
      envelope = { ...readEnvelope(undefined, facts.version, this.#options), error: error as ProtocolError };
    }
    const { context, error } = this.#begin(envelope, facts);
    const call: Call = { envelope, context };
    if (error !== undefined) this.#fail(call, error);
    else await this.#dispatch(call);
    return this.#respond(call);
  }

  /** An error that the transport found, with nothing of the body read. */
  refuse(error: unknown, facts: Pick<RequestFacts, 'requestId' | 'version'>): RpcResponse {
    const envelope = readEnvelope(undefined, facts.version, this.#options);
    const failure = toRpcError(error, envelope.selection.dialect, { ...facts, log: this.#options.log });
    this.#count(envelope, failure.reason);
    return failed(failure, null);
  }

  /** The context of the call, and the first fault in what came beside its params. */
  #begin(envelope: Envelope, facts: RequestFacts): { context: CallContext; error?: unknown } {
    const { dialect, legacy, operation } = envelope.selection;
    const { requestId, principal, lastEventId, idempotencyKey, extensions: requested } = facts;
    let activated: readonly string[] = [];
    let { error }: { error?: unknown } = envelope;
    if (error === undefined) {
      try {
        checkFacts(facts);
        const resolved = this.#options.extensions?.resolve(requested, operation);
        activated = resolved?.activated ?? [];
        error = resolved?.error;
      } catch (thrown) {
        error = thrown;
      }
    }
    const context: CallContext = {
      requestId,
      principal,
      dialect,
      legacy,
      ...(lastEventId !== undefined && { lastEventId }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      extensions: activated,
    };
    return { context, error };
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
      const { params = MAY_LACK_PARAMS.has(operation) ? {} : undefined } = boxed as { params: unknown };
      if (typeof params !== 'object' || params === null || Array.isArray(params)) {
        throw invalidParams({ field: 'params', description: 'must be an object' });
      }
      call.outcome = await handler(params, call.context);
    } catch (error) {
      this.#fail(call, error);
    }
    if (call.failure === undefined) reply(null, null);
    else reply(call.failure.error);
  }

  #fail(call: Call, error: unknown): void {
    const { requestId, dialect } = call.context;
    call.failure = toRpcError(error, dialect, { requestId, log: this.#options.log });
  }

  #respond(call: Call): RpcAnswer {
    const { envelope, context, outcome, failure } = call;
    const { id, isNotification } = envelope;
    if (failure !== undefined) {
      this.#count(envelope, failure.reason);
      const isTold = failure.httpStatus !== 200 || !isNotification;
      return isTold ? failed(failure, id) : { status: 204, headers: {} };
    }
    if (outcome !== undefined && 'stream' in outcome) return this.#stream(call, outcome);
    this.#count(envelope, 'ok');
    const headers = headersOf(context, outcome);
    const delivered = outcome?.delivered === undefined ? {} : { delivered: outcome.delivered };
    if (isNotification) return { status: 204, headers, ...delivered };
    return { ...json(200, headers, { jsonrpc: '2.0', id, result: outcome?.result ?? null }), ...delivered };
  }

  #stream({ envelope, context }: Call, outcome: StreamOutcome): RpcAnswer {
    const { log, metrics } = this.#options;
    const { id, isNotification, method } = envelope;
    const headers = headersOf(context, outcome.stream);
    const onOutcome = (told: ErrorReason | 'ok'): void => {
      this.#count(envelope, told);
    };
    const opened = openStream(outcome, { id, method, context, headers, onOutcome, log, metrics });
    if (!isNotification) return opened;
    // Nobody is there to read it; what it asked for goes on without a listener.
    void opened.frames.return();
    const { delivered } = outcome.stream;
    return { status: 204, headers, ...(delivered !== undefined && { delivered }) };
  }

  #count({ selection }: Envelope, outcome: ErrorReason | 'ok'): void {
    const method: Operation | 'unknown' = selection.operation ?? 'unknown';
    this.#options.metrics.requests.inc({ dialect: selection.dialect, method, outcome });
  }
}

function headersOf(
  { dialect, extensions = [] }: CallContext,
  answer: Pick<Answer<unknown>, 'persistence'> | undefined,
): Record<string, string> {
  const headers: Record<string, string> = {};
  if (answer?.persistence !== undefined) headers['A2A-Persistence'] = answer.persistence;
  const name = EXTENSIONS_HEADER[dialect];
  if (name !== undefined && extensions.length > 0) headers[name] = extensions.join(', ');
  return headers;
}
