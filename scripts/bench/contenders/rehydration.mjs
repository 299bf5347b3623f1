/**
 * Loads sessions from a store as often as it can, beside the least that could be done for the same: read the hash and
 * parse its records. In a process of its own, on the core of the servers. BENCH_PLAN says what; it answers in JSON.
 */
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { Redis } from 'ioredis';
import { A2ASessionManager } from '../../../dist/server/sessions/session-manager.js';
import { LmdbSessionStore } from '../../../dist/server/stores/lmdb/lmdb-store.js';
import { createRedisClient } from '../../../dist/server/stores/redis/client.js';
import { RedisSessionStore } from '../../../dist/server/stores/redis/redis-store.js';

/** @type {{redis?: string, prefix?: string, lmdb?: string, sizes: Record<string, string[]>, rounds: number, ms: number}} */
const plan = JSON.parse(process.env.BENCH_PLAN);
const HOUR_MS = 3_600_000;
const MB = 1_048_576;
const tenant = 'default';
const nothing = () => undefined;

async function openStore() {
  if (plan.lmdb !== undefined)
    return LmdbSessionStore.open({ folder: plan.lmdb, pid: process.pid, sync: false, now: Date.now });
  const client = createRedisClient({ at: { path: plan.redis }, db: 0, tls: false }, nothing);
  const store = new RedisSessionStore(client, {
    prefix: plan.prefix,
    buckets: 1,
    exclusive: false,
    indexTtlMs: HOUR_MS,
    location: plan.redis,
    createSubscriber: nothing,
  });
  const up = new Promise((resolve) => store.onConnection((isUp) => isUp && resolve()));
  store.connect();
  await up;
  return store;
}

const store = await openStore();
const manager = new A2ASessionManager({
  store,
  ttlMs: HOUR_MS,
  ttlRefresh: 'write',
  coherence: 'shared',
  // One at a time, and two take turns: none is ever found in memory.
  cache: { maxSessions: 1, maxBytes: 256 * MB },
  limits: { recordMaxBytes: 4 * MB, sessionMaxBytes: 16 * MB, sessionMaxRecords: 100_000 },
  pending: { maxRecords: 100_000, maxBytes: 64 * MB },
  deadMs: 10_000,
  counters: {
    commit: nothing,
    rehydrated: () => (rehydrated += 1),
    cache: nothing,
    evicted: nothing,
    refused: nothing,
    dropped: nothing,
    damaged: nothing,
  },
  log: nothing,
});
let rehydrated = 0;

async function rehydrate(sessionId) {
  const before = rehydrated;
  const session = await manager.open({ tenant, sessionId }, 'existing');
  if (session === undefined || rehydrated !== before + 1) throw new Error(`${sessionId} was not loaded`);
  manager.release(session);
}

const plain = plan.redis === undefined ? undefined : new Redis(plan.redis);

async function parseAll(sessionId) {
  const hash = await plain.hgetall(store.keyOf({ tenant, sessionId }));
  const records = [];
  for (const [field, json] of Object.entries(hash)) if (/^\d+$/.test(field)) records.push(JSON.parse(json));
  if (records.length === 0) throw new Error(`${sessionId} is not there`);
}

/** @returns ms for one */
async function timeOf(work, ids, forMs) {
  const began = performance.now();
  let count = 0;
  while (performance.now() - began < forMs || count % ids.length !== 0) {
    await work(ids[count % ids.length]);
    count += 1;
  }
  return (performance.now() - began) / count;
}

/** Longer than a round, for the compiler. */
const WARM_UP = 3;
const results = [];
for (let round = 0; round <= plan.rounds; round += 1) {
  const forMs = round === 0 ? WARM_UP * plan.ms : plan.ms;
  for (const [size, ids] of Object.entries(plan.sizes)) {
    const own = await timeOf(rehydrate, ids, forMs);
    const bare = plain === undefined ? undefined : await timeOf(parseAll, ids, forMs);
    if (round > 0) results.push({ size: Number(size), own, bare });
  }
}
process.stdout.write(JSON.stringify(results), () => process.exit(0));
