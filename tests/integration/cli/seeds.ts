/** Sessions as servers leave them, in stores that commands are run on. */
import { RedisSessionStore } from '../../../server/stores/redis/redis-store.ts';
import { createRedisClient } from '../../../server/stores/redis/client.ts';
import { LmdbSessionStore } from '../../../server/stores/lmdb/lmdb-store.ts';
import type { Decide } from '../../../server/sessions/change.ts';
import type { RecordBody } from '../../../server/sessions/records.ts';
import type { SessionStore } from '../../../server/sessions/session-store.ts';
import type { Env } from '../../helpers/config.ts';
import type { RedisFixture } from '../../helpers/redis.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  HOUR,
  moveTo,
  say,
  userMessage,
} from '../../helpers/sessions.ts';

export const DEFAULT = 'default';

export async function withLmdb<T>(folder: string, work: (store: SessionStore) => Promise<T>): Promise<T> {
  const store = await LmdbSessionStore.open({ folder, pid: process.pid });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export async function openRedis({ server, prefix }: RedisFixture): Promise<SessionStore> {
  const client = createRedisClient(server.address, () => undefined);
  await client.connect();
  const options = { prefix, buckets: 1, exclusive: false, indexTtlMs: 48 * HOUR, location: 'here' };
  return new RedisSessionStore(client, options);
}

export async function withRedis<T>(
  redis: RedisFixture,
  work: (store: SessionStore) => Promise<T>,
): Promise<T> {
  const store = await openRedis(redis);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export const redisEnv = ({ server, prefix }: RedisFixture): Env => ({
  REDIS_URL: `unix://${server.path}`,
  A2A_KEY_PREFIX: prefix,
});

export const lmdbEnv = (folder: string): Env => ({ A2A_STORE: 'lmdb', A2A_DATA_DIR: folder });

const state: Decide = (_draft, at): RecordBody[] => [
  { t: 'state', at, task: 'a', by: 'i1.1', key: 'color', value: 'blue' },
];
const chunk =
  (text: string, append: boolean): Decide =>
  (_draft, at): RecordBody[] => [
    {
      ...{ t: 'artifact', at, task: 'a', by: 'i1.1', artifact: { artifactId: 'out', parts: [{ text }] } },
      ...(append && { append: true as const }),
    },
  ];
const push: Decide = (_draft, at): RecordBody[] => [
  { t: 'push', at, task: 'a', id: 'w', config: { url: 'https://hooks.example/secret/path' } },
];
export const park: Decide = (_draft, at): RecordBody[] => [
  { t: 'receipt', at, task: 'a', id: 'w', tries: 3, parked: true, why: 'HTTP 500' },
];

/**
 * One with everything: two tasks, an alias, state of the agent, chunks, a parked webhook that has missed an event, answered
 * messages, two writers, and an id that has to be encoded.
 */
export async function seedRich(store: SessionStore, sessionId = 'é/rich', tenant = DEFAULT): Promise<void> {
  const ref = { tenant, sessionId };
  const one = createTestManager(store, { instance: 'i1', clock: SYSTEM });
  const two = createTestManager(store, { instance: 'i2', clock: SYSTEM });
  const alias = { alias: `client ${sessionId}`, subject: 'ada' };
  await changeOnce(one.manager, begin('a', 'my secret is 4711', 'i1.1', alias), ref);
  for (const decide of [push, state, chunk('Hel', false), chunk('lo', true)])
    await changeOnce(one.manager, decide, ref);
  await changeOnce(two.manager, say('a', 'one more'), ref);
  await changeOnce(one.manager, park, ref);
  await changeOnce(one.manager, moveTo('a', 'TASK_STATE_COMPLETED', 'i1.1'), ref);
  await changeOnce(two.manager, begin('b', 'again', 'i2.1'), ref);
  const read = await store.read(ref);
  if (!read.found) throw new Error('it was just written');
  await store.markAnswered([{ ref, epoch: read.cursor.epoch, messages: [3] }]);
  await store.noteTenant(tenant, 'i1');
}

/** One whose webhook is still to be told of the end of its task. */
export async function seedDue(store: SessionStore, sessionId = 'due'): Promise<void> {
  const ref = { tenant: DEFAULT, sessionId };
  const { manager } = createTestManager(store, { instance: 'i1', clock: SYSTEM });
  for (const decide of [begin('a', 'call me', 'i1.1'), push, moveTo('a', 'TASK_STATE_COMPLETED', 'i1.1')])
    await changeOnce(manager, decide, ref);
  await store.noteTenant(DEFAULT, 'i1');
}

const SYSTEM = { now: () => Date.now(), mono: () => performance.now() };

/** Many small ones, with lives of their own, without a fold for each. */
export async function seedMany(store: SessionStore, count: number): Promise<void> {
  const one = async (i: number): Promise<void> => {
    const at = Date.now();
    const task = `{"t":"task","at":${at},"task":"t","by":"i1.1"}`;
    const message = JSON.stringify({ t: 'message', at, task: 't', message: userMessage(`${i} £ "quoted"`) });
    const records = [`{"t":"created","at":${at},"o":"i1.1"}`, task, message];
    const summary = JSON.stringify({ state: 'TASK_STATE_SUBMITTED', at, by: 'i1.1' });
    const result = await store.commit(
      { tenant: DEFAULT, sessionId: `many-${i}` },
      {
        ...{ expected: { epoch: '', head: 0, w: '' }, createEpoch: `e${i}`, instance: 'i1' },
        records: records.map((json, seq) => ({ seq: seq + 1, json })),
        expiry: { kind: 'slide', ttlMs: HOUR + i * 1_000 },
        tasks: [{ local: 't', state: 'TASK_STATE_SUBMITTED', previous: null, statusAt: at, summary }],
        aliases: [],
      },
    );
    if (result.outcome !== 'ok') throw new Error(result.outcome);
  };
  for (let i = 0; i < count; i += 100)
    await Promise.all(Array.from({ length: Math.min(100, count - i) }, (_, k) => one(i + k)));
  await store.noteTenant(DEFAULT, 'i1');
}
