/** Every operation while redis is away: the answer that the table in docs/persistence-runbook.md promises, in time. */
import { expect } from 'chai';
import type { JsonObject } from '../../protocol/units.ts';
import { createServer, type HoldfastServer } from '../../server/app.ts';
import { parseConfig } from '../../server/config.ts';
import { eventually } from '../helpers/eventually.ts';
import { LogLines } from '../helpers/log-lines.ts';
import { type RedisServer, startRedis } from '../helpers/redis.ts';
import { call, type RpcReply, sendV01, sendV03, sendV1, V1 } from '../helpers/rpc.ts';
import { findFaults, readSession, userTexts } from '../helpers/stored-sessions.ts';

/** Promised are 600 ms; the tests allow twice that. */
const ANSWER_MAX_MS = 1_200;

interface Row {
  readonly what: string;
  readonly go: () => Promise<RpcReply>;
  readonly is: 'deferred' | 'unavailable';
}

describe('an operation while redis is away', function () {
  this.timeout(30_000);
  let redis: RedisServer;
  let server: HoldfastServer;
  let url = '';
  let known = '';
  let running = '';

  beforeEach(async () => {
    redis = await startRedis({ appendonly: true });
    const env = { PORT: '0', REDIS_URL: `unix://${redis.path}`, A2A_DRAIN_SECONDS: '1' };
    server = await createServer(parseConfig({ ...env, A2A_PUSH_ALLOW: 'http://127.0.0.1:9' }), {
      logDestination: new LogLines(),
    });
    ({ url } = await server.listen());
    known = taskIdOf(await call(url, 'SendMessage', sendV1('m0', 'hello', 'known'), V1));
    const configuration = { returnImmediately: true };
    const slow = { ...sendV1('m1', 'slow 400 20', 'running'), configuration };
    running = taskIdOf(await call(url, 'SendMessage', slow, V1));
    await call(url, 'CreateTaskPushNotificationConfig', { taskId: running, id: 'w', ...push }, V1);
    await call(url, 'tasks/send', sendV01('own-id', 'hello', 'old'));
    await eventually(() => server.readiness.pending.records === 0);
  });
  afterEach(async () => {
    await server.close();
    await redis.stop();
  });

  const push = { url: 'http://127.0.0.1:9/hook' };
  const rows = (): Row[] => [
    {
      what: 'a send to a session that is known',
      go: () => call(url, 'SendMessage', sendV1('m2', 'again', 'known'), V1),
      is: 'deferred',
    },
    {
      what: 'a send to a session that is new',
      go: () => call(url, 'message/send', sendV03('m3', 'fresh', 'fresh')),
      is: 'deferred',
    },
    {
      what: 'a 0.1 send that goes on with its task',
      go: () => call(url, 'tasks/send', sendV01('own-id', 'more', 'old')),
      is: 'deferred',
    },
    {
      what: 'a 0.1 send of an id that is not known',
      go: () => call(url, 'tasks/send', sendV01('new-id', 'hello', 'old')),
      is: 'unavailable',
    },
    {
      what: 'a streaming send',
      go: () => stream(url, 'SendStreamingMessage', sendV1('m4', 'streamed', 'streamed')),
      is: 'deferred',
    },
    {
      what: 'a look at a task in memory',
      go: () => call(url, 'GetTask', { id: known }, V1),
      is: 'deferred',
    },
    {
      what: 'a look at a task elsewhere',
      go: () => call(url, 'tasks/get', { id: 'elsewhere.x' }),
      is: 'unavailable',
    },
    { what: 'a list', go: () => call(url, 'ListTasks', {}, V1), is: 'unavailable' },
    {
      what: 'a cancel of a task elsewhere',
      go: () => call(url, 'CancelTask', { id: 'elsewhere.x' }, V1),
      is: 'unavailable',
    },
    {
      what: 'a subscription to a task elsewhere',
      go: () => call(url, 'SubscribeToTask', { id: 'elsewhere.x' }, V1),
      is: 'unavailable',
    },
    {
      what: 'a new webhook',
      go: () => call(url, 'CreateTaskPushNotificationConfig', { taskId: running, id: 'v', ...push }, V1),
      is: 'unavailable',
    },
    {
      what: 'a look at a webhook',
      go: () => call(url, 'GetTaskPushNotificationConfig', { taskId: running, id: 'w' }, V1),
      is: 'deferred',
    },
    {
      what: 'the webhooks of a task',
      go: () => call(url, 'ListTaskPushNotificationConfigs', { taskId: running }, V1),
      is: 'deferred',
    },
    {
      what: 'the end of a webhook',
      go: () => call(url, 'DeleteTaskPushNotificationConfig', { taskId: running, id: 'w' }, V1),
      is: 'unavailable',
    },
    {
      what: 'the webhooks of a task elsewhere',
      go: () => call(url, 'ListTaskPushNotificationConfigs', { taskId: 'elsewhere.x' }, V1),
      is: 'unavailable',
    },
    {
      what: 'a cancel of a task that runs here',
      go: () => call(url, 'CancelTask', { id: running }, V1),
      is: 'deferred',
    },
  ];

  for (const [how, goAway, comeBack] of [
    ['dead', () => redis.kill(), () => redis.start()],
    [
      'frozen',
      () => {
        redis.pause();
      },
      () => {
        redis.resume();
      },
    ],
  ] as const) {
    it(`is answered as promised, and stored once (redis ${how})`, async () => {
      await goAway();
      const wrong: string[] = [];
      for (const { what, go, is } of rows()) {
        const began = performance.now();
        const reply = await go();
        const took = performance.now() - began;
        if (took > ANSWER_MAX_MS) wrong.push(`${what} takes ${Math.round(took)} ms`);
        if (answerOf(reply) !== is)
          wrong.push(`${what} is ${answerOf(reply)}, not ${is}: ${reply.status} ${reply.text.slice(0, 200)}`);
      }
      expect(wrong).to.deep.equal([]);
      expect(server.readiness.pending.records).to.be.above(10);
      expect(server.readiness.pending.bytes).to.be.above(1_000);
      expect(server.readiness.degraded).to.include('records_pending');
      await comeBack();
      await eventually(() => server.readiness.degraded.length === 0, 8_000);
      expect(server.readiness.pending).to.deep.equal({ records: 0, bytes: 0 });
      const client = redis.client();
      const sessions = await Promise.all(
        ['known', 'fresh', 'old', 'streamed', 'running'].map((id) => readSession(client, id)),
      );
      expect(sessions.map((session) => userTexts(session))).to.deep.equal([
        ['hello', 'again'],
        ['fresh'],
        ['hello', 'more'],
        ['streamed'],
        ['slow 400 20'],
      ]);
      expect(await findFaults(client, sessions)).to.deep.equal([]);
    });
  }
});

/** The frames of a stream that ends, as one answer. */
async function stream(url: string, method: string, params: JsonObject): Promise<RpcReply> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream', ...V1 };
  const response = await fetch(url, { method: 'POST', body, headers });
  const text = await response.text();
  const json: RpcReply['json'] = { jsonrpc: '2.0', id: 1, result: text };
  expect(text).to.include('TASK_STATE_COMPLETED');
  return { status: response.status, headers: response.headers, text, json };
}

const taskIdOf = ({ json }: RpcReply): string => (json.result as { task: { id: string } }).task.id;

/** In the words of the table; anything else as it came. */
function answerOf({ json, headers, text }: RpcReply): string {
  const persistence = headers.get('A2A-Persistence');
  if (json.error === undefined) return persistence ?? 'as if it were stored';
  const isRetried = /RetryInfo","retryDelay":"\d+s"/.test(text);
  const isRight = json.error.code === -32603 && json.error.message === 'store unavailable' && isRetried;
  return isRight ? 'unavailable' : text;
}
