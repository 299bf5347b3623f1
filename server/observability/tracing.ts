/** The only file that knows OpenTelemetry. Whoever runs the server brings the SDK, its exporter and its sampling. */
import {
  type Attributes,
  context,
  createContextKey,
  isSpanContextValid,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';

const NAME = 'holdfast';
const REQUEST_ID = createContextKey('holdfast request id');

export type { Attributes };

/** Headers as node has them. */
type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** A request while it is being answered. Each may be called once. */
export interface RequestSpan {
  named(operation: string, attributes: Attributes): void;
  end(outcome: 'answered' | 'left'): void;
}

/**
 * Spans, when somebody takes them. What a span says of itself are names, ids and numbers: never what clients or agents say.
 */
export class Tracing {
  readonly #tracer: Tracer;

  private constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /**
   * To be asked once: an SDK is registered before the server is made, or not at all.
   *
   * @returns undefined when none is: then nothing is wrapped, and tracing costs nothing
   */
  static find(version: string): Tracing | undefined {
    const tracer = trace.getTracer(NAME, version);
    // Without an SDK a span has no ids. This one is never ended, so nobody hears of it.
    const probe = tracer.startSpan('probe', { root: true });
    return isSpanContextValid(probe.spanContext()) ? new Tracing(tracer) : undefined;
  }

  /** Does the work as part of the caller's trace, or of a new one where `traceparent` names none. */
  request(headers: Headers, requestId: string, work: (span: RequestSpan) => void): void {
    const caller = propagation.extract(context.active(), headers);
    const attributes = { 'rpc.system': 'jsonrpc', 'holdfast.request_id': requestId };
    const span = this.#tracer.startSpan('a2a request', { kind: SpanKind.SERVER, attributes }, caller);
    const told: RequestSpan = {
      named: (operation, more) => {
        span.updateName(`a2a ${operation}`).setAttributes({ 'rpc.method': operation, ...more });
      },
      end: (outcome) => {
        if (outcome === 'left') span.setAttribute('holdfast.client_left', true);
        span.end();
      },
    };
    context.with(trace.setSpan(caller, span).setValue(REQUEST_ID, requestId), work, undefined, told);
  }

  /** Does the work in a span of its own, in whatever trace it belongs to. */
  async span<T>(
    name: string,
    kind: 'internal' | 'client',
    attributes: Attributes,
    work: (span: { set(attributes: Attributes): void; failed(why: string): void }) => T | Promise<T>,
  ): Promise<T> {
    const span = this.#tracer.startSpan(name, { kind: KINDS[kind], attributes });
    const fail = (why: string): void => {
      failed(span, why);
    };
    const told = { set: (more: Attributes) => void span.setAttributes(more), failed: fail };
    try {
      return await context.with(trace.setSpan(context.active(), span), () => work(told));
    } catch (error) {
      // Its message may quote what somebody said.
      fail(error instanceof Error ? error.name : 'not an Error');
      throw error;
    } finally {
      span.end();
    }
  }

  /** Headers that hand the present trace on, such as `traceparent`. */
  carrier(): Record<string, string> {
    const headers: Record<string, string> = {};
    propagation.inject(context.active(), headers);
    return headers;
  }

  /** For a line that is logged now. */
  readonly logFields = (): Readonly<Record<string, string>> => {
    const active = context.active();
    const spanContext = trace.getSpanContext(active);
    const requestId = active.getValue(REQUEST_ID);
    return {
      ...(spanContext && { traceId: spanContext.traceId, spanId: spanContext.spanId }),
      ...(typeof requestId === 'string' && { requestId }),
    };
  };
}

const KINDS = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;

function failed(span: Span, why: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: why });
}
