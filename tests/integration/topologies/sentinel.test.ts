import { expect } from 'chai';
import { useFiles } from '../../helpers/files.ts';
import { Load, sendOnce } from '../../helpers/load.ts';
import { isReady, nothingPending } from '../../helpers/outage.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startRedisSentinels, type RedisSentinels } from '../../helpers/redis-sentinel.ts';
import { expectAnswered, expectStoredOnce, useServices } from './service.ts';

describe('redis behind sentinels', function () {
  this.timeout(60_000);
  const serve = useServices();
  const files = useFiles();
  let sentinels: RedisSentinels;
  async function start(): Promise<void> {
    sentinels = await startRedisSentinels({ sentinelPassword: 'watch' });
  }
  afterEach(async () => {
    await sentinels.stop();
  });
  const env = (): Record<string, string> => ({
    REDIS_SENTINELS: sentinels.addresses,
    REDIS_SENTINEL_NAME: sentinels.name,
    REDIS_SENTINEL_PASSWORD: 'watch',
  });

  for (const fault of ['killed', 'frozen'] as const) {
    it(`is followed to the replica that is promoted when the master is ${fault}`, async () => {
      await start();
      const { url } = await serve(env());
      const load = new Load([url], { perSecond: 50, conversations: 20, name: fault }).start();
      try {
        await load.answered(50);
        const master = await sentinels.master();
        await sentinels.inSync();
        const beganAt = performance.now();
        if (fault === 'killed') await master.kill();
        if (fault === 'frozen') master.pause();
        const promoted = await sentinels.promoted(master);
        await load.answered(50);
        await nothingPending(url, 6_000);
        await load.answered(20);
        const sent = await load.stop();
        await nothingPending(url, 6_000);
        expectAnswered(load, beganAt);
        expect(sent.at(-1)?.persistence).to.equal('stored');
        await expectStoredOnce(promoted.client(), sent);
      } finally {
        await load.stop().catch(() => undefined);
        if (fault === 'frozen') for (const server of sentinels.servers) server.resume();
      }
    });
  }

  it('is left for another that was promoted, although it goes on taking writes', async () => {
    await start();
    const { url, logs } = await serve(env());
    const before = await sendOnce(url, 'v1', 'before', 'same');
    await sentinels.inSync();
    const old = await sentinels.master();
    const promoted = await sentinels.failOver();
    await logs.next('store_recovered');
    const after = await sendOnce(url, 'v1', 'after', 'same');
    expect([before.persistence, after.persistence]).to.deep.equal(['stored', 'stored']);
    await expectStoredOnce(promoted.client(), [before, after]);
    expect(promoted).not.to.equal(old);
  });

  it('keeps the limits of a tenant when another is promoted', async () => {
    await start();
    const A2A_TIERS_FILE = files.write('tiers.json', { default: { maxSessions: 2 } });
    const { url, logs } = await serve({ ...env(), A2A_TIERS_FILE });
    for (const id of ['one', 'two'])
      expect((await sendOnce(url, 'v1', 'hello', id)).persistence).to.equal('stored');
    await sentinels.inSync();
    await sentinels.failOver();
    await logs.next('store_recovered');
    // One that was not there before has heard of nothing.
    for (const server of [await serve({ ...env(), A2A_TIERS_FILE }), { url }]) {
      const { reply } = await sendOnce(server.url, 'v1', 'hello', 'three');
      expect(reply.text).to.include('maxSessions is 2');
      expect((await sendOnce(server.url, 'v1', 'again', 'one')).persistence).to.equal('stored');
    }
  });

  it('is found by a server that started before any of it', async () => {
    await start();
    await Promise.all([...sentinels.sentinels, ...sentinels.servers].map((one) => one.kill()));
    const { url, logs } = await serve(env());
    expect((await sendOnce(url, 'v1', 'too early', 'early')).persistence).to.equal('deferred');
    expect(String((await logs.next('store_unavailable'))['why'])).to.match(/sentinels are unreachable/i);
    await Promise.all(sentinels.servers.map((one) => one.start()));
    await Promise.all(sentinels.sentinels.map((one) => one.start()));
    await eventually(() => isReady(url), 10_000);
    await nothingPending(url, 6_000);
  });
});
