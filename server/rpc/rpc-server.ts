import jayson from 'jayson';
import { invalidParams, type ErrorReason, type ProtocolError } from '../../protocol/errors.ts';
import type { Dialect } from '../../protocol/model.ts';
import { methodName, OPERATION_NAMES, type Operation, streams } from '../../protocol/operations.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { CallContext } from '../a2a/call.ts';
import type { Log } from '../observability/log-events.ts';
import type { Metrics } from '../observability/metrics.ts';
import { authorize } from '../security/permissions.ts';
import type { Principal } from '../security/principal.ts';
import { type Envelope, readEnvelope } from './envelope.ts';
import { parseJsonBody } from './json-body.ts';
import { openStream } from './open-stream.ts';
import type { EncodedAnswer, OperationHandlers, Outcome, StreamOutcome } from './operation-handler.ts';
import { createOperationHandlers, notOffered, type Offer } from './operation-handlers.ts';
import { RequestMeter } from './request-meter.ts';
import { checkFacts, type RequestFacts } from './request-facts.ts';
import { type Denied, whyDenied } from './denied.ts';
import { failed, type RpcAnswer, type RpcResponse } from './rpc-answer.ts';
import { StreamSlots } from './stream-slots.ts';
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
  /** Most that a caller may have open at one time. Default: any number. */
  readonly streamsPerPrincipal?: number;
  /** Whose requests are counted apart. Default: nobody's. */
  readonly metricsTenants?: readonly string[];
  /** Told of calls that were refused for who made them. */
  readonly onDenied?: (denied: Denied) => void;
  readonly log: Log;
  readonly metrics: Metrics;
}

class Context implements CallContext {
  readonly principal: Principal;
  readonly dialect: Dialect;
  readonly legacy: boolean;
  declare readonly lastEventId?: string;
  declare readonly idempotencyKey?: string;
  readonly extensions: readonly string[];
  readonly #facts: RequestFacts;

  constructor(facts: RequestFacts, dialect: Dialect, legacy: boolean, extensions: readonly string[]) {
    this.#facts = facts;
    this.principal = facts.principal;
    this.dialect = dialect;
    this.legacy = legacy;
    if (facts.lastEventId !== undefined) this.lastEventId = facts.lastEventId;
    if (facts.idempotencyKey !== undefined) this.idempotencyKey = facts.idempotencyKey;
    this.extensions = extensions;
  }

  get requestId(): string {
    return this.#facts.requestId;
  }
}

/** What travels through jayson beside the params; the handler leaves its outcome or its failure here. */
class Call {
  readonly envelope: Envelope;
  readonly context: CallContext;
  readonly facts: RequestFacts;
  readonly since: DurationMs;
  outcome: Outcome | undefined = undefined;
  failure: RpcFailure | undefined = undefined;
  /** Gives back the slot of a stream. */
  free: (() => void) | undefined = undefined;

  constructor(envelope: Envelope, context: CallContext, facts: RequestFacts) {
    this.envelope = envelope;
    this.context = context;
    this.facts = facts;
    this.since = facts.since ?? performance.now();
  }
}

type JaysonMethod = InstanceType<typeof jayson.Method>;
type JaysonParams = Parameters<JaysonMethod['execute']>[1];

/** What a handler leaves is in its call and in its promise. */
const NO_REPLY = (): void => undefined;

const NO_EXTENSIONS: readonly string[] = Object.freeze([]);

/** Every parameter of these is optional, or there is none. */
const MAY_LACK_PARAMS: ReadonlySet<Operation> = new Set(['listTasks', 'getExtendedCard']);

/** In which header the extensions in effect are told. 0.1 has no extensions. */
const EXTENSIONS_HEADER: Readonly<Partial<Record<Dialect, string>>> = {
  v1: 'A2A-Extensions',
  v03: 'X-A2A-Extensions',
};

/**
 * JSON-RPC for all dialects: body -> envelope -> dialect -> method -> params -> operation -> answer. Methods are looked
 * up and called by jayson, but not through its `Server.call`: that wants an envelope, events and callbacks for every
 * request, and answers badly what is answered here: batches (`[[]]` never), ids that are null or missing, text that does
 * not parse (it sends the parser's message), and handlers that throw (an Error with an integer `code` loses its message).
 */
export class RpcServer {
  readonly #options: RpcServerOptions;
  readonly #handlers: OperationHandlers;
  readonly #methods: InstanceType<typeof jayson.Server>;
  readonly #meter: RequestMeter;
  readonly #streamSlots: StreamSlots;

  constructor(options: RpcServerOptions) {
    this.#options = options;
    this.#meter = new RequestMeter(options.metrics, options.metricsTenants);
    this.#handlers = createOperationHandlers(options);
    this.#streamSlots = new StreamSlots(options.streamsPerPrincipal ?? Infinity);
    this.#methods = new jayson.Server(this.#methodTable(), { useContext: true });
  }

