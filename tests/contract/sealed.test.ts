import { RecordSealer } from '../../server/security/record-sealer.ts';
import { createRedisClient } from '../../server/stores/redis/client.ts';
import { openSummary } from '../../server/stores/sealed/sealed-summary.ts';
import { SealedStore } from '../../server/stores/sealed/sealed-store.ts';
import { useRedis } from '../helpers/redis.ts';
import { sealerOf } from '../helpers/sealing.ts';
import type { Harness, IndexedTask } from './harness.ts';
import { lmdbHarness } from './lmdb-harness.ts';
import { memoryHarness } from './memory-harness.ts';
import { REDIS_OPTIONS, redisHarness } from './redis-harness.ts';
import { describeSessionStore } from './session-store.contract.ts';

const fails = (): never => {
  throw new Error('everything opens that was written here');
};

/** The same store through a sealer. Nothing of what is promised changes, but for the size of what is stored. */
function sealed(harness: Harness, sealer: RecordSealer): Harness {
  const open = (inner: Harness['store']): SealedStore => new SealedStore(inner, sealer, fails);
  const opened = (tenant: string, id: string, task: IndexedTask): IndexedTask => {
    if (task.summary === undefined) return task;
    const [sessionId = '', local = ''] = id.split('.').map(decodeURIComponent);
    const summary = openSummary(
      sealer.scope('summary', tenant, sessionId),
      local,
      task.summary,
      sealer.isRequired,
      fails,
    );
    return { ...task, summary };
  };
  return {
    ...harness,
    store: open(harness.store),
    raw: harness.store,
    other: async () => open(await harness.other()),
    sizeOf: (json) => Buffer.byteLength(sealer.scope('size').seal(json, 1)),
    tasks: async (tenant) => {
      const tasks = [...(await harness.tasks(tenant))];
      return new Map(tasks.map(([id, task]) => [id, opened(tenant, id, task)]));
    },
  };
}

const ABOVE = { compressAboveBytes: 16 };
const SEALERS: readonly (readonly [string, () => RecordSealer])[] = [
  ['sealed', () => sealerOf('k1', { required: true })],
  ['sealed and compressed', () => sealerOf('k1', ABOVE)],
  ['compressed', () => new RecordSealer(ABOVE)],
  ['only opened', () => new RecordSealer()],
];
const NO_DAMAGE = { cannot: { damage: 'nothing but the store itself can reach its memory' } };

for (const [how, sealer] of SEALERS) {
  describeSessionStore(`memory, ${how}`, {
    open: () => Promise.resolve(sealed(memoryHarness(), sealer())),
    ...NO_DAMAGE,
  });
}

for (const [how, sealer] of SEALERS.slice(0, 2)) {
  describeSessionStore(`lmdb, ${how}`, { open: async () => sealed(await lmdbHarness(false), sealer()) });
}

describe('redis', () => {
  const redis = useRedis();

  for (const [how, sealer] of SEALERS.slice(0, 2)) {
    describeSessionStore(`redis, ${how}`, {
      open: async () => {
        const client = createRedisClient(redis.server.address, () => undefined);
        await client.connect();
        const options = { ...REDIS_OPTIONS, prefix: redis.prefix };
        return sealed(redisHarness(client, redis.client, options), sealer());
      },
    });
  }
});
