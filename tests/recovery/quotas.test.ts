import { expect } from 'chai';
import type { JsonObject } from '../../protocol/units.ts';
import { createKeys } from '../../server/stores/redis/keys.ts';
import { eventually } from '../helpers/eventually.ts';
import { useFiles } from '../helpers/files.ts';
import { keysFile, withKey } from '../helpers/keys.ts';
import { nothingPending, useOutage } from '../helpers/outage.ts';
import { call, type RpcReply, sendV1, V1 } from '../helpers/rpc.ts';
import { useRedis } from '../helpers/redis.ts';
import { type ServerProcess, useServerProcesses } from '../helpers/server.ts';
import { taskIn } from '../conformance/said.ts';

const LIMIT = 20;
/** Who asks, of each instance at once. */
const CLIENTS = 3;

const boundOf = ({ json }: RpcReply): unknown => {
  const [info] = (json.error?.data ?? []) as { metadata?: JsonObject }[];
  return info?.metadata?.['bound'];
};

describe('a limit of 20 with four instances, one of them killed and begun anew', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const files = useFiles();
  const processes = useServerProcesses('suite');
  const servers: ServerProcess[] = [];

  const tiers = { default: {}, few: { maxSessions: LIMIT }, calm: { maxRunningTasks: LIMIT } };
  const keys = keysFile(
    { key: 'red-4Zb1uT9', tenant: 'red', tier: 'few' },
    { key: 'blue-x8Qm2Lw', tenant: 'blue', tier: 'calm' },
  );
  const env = {
    A2A_TIERS_FILE: files.write('tiers.json', tiers),
    A2A_API_KEYS_FILE: files.write('keys.json', keys),
    // What a killed one was running counts for as long as nobody has settled it.
    A2A_DEAD_SECONDS: '3600',
    A2A_KEY_PREFIX: 'limits',
  };
  const serve = (): Promise<ServerProcess> =>
    processes.start({ REDIS_URL: `unix://${redis.server.path}`, ...env }, redis.server.folder);
  before(async () => {
    servers.push(...(await Promise.all([serve(), serve(), serve(), serve()])));
  });

  const RED = { ...withKey('red-4Zb1uT9'), ...V1 };
  const BLUE = { ...withKey('blue-x8Qm2Lw'), ...V1 };
  const shelfOf = (tenant: string) => createKeys('limits', 1).shelves(tenant)[0]!;

  let made = 0;
  /** Everybody asks everywhere until it is refused. @returns what was acknowledged, and how much of it was not stored */
  async function askForMore(
    headers: Record<string, string>,
    text: string,
    bound: string,
  ): Promise<{ ids: string[]; deferred: number }> {
    const ids: string[] = [];
    let deferred = 0;
    const ask = async (n: number): Promise<void> => {
      for (let refused = 0; refused < 3;) {
        const url = servers[n]!.url;
        const contextId = `${text.split(' ')[0]}-${(made += 1)}`;
        const params = {
          ...sendV1(`m-${contextId}`, text, contextId),
          configuration: { returnImmediately: true },
        };
        const reply = await call(url, 'SendMessage', params, headers).catch(() => undefined);
        if (reply === undefined) {
          // Killed: whether it was stored is not known. The next one takes its place.
          await eventually(() => servers[n]!.url !== url);
        } else if (reply.json.error !== undefined) {
          expect([reply.status, boundOf(reply)], reply.text).to.deep.equal([200, bound]);
          refused += 1;
        } else {
          ids.push(taskIn(reply.json.result!).id);
          if (reply.headers.get('a2a-persistence') === 'deferred') deferred += 1;
        }
      }
    };
    const all = Promise.all(servers.flatMap((_, n) => Array.from({ length: CLIENTS }, () => ask(n))));
    await eventually(() => ids.length > LIMIT / 3);
    await servers[3]!.kill9();
    servers[3] = await serve();
    await all;
    await Promise.all(servers.map(({ url }) => nothingPending(url)));
    return { ids, deferred };
  }

  /** What a busy machine could not store in time was admitted unasked, and is kept. */
  function expectExactly(count: number, deferred: number): void {
    if (deferred === 0) expect(count).to.equal(LIMIT);
    else expect(count).to.be.within(LIMIT, LIMIT + deferred);
  }

  it('is exactly 20 sessions', async () => {
    const { ids, deferred } = await askForMore(RED, 'hello', 'maxSessions');
    const shelf = shelfOf('red');
    const stored = await redis.client.keys(`${shelf.base}s:*`);
    expectExactly(stored.length, deferred);
    expect(await redis.client.zcard(shelf.sessions)).to.equal(stored.length);
    const acknowledged = ids.map((id) => `${shelf.base}s:${id.split('.')[0]}`);
    expect(stored).to.include.members(acknowledged);
    // at most what each of the clients of the killed one had under way was stored and not told
    expect(acknowledged.length).to.be.within(stored.length - CLIENTS, stored.length);
  });

  it('is exactly 20 running tasks, and there is room again for one that is canceled', async () => {
    const { ids, deferred } = await askForMore(BLUE, 'slow 1000 60000', 'maxRunningTasks');
    const shelf = shelfOf('blue');
    const running = async (): Promise<string[]> => [
      ...(await redis.client.zrange(shelf.state('TASK_STATE_SUBMITTED'), 0, -1)),
      ...(await redis.client.zrange(shelf.state('TASK_STATE_WORKING'), 0, -1)),
    ];
    const before = await running();
    expectExactly(before.length, deferred);
    expect(before).to.include.members(ids);
    expect(await redis.client.keys(`${shelf.base}s:*`)).to.have.length(before.length);
    const send = (): Promise<RpcReply> =>
      call(
        servers[0]!.url,
        'SendMessage',
        { ...sendV1(`n${(made += 1)}`, 'slow 1000 60000'), configuration: { returnImmediately: true } },
        BLUE,
      );
    for (let over = before.length; over >= LIMIT; over -= 1)
      await call(servers[1]!.url, 'CancelTask', { id: ids[over - LIMIT] ?? '' }, BLUE);
    expect(boundOf(await send())).to.equal(undefined);
    expect(boundOf(await send())).to.equal('maxRunningTasks');
    expect(await running()).to.have.length(LIMIT);
  });
});

