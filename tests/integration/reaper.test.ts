import { expect } from 'chai';
import { spaceOf } from '../../server/security/space.ts';
import type { SessionStore } from '../../server/sessions/session-store.ts';
import { splitTaskId } from '../../server/sessions/session-ref.ts';
import { MemorySessionStore } from '../../server/stores/memory/memory-store.ts';
import { createRedisClient } from '../../server/stores/redis/client.ts';
import { RedisSessionStore } from '../../server/stores/redis/redis-store.ts';
import { eventually } from '../helpers/eventually.ts';
import { useRedis } from '../helpers/redis.ts';
import { refOf } from '../helpers/sessions.ts';
import {
  closeAll,
  DEAD_MS,
  endsIn,
  isJudge,
  kill,
  recordsOf,
  recoveriesOf,
  running,
  serve,
} from './reaping.ts';

/** Also of one subject in a tenant. */
const TENANTS = ['acme', 'globex', 'initech', spaceOf('subject', { tenant: 'acme', subject: 'a:/{n}.%' })];

const memory = new Map<string, MemorySessionStore>();
interface Shared {
  readonly name: string;
  readonly open: () => Promise<SessionStore>;
}

function describeStore({ name, open }: Shared): void {
  describe(`tasks whose runner is gone, on ${name}`, () => {
    afterEach(async () => {
      await closeAll();
      memory.clear();
    });

    it('are settled once, for every tenant, by reapers that have never seen them; then it is forgotten', async () => {
      const store = await open();
      const one = await serve(store);
      const tasks: (readonly [string, string])[] = [];
      for (const tenant of TENANTS) {
        for (let i = 0; i < 12; i += 1) tasks.push([await running(one, tenant), tenant]);
      }
      await eventually(() => one.agent.begun.length === tasks.length);
      const others = [await serve(await open()), await serve(await open())];
      for (const { operations } of others) operations.reaper.start();
      await eventually(async () => (await Promise.all(others.map(isJudge))).every(Boolean));
      const states = async (): Promise<string[][]> =>
        Promise.all(tasks.map(async ([id, tenant]) => endsIn(await recordsOf(store, id, tenant))));
      expect((await states()).flat()).to.deep.equal([]);
      kill(one);
      const died = performance.now();
      await eventually(async () => (await states()).every(([end]) => end === 'FAILED'), 10 * DEAD_MS);
      // a beat, its age, a sweep; twice that for a slow machine
      expect(performance.now() - died).to.be.below(2 * 1.5 * DEAD_MS);
      const isKnown = async (): Promise<boolean> =>
        (await others[0]!.manager.registry.instances()).some(
          ({ instance }) => instance === one.manager.instance,
        );
      expect(await isKnown()).to.equal(true);
      await eventually(async () => !(await isKnown()), 10 * DEAD_MS);
      expect(await store.tenantsOf(one.manager.instance)).to.deep.equal([]);
      expect((await states()).map(String)).to.deep.equal(tasks.map(() => 'FAILED'));
      const recoveries = others.map(recoveriesOf);
      expect(recoveries.reduce((sum, count) => sum + count)).to.equal(tasks.length);
      for (const { manager, logged } of others) {
        expect(manager.stats.inUse).to.equal(0);
        expect(logged.filter(({ event }) => event === 'instance_dead')).to.have.length(1);
        expect(logged.filter(({ event }) => event === 'reaper_failed')).to.deep.equal([]);
      }
    });

    it('are settled at once when it has said goodbye, by one who has only just begun', async () => {
      const store = await open();
      const one = await serve(store, { deadMs: 60_000 });
      const id = await running(one);
      await one.manager.close();
      const two = await serve(await open(), { deadMs: 60_000 });
      await two.operations.reaper.sweep();
      expect(endsIn(await recordsOf(store, id, 'acme'))).to.deep.equal(['FAILED']);
      await two.operations.reaper.sweep();
      const seen = (await two.manager.registry.instances()).map(({ instance }) => instance);
      expect(seen).to.deep.equal([two.manager.instance]);
    });

    it('are left alone while it lives, and while nobody can say whether it does', async () => {
      const store = await open();
      const one = await serve(store);
      const id = await running(one);
      const two = await serve(await open());
      await two.operations.reaper.sweep();
      await eventually(() => isJudge(two));
      await two.operations.reaper.sweep();
      kill(one);
      await two.operations.reaper.sweep();
      expect(endsIn(await recordsOf(store, id, 'acme'))).to.deep.equal([]);
      expect(recoveriesOf(two)).to.equal(0);
      one.store.always(undefined);
    });
  });
}

describeStore({
  name: 'a store that several share',
  open: () => {
    const store = memory.get('shared') ?? new MemorySessionStore();
    memory.set('shared', store);
    return Promise.resolve(store);
  },
});

describe('with a redis', () => {
  const redis = useRedis();
  const stores: SessionStore[] = [];
  const open = async (): Promise<SessionStore> => {
    const client = createRedisClient(redis.server.address, () => undefined);
    await client.connect();
    const { prefix } = redis;
    const rest = { buckets: 1, exclusive: false, indexTtlMs: 86_400_000, location: 'redis' };
    const store = new RedisSessionStore(client, { prefix, ...rest });
    stores.push(store);
    return store;
  };
  after(async () => {
    for (const store of stores.splice(0)) await store.close();
  });
  afterEach(closeAll);
  describeStore({ name: 'redis', open });

  it('finds those whose summary cannot be read, and those of which every trace but the index is lost', async () => {
    const store = await open();
    const one = await serve(store);
    const ids = [await running(one), await running(one)];
    kill(one);
    const two = await serve(await open());
    await eventually(() => two.manager.liveness.isDead(one.manager.instance));
    const { sessionId = '', local = '' } = splitTaskId(ids[0] ?? '') ?? {};
    await redis.client.hset(store.keyOf(refOf(sessionId)), `t:${local}`, 'no summary');
    await two.store.forget(one.manager.instance);
    await two.operations.reaper.sweep();
    for (const id of ids) expect(endsIn(await recordsOf(store, id, 'acme'))).to.deep.equal(['FAILED']);
  });
});
