import { expect } from 'chai';
import { createServer, type HoldfastServer } from '../../server/app.ts';
import { parseConfig } from '../../server/config.ts';
import { SEND, useDoor } from '../helpers/door.ts';
import { FakeBackend } from '../helpers/fake-backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { useFiles } from '../helpers/files.ts';
import { keysFile, withKey } from '../helpers/keys.ts';
import { LogLines } from '../helpers/log-lines.ts';
import { useRedisCluster } from '../helpers/redis-cluster.ts';
import { useRedis } from '../helpers/redis.ts';
import { post, V1 } from '../helpers/rpc.ts';

describe('the rate of a tier', () => {
  const files = useFiles();
  const tiers = { default: { requestsPerSecond: 1, burst: 2 }, own: {} };
  const keys = keysFile({ key: 'red-4Zb1uT9', tenant: 'acme' }, { key: 'blue-x8Qm2Lw', tenant: 'umbrella' });
  const used = useDoor({
    A2A_TIERS_FILE: files.write('tiers.json', tiers),
    A2A_API_KEYS_FILE: files.write('keys.json', keys),
  });
  const { door } = used;
  const RED = withKey('red-4Zb1uT9');

  it('refuses what is above it with 429 and Retry-After in the caller’s words, before the body is read', async () => {
    const replies = [];
    for (let i = 0; i < 12; i++) replies.push(await post(door.url, 'not JSON', { ...RED, ...V1 }));
    const refused = replies.filter(({ status }) => status === 429);
    // 1 and a burst of 2, and one more for each second that it took
    expect(refused.length).to.be.within(5, 9);
    expect(Number(refused[0]?.headers.get('retry-after'))).to.equal(1);
    expect(refused[0]?.json).to.deep.nested.include({
      id: null,
      'error.code': -32603,
      'error.data[0].reason': 'RESOURCE_EXHAUSTED',
      'error.data[0].metadata': { bound: 'requestsPerSecond', tier: 'default' },
    });
    expect(door.logs.of('rate_limited')).to.have.length(1);
    expect(door.logs.of('rate_limited')[0]).to.include({ tenant: 'acme', tier: 'default' });
    const { values } = await door.server.metrics.rateRefused.get();
    expect(values).to.have.length(1);
    expect(values[0]).to.deep.include({ value: refused.length, labels: { tier: 'default' } });
    // in the words of 0.1
    const early = await post(door.url, SEND, RED);
    if (early.status === 429) expect(early.json.error?.code).to.equal(-32603);
  });

  it('leaves other tenants alone, and what is no call', async () => {
    for (let i = 0; i < 12; i++) await post(door.url, SEND, RED);
    expect((await post(door.url, SEND, withKey('blue-x8Qm2Lw'))).status).to.equal(200);
    for (let i = 0; i < 5; i++) expect((await fetch(`${door.origin}/livez`)).status).to.equal(200);
  });
});

describe('without a file of tiers', () => {
  const { door } = useDoor();
  it('nothing is counted', async () => {
    for (let i = 0; i < 100; i++) expect((await post(door.url, SEND)).status).to.equal(200);
  });
});

