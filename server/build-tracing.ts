/** Puts spans around what takes time: only where somebody takes them, so that others have the plain parts. */
import type { AgentExecutor } from './agents/agent-executor.ts';
import { chooseFormat, formatOf } from './agents/agent-format.ts';
import type { WebhookSender } from './a2a/webhook-sender.ts';
import { Tracing } from './observability/tracing.ts';
import { packageVersion } from './package-info.ts';
import type { SessionStore } from './sessions/session-store.ts';

/** Absent: no SDK is registered. */
export const findTracing = (): Tracing | undefined => Tracing.find(packageVersion());

type Sender = Pick<WebhookSender, 'post' | 'close'>;

/** Commits, and reads from the first record: that is what a rehydration takes. */
export function traceStore(store: SessionStore, tracing: Tracing | undefined): SessionStore {
  if (tracing === undefined) return store;
  const commit: SessionStore['commit'] = (ref, request) =>
    tracing.span(
      'holdfast commit',
      'client',
      { 'holdfast.records': request.records.length },
      async (span) => {
        const result = await store.commit(ref, request);
        span.set({ 'holdfast.outcome': result.outcome });
        return result;
      },
    );
  const read: SessionStore['read'] = (ref, after, renewTtlMs) => {
    const name = after === undefined || after.head === 0 ? 'holdfast rehydrate' : 'holdfast catch up';
    return tracing.span(name, 'client', {}, async (span) => {
      const found = await store.read(ref, after, renewTtlMs);
      span.set({ 'holdfast.records': found.found ? found.tail.records.length : 0 });
      return found;
    });
  };
  return replaced(store, { commit, read });
}

/** The executor finds the trace as the active span. */
export function traceAgent(agent: AgentExecutor, tracing: Tracing | undefined): AgentExecutor {
  if (tracing === undefined) return agent;
  const traced = replaced(agent, {
    execute: (context, bus) =>
      tracing.span('holdfast agent run', 'internal', { 'holdfast.task_id': context.taskId }, () =>
        agent.execute(context, bus),
      ),
  });
  chooseFormat(traced, formatOf(agent));
  return traced;
}

/** The receiver goes on with the trace. */
export function traceSender(sender: Sender, tracing: Tracing | undefined): Sender {
  if (tracing === undefined) return sender;
  return replaced(sender, {
    post: (post) =>
      tracing.span('holdfast webhook', 'client', {}, async (span) => {
        const attempt = await sender.post({ ...post, headers: { ...post.headers, ...tracing.carrier() } });
        span.set({ 'holdfast.outcome': attempt.outcome });
        if ('why' in attempt) span.failed(attempt.why);
        return attempt;
      }),
  });
}

/** The same object but for some methods. */
function replaced<T extends object>(whole: T, methods: Partial<T>): T {
  return new Proxy(whole, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
