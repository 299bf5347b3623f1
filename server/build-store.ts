import { randomBytes } from 'node:crypto';
import { StartError, type SessionsContext } from './backend.ts';
import { sealStore } from './build-sealing.ts';
import { traceStore } from './build-tracing.ts';
import type { StoreConfig } from './config.ts';
import type { RecordSealer } from './security/record-sealer.ts';
import type { Scope } from './security/space.ts';
import type { SessionStore } from './sessions/session-store.ts';
import { BreakerStore } from './stores/breaker.ts';
import { EmbeddedSessionStore } from './stores/embedded/embedded-store.ts';
import { LoopWatch } from './stores/loop-watch.ts';
import { DataFolderLockedError } from './stores/lmdb/data-folder-lock.ts';
import { LmdbSessionStore } from './stores/lmdb/lmdb-store.ts';
import { DamagedFileError } from './stores/lmdb/whole-file.ts';
import { MemorySessionStore } from './stores/memory/memory-store.ts';
import { createRedisClient, createRedisSubscriber } from './stores/redis/client.ts';
import { StoreSettingsError } from './stores/redis/errors.ts';
import { RedisSessionStore } from './stores/redis/redis-store.ts';

/** Twice the longest TTL that a configuration allows: the life of an index key. */
const INDEX_TTL_MS = 2 * 31_536_000_000;

/** The configured store behind its breaker, and how it begins and ends. */
export interface BuiltStore {
  /** Random per process start: half of every record's identity, and the name of the heartbeat. */
  readonly instance: string;
  readonly breaker: BreakerStore;
  /** The listener is told when a part of the store answers again that had failed while the rest was never away. */
  onPartBack(listener: () => void): void;
  /** With what the last attempt to reach the store met, if that is known. */
  because(what: string): string;
  /** @throws {StartError} what no waiting would mend. A store that is away is no error. */
  start(): Promise<void>;
  /** Whether this process' own event loop was late since then (`performance.now()`). */
  wasLateSince(since: number): boolean;
  close(): Promise<void>;
}

/** @throws {StartError} when the data folder is locked or cannot be written */
export async function buildStore(context: SessionsContext, sealer: RecordSealer): Promise<BuiltStore> {
  const instance = randomBytes(9).toString('base64url');
  const { store: given } = context;
  const sealed = (inner: SessionStore): SessionStore =>
    traceStore(sealStore(inner, sealer, context), context.tracing);
  const hold = (inner: SessionStore): BuiltStore => embedded(context, instance, inner, sealed);
  if (given !== undefined) return hold(given);
  const { store } = context.config;
  switch (store.kind) {
    case 'redis':
      return buildRedis(context, instance, store, sealed);
    case 'memory':
      return hold(new MemorySessionStore(context.now));
    case 'lmdb':
      return hold(await openLmdb(context, store));
  }
}

function watchLoop({ metrics }: SessionsContext): LoopWatch {
  const lag = metrics.eventLoopLag.tally({});
  return new LoopWatch((lateMs) => {
    lag.observe(lateMs / 1000);
  });
}

/** A store in this process answers or fails by itself; its breaker is for a disk that is full or stuck. */
function embedded(
  context: SessionsContext,
  instance: string,
  store: SessionStore,
  sealed: (inner: SessionStore) => SessionStore,
): BuiltStore {
  const loop = watchLoop(context);
  const wasLateSince = (since: number): boolean => loop.wasLateSince(since);
  const breaker = new BreakerStore(sealed(store), { instance, wasLateSince });
  const close = async (): Promise<void> => {
    loop.close();
    await breaker.close();
  };
  const start = (): Promise<void> => checkScope(store, context.config.scope);
  const because = (what: string): string => what;
  return { instance, breaker, onPartBack: () => undefined, because, start, wasLateSince, close };
}

