/** The stores that a restart is tried on, and what can be seen in them from outside. */
import { open, type Key, type RootDatabase } from 'lmdb';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoredSession } from '../../scripts/recovery/recovery-checker.ts';
import { readLmdb, readRedis } from '../../scripts/recovery/stored-sessions.ts';
import { DATABASE_FILE } from '../../server/stores/lmdb/lmdb-store.ts';
import { useRedis } from '../helpers/redis.ts';

export interface DurableStore {
  /** For a server that keeps its sessions there. Another place for each test. */
  readonly env: Record<string, string>;
  /** Where the server may run. */
  readonly folder: string;
  readonly sessions: () => Promise<StoredSession[]>;
  /** Its records as they are stored, in order. */
  readonly journal: (sessionId: string) => Promise<StoredBody[]>;
  /** Whether it is noted there that a message of the session was answered. */
  readonly isMarked: (sessionId: string) => Promise<boolean>;
}

/** As much of a record as is looked at. */
export interface StoredBody {
  readonly t: string;
  readonly whole?: boolean;
}

const bodiesOf = (records: Iterable<string>): StoredBody[] =>
  [...records].map((json) => JSON.parse(json) as StoredBody);

/** A second is the shortest there is: repeats of what a killed server was at wait for it. */
const DEAD_SOON = { A2A_DEAD_SECONDS: '1' };

function useFolder(): { readonly path: string } {
  let path = '';
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'holdfast-restart-'));
  });
  afterEach(async () => {
    await rm(path, { recursive: true, force: true });
  });
  return {
    get path() {
      return path;
    },
  };
}

function useLmdbStore(): DurableStore {
  const folder = useFolder();
  const data = (): string => join(folder.path, 'data');
  const reading = async <T>(read: (db: RootDatabase<string, Key[]>) => T): Promise<T> => {
    const db = open<string, Key[]>({ path: join(data(), DATABASE_FILE), encoding: 'string', readOnly: true });
    try {
      return read(db);
    } finally {
      await db.close();
    }
  };
  return {
    get folder() {
      return folder.path;
    },
    get env() {
      return { A2A_STORE: 'lmdb', A2A_DATA_DIR: data(), ...DEAD_SOON };
    },
    sessions: () => readLmdb(join(data(), DATABASE_FILE)),
    journal: (sessionId) =>
      reading((db) => {
        const key = ['r', 'default', sessionId];
        return bodiesOf(
          db.getRange({ start: [...key, 1], end: [...key, Infinity] }).map(({ value }) => value),
        );
      }),
    isMarked: (sessionId) =>
      reading((db) => 'm' in (JSON.parse(db.get(['s', 'default', sessionId]) ?? '{}') as { m?: unknown })),
  };
}

function useRedisStore(): DurableStore {
  const folder = useFolder();
  const redis = useRedis({ tcp: true, appendonly: true });
  const keyOf = (sessionId: string): string => `${redis.prefix}:1:{default.00}:s:${sessionId}`;
  return {
    get folder() {
      return folder.path;
    },
    get env() {
      return { A2A_STORE: 'redis', ...redis.server.tcpEnv, A2A_KEY_PREFIX: redis.prefix, ...DEAD_SOON };
    },
    sessions: () => readRedis(redis.client, redis.prefix),
    journal: async (sessionId) => {
      const hash = await redis.client.hgetall(keyOf(sessionId));
      return bodiesOf(Array.from({ length: Number(hash['v'] ?? 0) }, (_, n) => hash[n + 1] ?? 'null'));
    },
    isMarked: async (sessionId) => (await redis.client.hexists(keyOf(sessionId), 'm')) === 1,
  };
}

export const DURABLE_STORES: readonly (readonly [name: string, use: () => DurableStore])[] = [
  ['lmdb', useLmdbStore],
  ['redis', useRedisStore],
];
