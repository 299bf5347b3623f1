import { join } from 'node:path';
import { DATABASE_FILE } from '../../server/stores/lmdb/lmdb-store.ts';
import { startRedis } from '../../tests/helpers/redis.ts';
import type { RecoveryOptions } from './recovery-options.ts';
import type { StoredSession } from './recovery-checker.ts';
import { readLmdb, readRedis } from './stored-sessions.ts';

/** A store of this run alone. Goes with it, however it ends. */
export interface StoreUnderTest {
  /** What tells the server to use it. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything in it. The server does not run meanwhile. */
  read(): Promise<StoredSession[]>;
  stop(): Promise<void>;
}

/** @param folder where the server runs */
export async function openStore(kind: RecoveryOptions['store'], folder: string): Promise<StoreUnderTest> {
  if (kind === 'redis') return await openRedis();
  const data = join(folder, 'data');
  return {
    env: { A2A_STORE: kind, A2A_DATA_DIR: data },
    read: () => (kind === 'lmdb' ? readLmdb(join(data, DATABASE_FILE)) : Promise.resolve([])),
    stop: () => Promise.resolve(),
  };
}

/** Redis itself is not killed: what it has acknowledged it has. */
async function openRedis(): Promise<StoreUnderTest> {
  const server = await startRedis({ tcp: true, appendonly: true, args: ['--appendfsync', 'everysec'] });
  const client = server.client();
  return {
    env: { A2A_STORE: 'redis', REDIS_URL: `redis://127.0.0.1:${server.port}/0` },
    read: () => readRedis(client),
    stop: () => server.stop(),
  };
}
