/** The configured store for an operator's command: without heartbeat, reaper and breaker, beside whoever serves from it. */
import { randomBytes } from 'node:crypto';
import type { DurationMs, EpochMs } from '../protocol/units.ts';
import { StartError } from './backend.ts';
import { buildSealer } from './build-sealing.ts';
import type { Config, StoreConfig } from './config.ts';
import type { SessionRef } from './sessions/session-ref.ts';
import type { SessionStore } from './sessions/session-store.ts';
import type { Finding } from './stores/finding.ts';
import type { StoreInspection } from './stores/inspection.ts';
import { DataFolderLockedError } from './stores/lmdb/data-folder-lock.ts';
import { examineFolder } from './stores/lmdb/examine-folder.ts';
import { LmdbReader } from './stores/lmdb/lmdb-reader.ts';
import { LmdbSessionStore } from './stores/lmdb/lmdb-store.ts';
import { DamagedFileError } from './stores/lmdb/whole-file.ts';
import { createRedisSubscriber } from './stores/redis/client.ts';
import { examineRedis } from './stores/redis/examine-redis.ts';
import { connectWithin, createPatientClient } from './stores/redis/patient-client.ts';
import { RedisInspection } from './stores/redis/redis-inspection.ts';
import { RedisSessionStore } from './stores/redis/redis-store.ts';
import { type Migrated, migrateSession } from './stores/sealed/migrate-session.ts';
import { SealedStore, type Unopened } from './stores/sealed/sealed-store.ts';

export interface StoreAccess {
  readonly store: SessionStore;
  readonly inspection: StoreInspection;
  /** As whom it writes. */
  readonly instance: string;
  /** How the store is set up and how it serves. */
  examine(): Promise<readonly Finding[]>;
  /**
   * Writes what is stored of a session in the form that the configuration writes.
   *
   * @param writes false: says what it would do
   * @returns undefined when there is no such session
   */
  migrate(ref: SessionRef, writes: boolean): Promise<Migrated | undefined>;
  /** Never throws. */
  close(): Promise<void>;
}

export interface AccessOptions {
  readonly config: Config;
  /** An LMDB folder is then taken as by a server; only one can have it. */
  readonly writes: boolean;
  readonly now: () => EpochMs;
  /** Told to a server that finds the folder taken. */
  readonly pid: number;
  readonly onUnopened?: (found: Unopened) => void;
}

const CONNECT_MS: DurationMs = 5_000;
/** As the server: twice the longest TTL that a configuration allows. */
const INDEX_TTL_MS: DurationMs = 2 * 31_536_000_000;

interface Inner {
  readonly store: SessionStore;
  readonly inspection: StoreInspection;
  readonly examine: () => Promise<readonly Finding[]>;
}

/**
 * @throws {StartError} when the store cannot be reached, is in use, or was set up otherwise
 * @throws {ConfigError} when the file of encryption keys is not usable
 */
export async function openAccess(options: AccessOptions): Promise<StoreAccess> {
  const { config, onUnopened = () => undefined } = options;
  // What it says in the log the server says as well.
  const sealer = await buildSealer({ config, log: () => undefined });
  const { store: inner, inspection, examine } = await openInner(options);
  const store = new SealedStore(inner, sealer, onUnopened);
  try {
    const problem = await inspection.setupProblem();
    if (problem !== undefined) throw new StartError(problem);
    if (options.writes) await refuseBesideOne(store, config);
  } catch (error) {
    await store.close();
    throw error;
  }
  const instance = `cli-${randomBytes(9).toString('base64url')}`;
  const migrate: StoreAccess['migrate'] = (ref, writes) => migrateSession(inner, sealer, ref, writes);
  return { store, inspection, instance, examine, migrate, close: () => store.close() };
}

function openInner(options: AccessOptions): Promise<Inner> {
  const { store } = options.config;
  switch (store.kind) {
    case 'redis':
      return openRedis(options, store);
    case 'lmdb':
      return openLmdb(options, store);
    case 'memory':
      throw new StartError('the memory store is inside the server: nobody else can look into it');
  }
}

async function openRedis(
  { config, now }: AccessOptions,
  { redis }: StoreConfig & { kind: 'redis' },
): Promise<Inner> {
  let lastError: string | undefined;
  const client = createPatientClient(redis, (message) => (lastError = message));
  const { keyPrefix: prefix, tenantBuckets: buckets, scope } = config;
  const { location } = redis;
  try {
    await connectWithin(client, CONNECT_MS, () => lastError);
  } catch (cause) {
    client.disconnect();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StartError(`the redis at ${location} cannot be reached: ${why}`, { cause });
  }
  const shape = { prefix, buckets, scope, location };
  // Whoever serves from it hears of what is written here.
  const createSubscriber = () => createRedisSubscriber(redis, client);
  const others = { exclusive: false, indexTtlMs: INDEX_TTL_MS, createSubscriber };
  const store = new RedisSessionStore(client, { ...shape, ...others });
  const examine = () => examineRedis(client, store, now);
  return { store, inspection: new RedisInspection(client, shape), examine };
}

async function openLmdb(
  { config, writes, now, pid }: AccessOptions,
  { dataDir, sync }: StoreConfig & { kind: 'lmdb' },
): Promise<Inner> {
  try {
    const store = writes
      ? await LmdbSessionStore.open({ folder: dataDir, pid, sync, now })
      : await LmdbReader.open(dataDir, now);
    const examine = () => examineFolder(dataDir);
    return { store, inspection: store.inspection(config.scope), examine };
  } catch (cause) {
    if (cause instanceof DataFolderLockedError)
      throw new StartError(`${cause.message}. Beside it only what reads can run.`, { cause });
    if (cause instanceof DamagedFileError)
      throw new StartError(`data folder ${dataDir}: ${cause.message}`, { cause });
    const isAbsent = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StartError(
      isAbsent ? `there is no database in ${dataDir}` : `data folder ${dataDir} cannot be used: ${why}`,
      { cause },
    );
  }
}

/** A server that has the Redis to itself does not look at what others write. */
async function refuseBesideOne(store: SessionStore, { cacheCoherence, deadMs }: Config): Promise<void> {
  if (store.exclusive || cacheCoherence !== 'exclusive') return;
  const alive = (await store.instances()).find(({ ageMs }) => ageMs <= deadMs);
  if (alive === undefined) return;
  throw new StartError(
    `A2A_CACHE_COHERENCE is exclusive and instance ${alive.instance} is alive: stop it, or ask it`,
  );
}