  /** Never rejects. */
  handle(body: Uint8Array, facts: RequestFacts): Promise<RpcAnswer> {
    let envelope: Envelope;
    try {
      envelope = readEnvelope(parseJsonBody(body), facts.version, this.#options);
    } catch (error) {
      envelope = { ...readEnvelope(undefined, facts.version, this.#options), error: error as ProtocolError };
    }
    const { dialect, operation } = envelope.selection;
    facts.span?.named(operation ?? 'unknown', { 'holdfast.dialect': dialect });
    const call = this.#begin(envelope, facts);
    if (call.failure !== undefined) return Promise.resolve(this.#respond(call));
    return this.#dispatch(call);
  }

  /** An error that the transport found, with nothing of the body read. */
  refuse(error: unknown, facts: Pick<RequestFacts, 'requestId' | 'version'>): RpcResponse {
    const envelope = readEnvelope(undefined, facts.version, this.#options);
    const failure = toRpcError(error, envelope.selection.dialect, facts, this.#options.log);
    this.#meter.refused(envelope.selection, failure.reason);
    return failed(failure, null);
  }

  /** The call with its context; it has failed already by the first fault in what came beside its params. */
  #begin(envelope: Envelope, facts: RequestFacts): Call {
    const { dialect, legacy, operation } = envelope.selection;
    const { principal, extensions: requested } = facts;
    let activated = NO_EXTENSIONS;
    let { error }: { error?: unknown } = envelope;
    if (error === undefined) {
      try {
        if (operation !== undefined) authorize(operation, principal);
        checkFacts(facts);
        const resolved = this.#options.extensions?.resolve(requested, operation);
        activated = resolved?.activated ?? NO_EXTENSIONS;
        error = resolved?.error;
      } catch (thrown) {
        error = thrown;
      }
    }
    const call = new Call(envelope, new Context(facts, dialect, legacy, activated), facts);
    if (error !== undefined) this.#fail(call, error);
    return call;
  }

  #methodTable(): Record<string, (params: unknown, call: object) => Promise<Outcome>> {
    const perform = (params: unknown, call: object): Promise<Outcome> => this.#perform(params, call as Call);
    const names = OPERATION_NAMES.flatMap((operation) =>
      (['v1', 'v03', 'v01'] as const).map((dialect) => methodName(operation, dialect)),
    );
    return Object.fromEntries(names.filter((name) => name !== undefined).map((name) => [name, perform]));
  }

  /** Never rejects. No async function, which would be one promise more for each request. */
  #dispatch(call: Call): Promise<RpcAnswer> {
    const { method, params } = call.envelope;
    const refuse = (error: unknown): RpcAnswer => {
      this.#fail(call, error);
      return this.#respond(call);
    };
    try {
      const known = this.#methods.getMethod(method) as JaysonMethod | undefined;
      if (known === undefined) throw new Error(`jayson has no ${method}`);
      const pending = known.execute(
        this.#methods,
        params as JaysonParams,
        call,
        NO_REPLY,
      ) as Promise<Outcome>;
      return pending.then((outcome) => {
        call.outcome = outcome;
        return this.#respond(call);
      }, refuse);
    } catch (error) {
      return Promise.resolve(refuse(error));
    }
  }

  /** Throws or rejects for what the caller did wrong. */
  #perform(given: unknown, call: Call): Promise<Outcome> {
    const { envelope, context } = call;
    const { method, selection } = envelope;
    const { operation } = selection;
    if (operation === undefined) throw new Error(`no operation for ${method}`);
    const handler = this.#handlers[operation];
    if (handler === undefined) throw notOffered(operation, method);
    const params = given === undefined && MAY_LACK_PARAMS.has(operation) ? {} : given;
    if (typeof params !== 'object' || params === null || Array.isArray(params)) {
      throw invalidParams({ field: 'params', description: 'must be an object' });
    }
    // Before anything is begun for it.
    if (streams(operation)) call.free = this.#streamSlots.take(context.principal);
    return handler(params, context);
  }

  #fail(call: Call, error: unknown): RpcFailure {
    const { dialect, principal } = call.context;
    const why = whyDenied(error);
    const { operation } = call.envelope.selection;
    if (why !== undefined) this.#options.onDenied?.({ principal, operation, why, source: call.facts.source });
    return (call.failure = toRpcError(error, dialect, call.facts, this.#options.log));
  }

  #respond(call: Call): RpcAnswer {
    const { envelope, context, outcome, failure } = call;
    const { id, isNotification } = envelope;
    if (failure !== undefined) {
      call.free?.();
      this.#count(call, failure.reason);
      const isTold = failure.httpStatus !== 200 || !isNotification;
      return isTold ? failed(failure, id) : { status: 204, headers: {} };
    }
    if (outcome !== undefined && 'stream' in outcome) return this.#stream(call, outcome);
    this.#count(call, 'ok');
    const headers = headersOf(context, outcome);
    const delivered = outcome?.delivered;
    if (isNotification) return { status: 204, headers, delivered };
    headers['Content-Type'] = 'application/json';
    const body = JSON.stringify({ jsonrpc: '2.0', id, result: outcome?.result ?? null });
    return { status: 200, headers, body, delivered };
  }

  #stream(call: Call, outcome: StreamOutcome): RpcAnswer {
    const { envelope, context, facts, free } = call;
    const { log, metrics } = this.#options;
    const { id, isNotification, method } = envelope;
    const headers = headersOf(context, outcome.stream);
    const onOutcome = (told: ErrorReason | 'ok'): void => {
      this.#count(call, told);
    };
    const opened = openStream(outcome, {
      id,
      method,
      request: facts,
      headers,
      onOutcome,
      onEnd: free,
      log,
      metrics,
    });
    if (!isNotification) return opened;
    // Nobody is there to read it; what it asked for goes on without a listener.
    void opened.frames.return();
    return { status: 204, headers, delivered: outcome.stream.delivered };
  }

  #count({ envelope, context, since }: Call, outcome: ErrorReason | 'ok'): void {
    this.#meter.answered(envelope.selection, context.principal.tenant, outcome, since);
  }
}

function headersOf(
  { dialect, extensions = NO_EXTENSIONS }: CallContext,
  answer: Pick<EncodedAnswer, 'persistence'> | undefined,
): Record<string, string> {
  const headers: Record<string, string> = {};
  if (answer?.persistence !== undefined) headers['A2A-Persistence'] = answer.persistence;
  const name = extensions.length > 0 ? EXTENSIONS_HEADER[dialect] : undefined;
  if (name !== undefined) headers[name] = extensions.join(', ');
  return headers;
}
