import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { TASK_STATES } from '../../protocol/task-state.ts';
import { createRedisClient, type RedisClient } from '../../server/stores/redis/client.ts';
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

/** What a store answers is judged here, not how soon: a machine may be busy. */
const ANSWER_MAX_MS = 5_000;

/** @returns the same client, which does not give up as soon as a server's may */
function patient<Client extends RedisClient>(client: Client): Client {
  if ('nodes' in client) {
    client.options.redisOptions = { ...client.options.redisOptions, commandTimeout: ANSWER_MAX_MS };
    for (const node of client.nodes()) node.options.commandTimeout = ANSWER_MAX_MS;
  } else client.options.commandTimeout = ANSWER_MAX_MS;
  return client;
}

const storeTime = async (client: RedisClient): Promise<number> => {
  const [seconds, micros] = await client.time();
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
};

/** Waits until every master takes commands. */
export async function connected(client: RedisClient): Promise<void> {
  await client.connect();
  await eventually(
    () => !('nodes' in client) || client.nodes('master').every(({ status }) => status === 'ready'),
  );
}

/** Waits for the server's clock. */
export async function elapse(client: RedisClient, ms: number): Promise<void> {
  const until = (await storeTime(client)) + ms;
  await eventually(async () => (await storeTime(client)) >= until);
}

/** The tasks of a tenant, read from every index and compared. */
async function tasksOf(
  client: RedisClient,
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
export function redisHarness(own: RedisClient, client: RedisClient, options: RedisStoreOptions): Harness {
  const store = new RedisSessionStore(patient(own), options);
  const others: RedisSessionStore[] = [];
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
    other: async () => {
      const connection = patient(own.duplicate());
      connection.on('error', () => undefined);
      // as `createRedisClient` does: the first command to a node is not to be the one that connects it
      if ('nodes' in connection)
        connection.on('+node', (node: Redis) => {
          node.connect().catch(() => undefined);
        });
      const other = new RedisSessionStore(connection, options);
      others.push(other);
      await connected(connection);
      return other;
    },
    close: async () => {
      await Promise.all([store, ...others].map((one) => one.close()));
    },
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
    const client = patient(createRedisClient(address, () => undefined));
    await client.connect();
    const store = new RedisSessionStore(client, { ...REDIS_OPTIONS, prefix: redis.prefix, ...options });
    opened.push(store);
    return store;
  };
}
