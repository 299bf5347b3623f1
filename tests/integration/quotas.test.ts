import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import { createServer } from '../../server/app.ts';
import { parseConfig } from '../../server/config.ts';
import { problemsOf } from '../helpers/config.ts';
import { useFiles, useFolder } from '../helpers/files.ts';
import { keysFile, withKey } from '../helpers/keys.ts';
import { useOutage } from '../helpers/outage.ts';
import { commandsDuring } from '../helpers/redis-traffic.ts';
import { call, type RpcReply, sendV01, sendV03, sendV1, V1 } from '../helpers/rpc.ts';
import { TEST_ENV, useServer } from '../helpers/server.ts';
import { taskIn, textsOf } from '../conformance/said.ts';

const V03 = { 'A2A-Version': '0.3' };
const NOWHERE = 'http://127.0.0.1:9';
const KEYS = keysFile(
  { key: 'few-4Zb1uT9', tenant: 'few', tier: 'few' },
  { key: 'calm-x8Qm2Lw', tenant: 'calm', tier: 'calm' },
  { key: 'small-k2Ht6Rv', tenant: 'small', tier: 'small' },
  { key: 'free-p9Sd3Ga', tenant: 'few', tier: 'free' },
);
const [FEW, CALM, SMALL, FREE] = ['few-4Zb1uT9', 'calm-x8Qm2Lw', 'small-k2Ht6Rv', 'free-p9Sd3Ga'].map(
  withKey,
) as [Record<string, string>, Record<string, string>, Record<string, string>, Record<string, string>];
const TIERS = {
  default: {},
  free: {},
  few: { maxSessions: 2 },
  calm: { maxRunningTasks: 1 },
  small: { maxRecordsPerSession: 12, maxWebhooksPerTask: 1 },
};

const metadataOf = ({ json }: RpcReply): JsonValue | undefined =>
  ((json.error?.data ?? []) as { metadata?: JsonObject }[])[0]?.metadata;

describe('the quotas of a tier', () => {
  const files = useFiles();
  const folder = useFolder();
  const used = useServer(() => ({}), {
    A2A_TIERS_FILE: files.write('tiers.json', TIERS),
    A2A_API_KEYS_FILE: files.write('keys.json', KEYS),
    A2A_PUSH_ALLOW: NOWHERE,
  });
  const send = (who: Record<string, string>, text: string, contextId?: string, more: JsonObject = {}) =>
    call(
      used.url,
      'SendMessage',
      { ...sendV1(`${text} ${contextId}`, text, contextId), ...more },
      { ...who, ...V1 },
    );
  const NOW = { configuration: { returnImmediately: true } };

  it('refuse another session in the words of each generation, and one line and a metric tell of it', async () => {
    for (const id of ['a', 'b']) expect((await send(FEW, 'hello', id)).json.error).to.equal(undefined);
    const refused = [
      await send(FEW, 'hello', 'c'),
      await send(FEW, 'hello'),
      await call(used.url, 'message/send', sendV03('m', 'hello', 'c'), { ...FEW, ...V03 }),
      await call(used.url, 'tasks/send', sendV01('t', 'hello', 'c'), FEW),
    ];
    expect(refused.map(({ status, json }) => [status, json.error?.code])).to.deep.equal([
      [200, -32603],
      [200, -32603],
      [200, -32603],
      [200, -32011],
    ]);
    const [first] = refused;
    expect(metadataOf(first!)).to.deep.equal({ bound: 'maxSessions', limit: '2', tier: 'few' });
    expect(first?.json.error?.message).to.equal('the limit of the tier few is reached: maxSessions is 2');
    expect(used.logs.of('quota_refused')).to.have.length(1);
    expect(used.logs.of('quota_refused')[0]).to.include({
      tenant: 'few',
      tier: 'few',
      limit: 'maxSessions',
      max: 2,
    });
    const { values } = await used.server.metrics.quotaRefused.get();
    const counted = values.filter(({ value }) => value > 0);
    expect(counted).to.have.length(1);
    expect(counted[0]).to.deep.include({ value: 4, labels: { limit: 'maxSessions', tier: 'few' } });
    // what is there goes on, and a caller without the limit is not bound by it
    expect(textsOf(taskIn((await send(FEW, 'recall', 'a')).json.result!))).to.deep.equal(['hello']);
    expect((await send(FREE, 'hello', 'c')).json.error).to.equal(undefined);
    expect(metadataOf(await send(FEW, 'hello', 'd'))).to.include({ bound: 'maxSessions' });
  });

  it('refuse another running task until there is room, and run no agent for it', async () => {
    const { id } = taskIn((await send(CALM, 'slow 1000 60000', 'a', NOW)).json.result!);
    expect(metadataOf(await send(CALM, 'hello', 'a'))).to.include({ bound: 'maxRunningTasks' });
    expect(metadataOf(await send(CALM, 'hello', 'b'))).to.include({ bound: 'maxRunningTasks' });
    const stream = await fetch(used.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...CALM, ...V1 },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'SendStreamingMessage',
        params: sendV1('m', 'hello', 'c'),
      }),
    });
    expect(stream.headers.get('content-type')).to.include('application/json');
    expect(await stream.text()).to.include('maxRunningTasks');
    await call(used.url, 'CancelTask', { id }, { ...CALM, ...V1 });
    expect(textsOf(taskIn((await send(CALM, 'recall', 'a')).json.result!))).to.deep.equal([
      'slow 1000 60000',
    ]);
    const asks = taskIn((await send(CALM, 'input', 'd')).json.result!);
    await send(CALM, 'slow 1000 60000', 'e', NOW);
    const answer = {
      message: { ...(sendV1('m2', 'answer', 'd')['message'] as JsonObject), taskId: asks.id },
    };
    expect(metadataOf(await send(CALM, 'answer', 'd', answer))).to.include({ bound: 'maxRunningTasks' });
  });

  it('bound what is said in a session, by its caller and at its call', async () => {
    const { status } = taskIn((await send(SMALL, 'slow 30 1', 'a')).json.result!);
    expect(status.state).to.equal('TASK_STATE_FAILED');
    expect(status.message?.parts[0]?.text).to.include('maxRecordsPerSession is 12');
    expect(metadataOf(await send(SMALL, 'hello', 'a'))).to.deep.equal({
      bound: 'maxRecordsPerSession',
      limit: '12',
      tier: 'small',
    });
    expect((await send(SMALL, 'hello', 'b')).json.error).to.equal(undefined);
  });

  it('bound the webhooks of a task, those that come with a send too', async () => {
    const hook = (id: string): JsonObject => ({ id, url: `${NOWHERE}/hook` });
    const inSend = (id: string): JsonObject => ({ configuration: { taskPushNotificationConfig: hook(id) } });
    const { id: taskId } = taskIn((await send(SMALL, 'input', 'a', inSend('one'))).json.result!);
    const create = (id: string) =>
      call(used.url, 'CreateTaskPushNotificationConfig', { taskId, ...hook(id) }, { ...SMALL, ...V1 });
    expect(metadataOf(await create('two'))).to.include({ bound: 'maxWebhooksPerTask', limit: '1' });
    expect((await create('one')).json.error).to.equal(undefined);
    const message = { message: { ...(sendV1('m', 'x', 'a')['message'] as JsonObject), taskId } };
    expect(metadataOf(await send(SMALL, 'x', 'a', { ...message, ...inSend('two') }))).to.include({
      bound: 'maxWebhooksPerTask',
    });
    const listed = await call(used.url, 'ListTaskPushNotificationConfigs', { taskId }, { ...SMALL, ...V1 });
    expect(listed.json.result).to.have.property('configs').with.length(1);
  });

  it('count what was there before there were limits, and over a restart', async () => {
    const serve = async (tier: object, use: (url: string) => Promise<void>): Promise<void> => {
      const env = { ...TEST_ENV, A2A_STORE: 'lmdb', A2A_DATA_DIR: folder.path };
      const server = await createServer(
        parseConfig({ ...env, A2A_TIERS_FILE: files.write('tier.json', { default: tier }) }),
        {},
      );
      await use((await server.listen()).url);
      await server.close();
    };
    const say = (url: string, id: string) => call(url, 'SendMessage', sendV1(`m-${id}`, 'hello', id), V1);
    await serve({}, async (url) => {
      for (const id of ['a', 'b']) expect((await say(url, id)).json.error).to.equal(undefined);
    });
    for (const [maxSessions, id] of [
      [3, 'c'],
      [4, 'd'],
    ] as const) {
      await serve({ maxSessions }, async (url) => {
        expect((await say(url, id)).json.error).to.equal(undefined);
        expect(metadataOf(await say(url, 'more'))).to.include({ bound: 'maxSessions' });
      });
    }
  });

  it('refuse a start where they could not be exact', () => {
    const path = files.write('exact.json', {
      default: { maxSessions: 5 },
      gold: { maxRunningTasks: 2, maxWebhooksPerTask: 1 },
    });
    expect(problemsOf({ A2A_TIERS_FILE: path })).to.deep.equal([]);
    expect(problemsOf({ A2A_TIERS_FILE: path, A2A_TENANT_BUCKETS: '4' })).to.deep.equal(
      ['default.maxSessions', 'gold.maxRunningTasks'].map(
        (limit) =>
          `A2A_TIERS_FILE: ${limit} needs A2A_TENANT_BUCKETS to be 1, because a tenant in 4 buckets cannot be counted exactly`,
      ),
    );
  });
});

