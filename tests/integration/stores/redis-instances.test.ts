import { expect } from 'chai';
import type { SessionStore, StoreWarning } from '../../../server/sessions/session-store.ts';
import { Writer, refOf, taskOf } from '../../contract/harness.ts';
import { useRedisStores } from '../../contract/redis-harness.ts';
import { commandsDuring } from '../../helpers/redis-traffic.ts';
import { useRedis } from '../../helpers/redis.ts';

const DAY = 86_400_000;
const WORKING = 'TASK_STATE_WORKING';

describe('the registry of the redis store', () => {
  const redis = useRedis();
  const openStore = useRedisStores(redis);
  const registry = (name: string): string => `${redis.prefix}:1:{reg}:${name}`;
  const names = async (store: SessionStore) =>
    (await store.instances()).map(({ instance }) => instance).sort();

  for (const how of ['beaten', 'left'] as const) {
    it(`forgets who has ${how} more than a day ago, with what he noted`, async () => {
      const store = await openStore();
      for (const instance of ['old', 'older', 'new']) {
        await store.beat(instance);
        await store.noteTenant('acme', instance);
      }
      if (how === 'left') for (const instance of ['old', 'older', 'new']) await store.leave(instance);
      const sign = how === 'left' ? 1 : -1;
      const move = (instance: string, ms: number) =>
        redis.client.zincrby(registry('instances'), sign * ms, instance);
      await move('new', DAY - 60_000);
      await move('old', DAY + 1);
      expect(await names(store)).to.deep.equal(['new', 'older']);
      expect([await store.tenantsOf('old'), await store.tenantsOf('new')]).to.deep.equal([[], ['acme']]);
      await move('older', DAY + 1);
      await store.beat('i1');
      expect(await redis.client.keys(registry('running:*'))).to.deep.equal([registry('running:new')]);
      expect(await names(store)).to.deep.equal(['i1', 'new']);
      expect(await store.tenants()).to.deep.equal(['acme']);
    });
  }

  it('keeps the tenants of an instance as long as an index', async () => {
    const hour = 3_600_000;
    const store = await openStore({ indexTtlMs: hour });
    for (const tenant of ['older', 'old']) await store.noteTenant(tenant, 'i1');
    expect(await redis.client.pttl(registry('running:i1'))).to.be.within(1, hour);
    await redis.client.zincrby(registry('running:i1'), -hour - 1, 'older');
    expect(await store.tenantsOf('i1')).to.deep.equal(['old']);
    await store.noteTenant('new', 'i1');
    expect(await redis.client.zrange(registry('running:i1'), 0, -1)).to.have.members(['old', 'new']);
  });

  it('asks for a page of running tasks in two round trips, however many shelves there are', async () => {
    const store = await openStore({ buckets: 16 });
    for (let i = 0; i < 40; i += 1)
      await new Writer(store, refOf(`s${i}`)).create(['1'], { tasks: [taskOf('t', WORKING)] });
    const asked = await commandsDuring(redis.client, async () => {
      const { tasks, next } = await store.runningTasks('acme', 100);
      expect([tasks.length, next]).to.deep.equal([40, undefined]);
    });
    expect(asked.filter((name) => name === 'zcount')).to.have.length(32);
    expect(asked.indexOf('running')).to.equal(32);
    const first = await store.runningTasks('acme', 10);
    expect([first.tasks.length, first.next !== undefined]).to.deep.equal([10, true]);
    const idle = await commandsDuring(redis.client, async () => {
      expect(await store.runningTasks('idle', 100)).to.deep.equal({ tasks: [] });
    });
    expect(new Set(idle)).to.deep.equal(new Set(['zcount']));
  });

  it('says of a running task that has no summary that its runner is not known, and nothing of a key that is no session', async () => {
    const store = await openStore();
    for (const id of ['s1', 's2', 's3'])
      await new Writer(store, refOf(id)).create(['1'], { tasks: [taskOf('t', WORKING)] });
    const key = (id: string): string => `${redis.prefix}:1:{acme.00}:s:${id}`;
    await redis.client.hdel(key('s1'), 't:s1.t');
    await redis.client.del(key('s2'));
    await redis.client.set(key('s2'), 'not a session');
    await redis.client.hset(key('s3'), 't:s3.t', '{"state":"TASK_STATE_WORKING","at":1,"by":"i.1"}');
    const { tasks } = await store.runningTasks('acme', 10);
    expect(tasks).to.deep.equal([
      { sessionId: 's1', local: 't', by: undefined },
      { sessionId: 's3', local: 't', by: 'i.1' },
    ]);
  });

  it('begins with the tasks that have waited longest', async () => {
    const store = await openStore();
    const tasks = [3_000, 1_000, 2_000].map((statusAt) =>
      taskOf(`t${statusAt}`, WORKING, null, { statusAt }),
    );
    await new Writer(store).create(['1'], { tasks });
    const { tasks: found } = await store.runningTasks('acme', 10);
    expect(found.map(({ local }) => local)).to.deep.equal(['t1000', 't2000', 't3000']);
  });
});

describe('the warnings of the redis store', () => {
  const redis = useRedis();
  const openStore = useRedisStores(redis);
  const set = async (settings: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, value] of Object.entries(settings)) await redis.client.config('SET', name, value);
  };
  const concerns = (warnings: readonly StoreWarning[]): string[] => warnings.map(({ concern }) => concern);
  const SAFE = { 'maxmemory-policy': 'noeviction', maxmemory: '0', appendonly: 'yes' };

  for (const [settings, expected] of [
    [{}, []],
    [{ 'maxmemory-policy': 'volatile-lru', maxmemory: '100mb' }, ['evicts']],
    [{ 'maxmemory-policy': 'allkeys-random', maxmemory: '100mb', appendonly: 'no' }, ['evicts', 'volatile']],
    [{ 'maxmemory-policy': 'allkeys-lru' }, []],
    [{ maxmemory: '100mb' }, []],
    [{ appendonly: 'no' }, ['volatile']],
  ] as const) {
    it(`of ${JSON.stringify(settings)} are: ${expected.join(', ') || 'none'}`, async () => {
      await set({ ...SAFE, ...settings });
      const store = await openStore();
      expect(concerns(await store.warnings())).to.deep.equal(expected);
    });
  }

  it('say what was found and what to set', async () => {
    await set({ 'maxmemory-policy': 'volatile-ttl', maxmemory: '123456789', appendonly: 'no' });
    const [evicts, volatile] = await (await openStore()).warnings();
    expect(evicts?.text).to.match(
      /volatile-ttl and maxmemory 123456789 bytes.*Set maxmemory-policy to noeviction/,
    );
    expect(volatile?.text).to.match(/appendonly is no.*Set appendonly to yes/);
  });

  it('are none when the server does not say', async () => {
    await set({ ...SAFE, appendonly: 'no' });
    await redis.client.call('ACL', 'SETUSER', 'blind', 'on', '>pw', '~*', '&*', '+@all');
    const store = await openStore({}, { ...redis.server.address, username: 'blind', password: 'pw' });
    await redis.client.call('ACL', 'SETUSER', 'blind', '-info');
    expect(await store.warnings()).to.deep.equal([]);
  });
});