describe('rates on Redis', () => {
  const redis = useRedis();
  const files = useFiles();
  let servers: HoldfastServer[] = [];
  let logs: LogLines;
  /** Servers with one Redis; of each only the door is real, and its rates. */
  async function start(count: number, tier: object): Promise<string[]> {
    logs = new LogLines();
    const config = parseConfig({
      PORT: '0',
      LOG_LEVEL: 'debug',
      ...redis.server.env,
      A2A_KEY_PREFIX: redis.prefix,
      A2A_DRAIN_SECONDS: '0',
      A2A_TIERS_FILE: files.write('tiers.json', { default: tier }),
    });
    const urls: string[] = [];
    for (let i = 0; i < count; i++) {
      const server = await createServer(config, {
        buildBackend: () => new FakeBackend(),
        logDestination: logs,
      });
      servers.push(server);
      urls.push((await server.listen()).url);
    }
    return urls;
  }
  const keysNow = (): Promise<string[]> => redis.client.keys(`${redis.prefix}:*`);
  /** Until the connection is there a server counts by itself. */
  const isCounted = (urls: readonly string[]): Promise<void> =>
    eventually(async () => {
      for (const url of urls) {
        await redis.client.del(`${redis.prefix}:1:{default.00}:rate:default`);
        await post(url, SEND);
        expect(await keysNow()).to.include(`${redis.prefix}:1:{default.00}:rate:default`);
      }
    });
  afterEach(async () => {
    redis.server.resume();
    await Promise.all(servers.map((server) => server.close()));
    servers = [];
    const left = await keysNow();
    if (left.length > 0) await redis.client.del(...left);
  });

  it('are counted by all instances together, under keys that expire', async () => {
    const urls = await start(2, { requestsPerSecond: 100, burst: 10 });
    await isCounted(urls);
    await redis.client.set(`${redis.prefix}:1:{default.00}:rate:default`, 100, 'EX', 60);
    let served = 0;
    for (let i = 0; i < 40; i++) if ((await post(urls[i % 2]!, SEND)).status === 200) served++;
    expect(served).to.equal(10);
    const keys = (await keysNow()).sort();
    expect(keys).to.deep.equal(
      ['burst', 'rate'].map((what) => `${redis.prefix}:1:{default.00}:${what}:default`),
    );
    for (const key of keys) expect(await redis.client.pttl(key)).to.be.within(1, 60_000);
  });

  it('are counted by each alone while Redis is frozen, and no request waits longer than the store’s deadline', async () => {
    const [url = ''] = await start(1, { requestsPerSecond: 1_000 });
    await isCounted([url]);
    redis.server.pause();
    const first = performance.now();
    expect((await post(url, SEND)).status).to.equal(200);
    const tookMs = performance.now() - first;
    // 250 ms, and the time of a busy machine
    expect(tookMs).to.be.within(100, 1_500);
    const began = performance.now();
    for (let i = 0; i < 50; i++) expect((await post(url, SEND)).status).to.equal(200);
    // had each waited it would have been 12.5 s
    expect(performance.now() - began).to.be.below(6_000);
    redis.server.resume();
    await isCounted([url]);
  });

  it('are counted by each alone while Redis is gone', async () => {
    const [url = ''] = await start(1, { requestsPerSecond: 5 });
    await isCounted([url]);
    await redis.server.kill();
    const replies = await Promise.all(Array.from({ length: 40 }, () => post(url, SEND)));
    const served = replies.filter(({ status }) => status === 200).length;
    expect(served).to.be.within(5, 15);
    await redis.server.start();
    await isCounted([url]);
  });
});

describe('rates on a Redis Cluster', function () {
  this.timeout(60_000);
  const cluster = useRedisCluster();
  const files = useFiles();

  it('are counted where the tenant is', async () => {
    const config = parseConfig({
      PORT: '0',
      LOG_LEVEL: 'debug',
      REDIS_CLUSTER_NODES: cluster().addresses,
      A2A_DRAIN_SECONDS: '0',
      A2A_TIERS_FILE: files.write('tiers.json', { default: { requestsPerSecond: 1, burst: 1_000 } }),
    });
    const server = await createServer(config, { buildBackend: () => new FakeBackend() });
    try {
      const { url } = await server.listen();
      for (const key of ['a2a:1:{default.00}:rate:default', 'a2a:1:{default.00}:burst:default']) {
        const client = (await cluster().masterOf(key)).client();
        await eventually(async () => {
          for (let i = 0; i < 3; i++) expect((await post(url, SEND)).status).to.equal(200);
          expect(await client.exists(key)).to.equal(1);
        });
      }
    } finally {
      await server.close();
    }
  });
});