describe('quotas on redis', () => {
  const outage = useOutage({ appendonly: false });
  const files = useFiles();
  const tiers = files.write('tiers.json', { default: { maxSessions: 2, maxRunningTasks: 5 } });
  const say = ({ url }: { url: string }, contextId: string, who: Record<string, string> = {}) =>
    call(url, 'SendMessage', sendV1(`m-${contextId}`, 'hello', contextId), { ...who, ...V1 });

  it('cost no round trip more', async () => {
    const QUIET = { A2A_DEAD_SECONDS: '3600' };
    const limited = await outage.serveHere({ ...QUIET, A2A_TIERS_FILE: tiers });
    await say(limited, 'warm');
    const sending = await commandsDuring(outage.client, async () => {
      await say(limited, 'a');
    });
    const commits = (names: string[]): string[] => names.filter((name) => /^(append|create)/.test(name));
    expect(commits(sending)).to.deep.equal(['create_counted', 'append']);
  });

  it('are a tenant’s, whoever of its subjects has what', async () => {
    const keys = keysFile(
      ...['ann', 'bob', 'eve'].map((subject) => ({ key: `${subject}-4Zb1uT9`, tenant: 'acme', subject })),
    );
    const server = await outage.serveHere({
      A2A_TIERS_FILE: tiers,
      A2A_SCOPE: 'subject',
      A2A_API_KEYS_FILE: files.write('keys.json', keys),
    });
    for (const subject of ['ann', 'bob'])
      expect((await say(server, 'mine', withKey(`${subject}-4Zb1uT9`))).json.error).to.equal(undefined);
    expect(metadataOf(await say(server, 'mine', withKey('eve-4Zb1uT9')))).to.include({
      bound: 'maxSessions',
    });
    expect((await say(server, 'mine', withKey('ann-4Zb1uT9'))).json.error).to.equal(undefined);
    expect(server.logs.of('quota_refused')[0]).to.include({ tenant: 'acme' });
  });
});
