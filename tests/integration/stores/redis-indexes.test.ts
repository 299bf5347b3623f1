import { expect } from 'chai';
import { Writer, refOf, taskOf } from '../../contract/harness.ts';
import { elapse, useRedisStores } from '../../contract/redis-harness.ts';
import { useRedis } from '../../helpers/redis.ts';

describe('the indexes of the redis store', () => {
  const redis = useRedis();
  const openStore = useRedisStores(redis);

  it('forgets a tenant that nobody has noted for as long as an index lives', async () => {
    const brief = await openStore({ indexTtlMs: 60 });
    await brief.noteTenant('old', 'i1');
    expect(await brief.tenants()).to.deep.equal(['old']);
    await elapse(redis.client, 61);
    expect(await brief.tenants()).to.deep.equal([]);
    await brief.noteTenant('new', 'i1');
    expect(await redis.client.zrange(`${redis.prefix}:1:{reg}:tenants`, 0, -1)).to.deep.equal(['new']);
  });

  it('lists the others when the key of a session has another type', async () => {
    const store = await openStore();
    const key = `${redis.prefix}:1:{acme.00}:s:s1`;
    for (const id of ['s1', 's2'])
      await new Writer(store, refOf(id)).create(['1'], { tasks: [taskOf('a', 'TASK_STATE_COMPLETED')] });
    await redis.client.del(key);
    await redis.client.set(key, 'not a session');
    const { tasks, totalSize } = await store.listTasks('acme', { limit: 10 });
    expect([tasks.map(({ sessionId }) => sessionId), totalSize]).to.deep.equal([['s2'], 1]);
    expect(await store.listTasks('acme', { limit: 10, sessionId: 's1' })).to.include({ totalSize: 0 });
  });
});
