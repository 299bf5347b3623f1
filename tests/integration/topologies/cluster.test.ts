import { expect } from 'chai';
import { readFile } from 'node:fs/promises';
import { BreakerStore } from '../../../server/stores/breaker.ts';
import { createRedisClient } from '../../../server/stores/redis/client.ts';
import { createKeys } from '../../../server/stores/redis/keys.ts';
import { RedisSessionStore } from '../../../server/stores/redis/redis-store.ts';
import { connected, REDIS_OPTIONS } from '../../contract/redis-harness.ts';
import { eventually } from '../../helpers/eventually.ts';
import { isCompleted, Load, sendOnce } from '../../helpers/load.ts';
import { nothingPending } from '../../helpers/outage.ts';
import { useRedisCluster } from '../../helpers/redis-cluster.ts';
import type { RedisServer } from '../../helpers/redis.ts';
import { call, sendV01, V1 } from '../../helpers/rpc.ts';
import { expectAnswered, expectStoredOnce, type Service, useServices } from './service.ts';

const BUCKETS = 8;
/** After the failover; half of it is usual. */
const PENDING_WITHIN_MS = 6_000;

describe('a redis cluster', function () {
  this.timeout(60_000);
  const cluster = useRedisCluster();
  const serve = useServices();
  const env = (): Record<string, string> => ({
    REDIS_CLUSTER_NODES: cluster().addresses,
    A2A_TENANT_BUCKETS: String(BUCKETS),
  });

  /** Who has most of the sessions of a load, but not the registry: its beats go on. */
  async function victim(): Promise<[RedisServer, string]> {
    const registry = await cluster().masterOf('a2a:1:{reg}:instances');
    for (const { sessions } of createKeys('a2a', BUCKETS).shelves('default')) {
      const master = await cluster().masterOf(sessions);
      if (master !== registry) return [master, sessions];
    }
    throw new Error('all shelves are on one master');
  }

  /** Session ids that are on a shelf. */
  const idsOn = (sessionsKey: string): string[] =>
    Array.from({ length: 200 }, (_, n) => `s${n}`).filter(
      (sessionId) =>
        createKeys('a2a', BUCKETS).session({ tenant: 'default', sessionId }).shelf.sessions === sessionsKey,
    );

  const FAULTS: Record<
    string,
    { begin: (node: RedisServer) => unknown; end: (node: RedisServer) => unknown }
  > = {
    killed: { begin: (node) => node.kill(), end: (node) => node.start() },
    frozen: {
      begin: (node) => {
        node.pause();
      },
      end: (node) => {
        node.resume();
      },
    },
  };
  for (const [fault, { begin, end }] of Object.entries(FAULTS)) {
    it(`answers every send while a master is ${fault}, and stores them on the one that is promoted`, async () => {
      const { url, logs } = await serve(env());
      const load = new Load([url], { perSecond: 50, conversations: 20, name: fault }).start();
      let hit: RedisServer | undefined;
      try {
        await load.answered(50);
        const [master, key] = await victim();
        await cluster().settled();
        const beganAt = performance.now();
        await begin(master);
        hit = master;
        await cluster().failedOver(key, master);
        await nothingPending(url, PENDING_WITHIN_MS);
        await load.answered(50);
        const sent = await load.stop();
        await nothingPending(url, PENDING_WITHIN_MS);
        expectAnswered(load, beganAt);
        expect(sent.some(({ persistence }) => persistence === 'deferred')).to.equal(true);
        expect(sent.at(-1)?.persistence).to.equal('stored');
        // as long as the shelf did not answer, that the registry did closes nothing
        expect(logs.of('store_recovered').length).to.be.at.most(2);
        await expectStoredOnce(cluster().client(), sent, BUCKETS);
      } finally {
        await load.stop().catch(() => undefined);
        if (hit !== undefined) await end(hit);
        await cluster().settled();
      }
    });
  }

  it('is not taken for well because the master of the registry answers', async () => {
    const nodes = cluster().nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
    const client = createRedisClient({ at: { nodes }, db: 0, tls: false }, () => undefined);
    const store = new RedisSessionStore(client, { ...REDIS_OPTIONS, exclusive: true, buckets: BUCKETS });
    const breaker = new BreakerStore(store, { instance: 'me', alsoProbe: () => store.touchFailed() });
    const [master, key] = await victim();
    const sessionId = idsOn(key)[0] ?? '';
    const look = () => breaker.read({ tenant: 'default', sessionId }, { epoch: 'e', head: 1, w: '' });
    try {
      await connected(client);
      await look();
      master.pause();
      await Promise.all(Array.from({ length: 5 }, () => look().catch(() => undefined)));
      expect(breaker.state).to.equal('open');
      await store.beat('me');
      await breaker.probe();
      expect(breaker.state).to.equal('open');
      master.resume();
      await eventually(() => breaker.state === 'closed');
    } finally {
      master.resume();
      await breaker.close();
      await cluster().settled();
    }
  });

  it('is found by a server that started before it, and by its names alone', async () => {
    const { nodes } = cluster();
    await Promise.all(nodes.map((node) => node.kill()));
    const { url, logs } = await serve(env());
    expect((await sendOnce(url, 'v1', 'too early', 'early')).persistence).to.equal('deferred');
    expect(String((await logs.next('store_unavailable'))['why'])).to.match(/ECONNREFUSED|not available/);
    await Promise.all(nodes.map((node) => node.start()));
    await nothingPending(url, 15_000);
    expect((await sendOnce(url, 'v1', 'in time', 'early')).persistence).to.equal('stored');
  });

  it('is served by the user of the runbook, who has no right too many', async () => {
    const runbook = await readFile('docs/persistence-runbook.md', 'utf8');
    const user = /^user (holdfast .*)$/m.exec(runbook)?.[1]?.split(' ') ?? [];
    const more = /With `REDIS_CLUSTER_NODES` the user needs `([^`]+)`/.exec(runbook)?.[1]?.split(' ') ?? [];
    expect(more).to.have.length(3);
    const admins = cluster().nodes.map((node) => node.client());
    const denied = async (): Promise<string[]> => {
      const logs = await Promise.all(admins.map((admin) => admin.call('ACL', 'LOG')));
      const entries = (logs as unknown[][][]).flat().map((entry) => String(entry[7]));
      return [...new Set(entries)].filter((what) => what !== 'client|setname');
    };
    const start = async (words: readonly string[]): Promise<Service> => {
      for (const admin of admins) {
        await admin.call('ACL', 'SETUSER', ...user, ...words);
        await admin.call('ACL', 'LOG', 'RESET');
      }
      return serve({ ...env(), REDIS_USERNAME: 'holdfast', REDIS_PASSWORD: 'change-me' });
    };
    const { url } = await start(more);
    const ids = Array.from({ length: 24 }, (_, n) => `as-user-${n}`);
    const sent = await Promise.all(ids.map((id) => sendOnce(url, 'v1', 'hello', id)));
    expect(sent.filter((one) => one.persistence !== 'stored')).to.deep.equal([]);
    expect(await denied()).to.deep.equal([]);
    await start(['-cluster|slots', '-readonly', '-readwrite']);
    await eventually(async () => {
      expect(await denied()).to.include('cluster|slots');
    });
    for (const admin of admins) await admin.call('ACL', 'DELUSER', 'holdfast');
  });

  it('runs every operation on sessions of all masters', async () => {
    const { url, logs } = await serve(env());
    const ids = Array.from({ length: 24 }, (_, n) => `everywhere-${n}`);
    const sent = await Promise.all(ids.map((id) => sendOnce(url, 'v1', `slow 1 1`, id)));
    expect(sent.filter((one) => !isCompleted(one) || one.persistence !== 'stored')).to.deep.equal([]);
    const v01 = await call(url, 'tasks/send', sendV01('their own id', 'hello', 'everywhere-1'));
    expect(v01.text).to.include('completed');
    expect((await call(url, 'tasks/get', { id: 'their own id' })).text).to.include('echo: hello');
    const { json } = await call(url, 'ListTasks', { pageSize: 100 }, V1);
    const listed = (json.result as { tasks: { contextId: string }[] }).tasks.map(
      ({ contextId }) => contextId,
    );
    expect(listed).to.include.members(ids);
    expect(logs.lines.filter(({ level }) => level === 'error').map(({ msg }) => msg)).to.deep.equal([]);
  });
});
