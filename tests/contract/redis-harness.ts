import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { TASK_STATES } from '../../protocol/task-state.ts';
import { createRedisClient } from '../../server/stores/redis/client.ts';
import { createKeys } from '../../server/stores/redis/keys.ts';
import { RedisSessionStore } from '../../server/stores/redis/redis-store.ts';
import type { RedisStoreOptions } from '../../server/stores/redis/redis-store.ts';
import { eventually } from '../helpers/eventually.ts';
import type { RedisFixture } from '../helpers/redis.ts';
import type { Harness, IndexedTask } from './harness.ts';

export const REDIS_OPTIONS: RedisStoreOptions = {
  prefix: 'a2a',
  buckets: 1,
  exclusive: false,
  indexTtlMs: 2 * 365 * 86_400_000,
  location: 'redis://test',
};

const storeTime = async (client: Redis): Promise<number> => {
  const [seconds, micros] = await client.time();
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
};

/** Waits for the server's clock. */
export async function elapse(client: Redis, ms: number): Promise<void> {
  const until = (await storeTime(client)) + ms;
  await eventually(async () => (await storeTime(client)) >= until);
}

/** The tasks of a tenant, read from every index and compared. */
async function tasksOf(
  client: Redis,
  { prefix, buckets }: RedisStoreOptions,
  tenant: string,
): Promise<ReadonlyMap<string, IndexedTask>> {
  const found = new Map<string, IndexedTask>();
  for (const shelf of createKeys(prefix, buckets).shelves(tenant)) {
    const ids = await client.zrange(shelf.tasks, 0, -1);
    expect(await client.zrange(shelf.ids, 0, -1)).to.include.members(ids);
    for (const id of ids) {
      const scores = await Promise.all(TASK_STATES.map((state) => client.zscore(shelf.state(state), id)));
      const indexed = TASK_STATES.filter((_, i) => scores[i] !== null);
      expect(indexed, `states of ${id}`).to.have.length(1);
      const score = await client.zscore(shelf.tasks, id);
      expect(scores).to.include(score);
      const summary = await client.hget(`${shelf.base}s:${id.split('.')[0] ?? ''}`, `t:${id}`);
      found.set(id, { state: indexed[0]!, statusAt: Number(score), summary: summary ?? undefined });
    }
    const counts = await Promise.all(TASK_STATES.map((state) => client.zcard(shelf.state(state))));
    expect(counts.reduce((sum, count) => sum + count, 0)).to.equal(ids.length);
  }
  return found;
}

/**
 * @param own the store's connection, closed with it
 * @param client another, for looking behind its back
 */
export function redisHarness(own: Redis, client: Redis, options: RedisStoreOptions): Harness {
  const store = new RedisSessionStore(own, options);
  const keys = createKeys(options.prefix, options.buckets);
  return {
    store,
    elapse: (ms) => elapse(client, ms),
    tasks: (tenant) => tasksOf(client, options, tenant),
    damage: {
      record: async (ref, n) => {
        await client.hdel(keys.session(ref).session, String(n));
      },
      head: async (ref) => {
        await client.hset(keys.session(ref).session, 'v', '1e0');
      },
    },
    close: () => store.close(),
  };
}

/**
 * Opens stores on the server of a fixture, under the prefix of the test, and closes them after it.
 */
export function useRedisStores(redis: RedisFixture) {
  const opened: RedisSessionStore[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });
  return async (options: Partial<RedisStoreOptions> = {}, address = redis.server.address) => {
    const client = createRedisClient(address, () => undefined);
    await client.connect();
    const store = new RedisSessionStore(client, { ...REDIS_OPTIONS, prefix: redis.prefix, ...options });
    opened.push(store);
    return store;
  };
}