describe('a limit while redis is away', function () {
  this.timeout(60_000);
  const outage = useOutage();
  const files = useFiles();

  it('is held against the last known count, and what was too much is kept and told of', async () => {
    const env = {
      A2A_TIERS_FILE: files.write('tiers.json', { default: { maxSessions: 5 } }),
      A2A_DEAD_SECONDS: '3600',
    };
    const [one, two] = [await outage.serveHere(env), await outage.serveHere(env)];
    const send = ({ url }: { url: string }, contextId: string): Promise<RpcReply> =>
      call(url, 'SendMessage', sendV1(`m-${contextId}`, 'hello', contextId), V1);
    const persistence = async (server: { url: string }, contextId: string): Promise<unknown> => {
      const reply = await send(server, contextId);
      return reply.headers.get('a2a-persistence') ?? boundOf(reply);
    };
    expect(await persistence(two, 'two-1')).to.equal('stored');
    for (const id of ['one-1', 'one-2']) expect(await persistence(one, id)).to.equal('stored');
    await outage.redis.kill();
    await Promise.all([one, two].map(({ logs }) => logs.next('store_unavailable')));
    // One knows of 3, the other of the first.
    for (const id of ['one-3', 'one-4']) expect(await persistence(one, id)).to.equal('deferred');
    expect(await persistence(one, 'one-5')).to.equal('maxSessions');
    for (const id of ['two-2', 'two-3', 'two-4', 'two-5'])
      expect(await persistence(two, id)).to.equal('deferred');
    expect(await persistence(two, 'two-6')).to.equal('maxSessions');
    await outage.redis.start();
    await Promise.all([one, two].map(({ url }) => nothingPending(url)));
    expect(await outage.client.keys('a2a:1:{default.00}:s:*')).to.have.length(9);
    const told = [one, two].flatMap(({ logs }) => logs.of('quota_exceeded'));
    expect(told).not.to.have.length(0);
    expect(told[0]).to.include({ tenant: 'default', tier: 'default', limit: 'maxSessions', max: 5 });
    expect(Number(told[0]?.['tooMany'])).to.equal(Number(told[0]?.['count']) - 5);
    const metrics = await Promise.all(
      [one, two].map(async ({ url }) => (await fetch(new URL('/metrics', url))).text()),
    );
    const tooMany = metrics.map((text) =>
      Number(/holdfast_quota_exceeded_total\{.*\} (\d+)/.exec(text)?.[1] ?? 0),
    );
    expect(tooMany.reduce((sum, count) => sum + count, 0)).to.equal(4);
    for (const server of [one, two]) expect(await persistence(server, 'more')).to.equal('maxSessions');
  });
});
