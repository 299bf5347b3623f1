/** What a program registers that wants spans: the least of an OpenTelemetry SDK, with the W3C header. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import {
  type Attributes,
  context,
  type Context,
  type ContextManager,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  trace,
  TraceFlags,
} from '@opentelemetry/api';

class LocalContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    work: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => work.call(thisArg as never, ...args));
  }
  bind<T>(_active: Context, target: T): T {
    return target;
  }
  enable(): this {
    return this;
  }
  disable(): this {
    return this;
  }
}

/** A span as it ended. */
export interface TakenSpan {
  name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly attributes: Attributes;
  error: string | undefined;
}

/** Registers itself before each test of the suite, and is gone after it. Call it before the server is made. */
export function useTracer(): { readonly spans: TakenSpan[]; named(name: string): TakenSpan[] } {
  const spans: TakenSpan[] = [];
  const startSpan = (name: string, options: SpanOptions = {}, parent: Context = context.active()): Span => {
    const above = trace.getSpanContext(parent);
    const own: SpanContext = {
      traceId: above?.traceId ?? randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
      traceFlags: TraceFlags.SAMPLED,
    };
    const taken: TakenSpan = {
      ...{ name, traceId: own.traceId, spanId: own.spanId, parentId: above?.spanId },
      ...{ attributes: { ...options.attributes }, error: undefined },
    };
    const span = {
      spanContext: () => own,
      updateName: (other: string) => ((taken.name = other), span),
      setAttribute: (key: string, value: string) => ((taken.attributes[key] = value), span),
      setAttributes: (more: Attributes) => (Object.assign(taken.attributes, more), span),
      setStatus: ({ message }: { message?: string }) => ((taken.error = message), span),
      end: () => void spans.push(taken),
    };
    return span as unknown as Span;
  };
  const tracer = { startSpan, startActiveSpan: () => undefined };
  beforeEach(() => {
    spans.length = 0;
    context.setGlobalContextManager(new LocalContexts());
    trace.setGlobalTracerProvider({ getTracer: () => tracer as never });
    propagation.setGlobalPropagator({
      inject: (from, carrier, setter) => {
        const span = trace.getSpanContext(from);
        if (span) setter.set(carrier, 'traceparent', `00-${span.traceId}-${span.spanId}-01`);
      },
      extract: (from, carrier, getter) => {
        const [, traceId = '', spanId = ''] = String(getter.get(carrier, 'traceparent')).split('-');
        const isKnown = /^[0-9a-f]{32}$/.test(traceId);
        return isKnown
          ? trace.setSpanContext(from, { traceId, spanId, traceFlags: 1, isRemote: true })
          : from;
      },
      fields: () => ['traceparent'],
    });
  });
  afterEach(() => {
    for (const api of [context, trace, propagation]) api.disable();
  });
  return { spans, named: (name) => spans.filter((span) => span.name === name) };
}
