/** The stores that deliveries are tried on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SessionStore } from '../../../server/sessions/session-store.ts';
import { LmdbSessionStore } from '../../../server/stores/lmdb/lmdb-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { createRedisClient } from '../../../server/stores/redis/client.ts';
import { RedisSessionStore } from '../../../server/stores/redis/redis-store.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { useRedis } from '../../helpers/redis.ts';

export interface Opener {
  /** Another connection to the same content. Closed after the test. */
  open(): Promise<FaultyStore>;
}

export function useRedisOpener(): Opener {
  const redis = useRedis();
  let stores: SessionStore[] = [];
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    stores = [];
  });
  return {
    open: async () => {
      const client = createRedisClient(redis.server.address, () => undefined);
      await client.connect();
      const options = {
        prefix: redis.prefix,
        buckets: 1,
        exclusive: false,
        indexTtlMs: 86_400_000,
        location: 'redis',
      };
      const store = new FaultyStore(new RedisSessionStore(client, options));
      stores.push(store);
      await store.noteTenant('acme', 'i1');
      return store;
    },
  };
}

/** One process has it open: whoever opens it next takes the place of the one before. */
export function useLmdbOpener(): Opener {
  let folder = '';
  let inner: LmdbSessionStore | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-push-'));
    inner = await LmdbSessionStore.open({ folder, pid: process.pid });
  });
  afterEach(async () => {
    await inner?.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    open: async () => {
      if (inner === undefined) throw new Error('it is open while a test runs');
      await inner.noteTenant('acme', 'i1');
      return new FaultyStore(inner);
    },
  };
}

export function useMemoryOpener(): Opener {
  let inner: MemorySessionStore;
  beforeEach(() => {
    inner = new MemorySessionStore();
  });
  return { open: () => Promise.resolve(new FaultyStore(inner)) };
}
