import { trace } from '@opentelemetry/api';
import { expect } from 'chai';
import { createServer as createHttpServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from '../../server/app.ts';
import { parseConfig } from '../../server/config.ts';
import type { AgentExecutor } from '../../server/agents/agent-executor.ts';
import { Tracing } from '../../server/observability/tracing.ts';
import { eventually } from '../helpers/eventually.ts';
import { call, sendV1, V1 } from '../helpers/rpc.ts';
import { TEST_ENV, useServer } from '../helpers/server.ts';
import { type TakenSpan, useTracer } from '../helpers/tracer.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
const TRACED = { ...V1, traceparent: `00-${TRACE}-${CALLER}-01` };

describe('the spans of a server', () => {
  const tracer = useTracer();
  /** What the executor finds, by what it was asked. */
  const found = new Map<string, string | undefined>();
  const agent: AgentExecutor = {
    execute: (context, bus) => {
      found.set(context.contextId, trace.getActiveSpan()?.spanContext().traceId);
      if (context.contextId === 'broken') throw new Error('secret words');
      const { taskId, contextId } = context;
      bus.publish({
        kind: 'task',
        id: taskId,
        contextId,
        status: { state: 'TASK_STATE_COMPLETED' },
      } as never);
      return Promise.resolve();
    },
  };
  const used = useServer(() => ({ agent }));

  const spanOf = (name: string): Promise<TakenSpan> =>
    eventually(() => {
      const [span] = tracer.named(name);
      if (span === undefined) throw new Error(`no span ${name}`);
      return span;
    });

  it('continue the trace of the caller through request, commit and agent', async () => {
    await call(used.url, 'SendMessage', sendV1('m1', 'hello', 's1'), TRACED);
    const request = await spanOf('a2a sendMessage');
    expect([request.traceId, request.parentId]).to.deep.equal([TRACE, CALLER]);
    expect(request.attributes).to.include({ 'rpc.method': 'sendMessage', 'holdfast.dialect': 'v1' });
    for (const name of ['holdfast commit', 'holdfast agent run']) {
      const span = await spanOf(name);
      expect(span.traceId, name).to.equal(TRACE);
    }
    expect(tracer.named('holdfast commit')[0]?.parentId).to.equal(request.spanId);
    expect(found.get('s1')).to.equal(TRACE);
  });

  it('begin a trace for who names none, each its own', async () => {
    await call(used.url, 'SendMessage', sendV1('m1', 'hello', 's1'), V1);
    await call(used.url, 'GetTask', { id: 'nobody.unknown' }, { ...V1, traceparent: 'nonsense' });
    const getTask = await spanOf('a2a getTask');
    const parents = tracer.named('holdfast rehydrate').map(({ parentId }) => parentId);
    expect(parents).to.include(getTask.spanId);
    const traces = ['a2a sendMessage', 'a2a getTask'].map((name) => tracer.named(name)[0]?.traceId);
    expect(new Set(traces).size).to.equal(2);
    expect(tracer.named('a2a sendMessage')[0]?.parentId).to.equal(undefined);
  });

  it('say what failed by its type, and nothing of what was said', async () => {
    await call(used.url, 'SendMessage', sendV1('m1', 'private words', 'broken'), TRACED);
    const run = await spanOf('holdfast agent run');
    expect(run.error).to.equal('Error');
    await spanOf('a2a sendMessage');
    expect(JSON.stringify(tracer.spans)).to.not.match(/secret words|private words/);
  });

  it('put trace and request ids on log lines', async () => {
    await call(used.url, 'SendMessage', sendV1('m1', 'hello', 'broken'), TRACED);
    const request = await spanOf('a2a sendMessage');
    const [line] = used.logs.of('agent_failed');
    expect(line).to.include({ traceId: TRACE, requestId: request.attributes['holdfast.request_id'] });
    expect(used.logs.of('server_listening')[0]).to.not.have.any.keys('traceId', 'requestId');
  });

  it('go on to webhooks', async () => {
    const heard: (string | undefined)[] = [];
    const receiver = createHttpServer((req, res) => {
      heard.push(String(req.headers['traceparent']));
      res.end();
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    const server = await createServer(parseConfig({ ...TEST_ENV, A2A_PUSH_ALLOW: origin }), { agent });
    try {
      const configuration = { taskPushNotificationConfig: { url: `${origin}/hook` } };
      const { url } = await server.listen();
      await call(url, 'SendMessage', { ...sendV1('m1', 'hello', 's1'), configuration }, TRACED);
      const webhook = await spanOf('holdfast webhook');
      expect(heard[0]).to.equal(`00-${webhook.traceId}-${webhook.spanId}-01`);
      expect(webhook.attributes).to.include({ 'holdfast.outcome': 'ok' });
      expect(JSON.stringify(webhook)).to.not.contain(origin);
    } finally {
      receiver.close();
      await server.close();
    }
  });
});

describe('without an SDK', () => {
  it('there is nothing to trace with, so that nothing is wrapped', () => {
    expect(Tracing.find('1.0.0')).to.equal(undefined);
  });
});