async function openLmdb(
  context: SessionsContext,
  { dataDir, sync }: StoreConfig & { kind: 'lmdb' },
): Promise<SessionStore> {
  try {
    return await LmdbSessionStore.open({ folder: dataDir, pid: context.pid, sync, now: context.now });
  } catch (cause) {
    if (cause instanceof DataFolderLockedError) throw new StartError(cause.message, { cause });
    if (cause instanceof DamagedFileError)
      throw new StartError(`data folder ${dataDir}: ${cause.message}, or put a copy in its place`, { cause });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StartError(
      `data folder ${dataDir} cannot be used (${why}): set A2A_DATA_DIR to a writable one`,
      { cause },
    );
  }
}

function buildRedis(
  context: SessionsContext,
  instance: string,
  { redis }: StoreConfig & { kind: 'redis' },
  sealed: (inner: SessionStore) => SessionStore,
): BuiltStore {
  const { config, log } = context;
  // Every failed attempt to connect is an error event: one line per outage is the breaker's.
  let lastError: string | undefined;
  const onError = (message: string): void => {
    lastError = message;
    log('store_connection_error', { why: message });
  };
  const because = (what: string): string => (lastError === undefined ? what : `${what}: ${lastError}`);
  const client = createRedisClient(redis, onError);
  const store = new RedisSessionStore(
    client,
    {
      prefix: config.keyPrefix,
      buckets: config.tenantBuckets,
      scope: config.scope,
      exclusive: config.cacheCoherence === 'exclusive',
      indexTtlMs: INDEX_TTL_MS,
      location: redis.location,
      createSubscriber: () => createRedisSubscriber(redis, client),
    },
    createRedisClient(redis, onError),
  );
  const loop = watchLoop(context);
  const wasLateSince = (since: number): boolean => loop.wasLateSince(since);
  const breaker = new BreakerStore(sealed(store), {
    instance,
    startOpen: true,
    alsoProbe: () => store.touchFailed(),
    wasLateSince,
  });
  const partListeners: (() => void)[] = [];
  let touching: Promise<void> | undefined;
  // Of a cluster one master may be lost and replaced without the breaker ever opening: the others answered all the time.
  const touch = async (): Promise<void> => {
    const isBack = await store.touchFailed().catch(() => false);
    if (isBack && breaker.state === 'closed') for (const listener of partListeners) listener();
  };
  store.onConnection((up) => {
    if (!up) breaker.trip(because('the connection is lost'));
    else if (breaker.state === 'open') void breaker.probe();
    else touching ??= touch().finally(() => (touching = undefined));
  });
  return {
    instance,
    breaker,
    onPartBack: (listener) => {
      partListeners.push(listener);
    },
    because,
    start: async () => {
      store.connect();
      await firstAnswer(breaker);
      if (breaker.state === 'closed') await checkSettings(store);
    },
    wasLateSince,
    close: async () => {
      loop.close();
      await breaker.close();
    },
  };
}

/** How long a start waits for the store; after that it serves without. */
const FIRST_ANSWER_MS = 1_000;

function firstAnswer(breaker: BreakerStore): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, FIRST_ANSWER_MS);
    breaker.onChange(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** The store of a program may be any, and keeps its scope if it can. @throws {StartError} */
async function checkScope(store: SessionStore, scope: Scope): Promise<void> {
  if (!(store instanceof EmbeddedSessionStore)) return;
  // A disk that fails now fails the first request, as it would have a moment later.
  const kept = await store.keepScope(scope).catch(() => scope);
  if (kept === scope) return;
  throw new StartError(
    `A2A_SCOPE is ${scope}, but ${store.location} was set up with ${kept}: another scope would hide every session. ` +
      `Set it to ${kept}, or set A2A_DATA_DIR to another folder.`,
  );
}

async function checkSettings(store: RedisSessionStore): Promise<void> {
  try {
    await store.checkSettings();
  } catch (cause) {
    if (cause instanceof StoreSettingsError) throw new StartError(cause.message, { cause });
    // Away again already: it is checked when somebody starts with the store there.
  }
}
