import { expect } from 'chai';
import { createRedisClient } from '../../server/stores/redis/client.ts';
import { createKeys } from '../../server/stores/redis/keys.ts';
import { RedisSessionStore } from '../../server/stores/redis/redis-store.ts';
import { useRedis } from '../helpers/redis.ts';
import { errorOf, HOUR, refOf } from './harness.ts';
import { REDIS_OPTIONS, redisHarness } from './redis-harness.ts';
import { describeSessionStore } from './session-store.contract.ts';

const VARIANTS = [
  { title: 'redis', buckets: 1, exclusive: false },
  { title: 'redis, exclusive', buckets: 1, exclusive: true },
  { title: 'redis, 16 buckets', buckets: 16, exclusive: false },
];

describe('redis', () => {
  const redis = useRedis();

  for (const { title, ...variant } of VARIANTS) {
    describeSessionStore(title, {
      open: async () => {
        const client = createRedisClient(redis.server.address, () => undefined);
        await client.connect();
        return redisHarness(client, redis.client, { ...REDIS_OPTIONS, ...variant, prefix: redis.prefix });
      },
      cannot: {
        ...(variant.exclusive && { hints: 'nobody else has it open' }),
        ...(variant.buckets > 1 && { limits: 'a tenant is counted in one bucket' }),
      },
    });
  }

  describe('what has to be erased', () => {
    let store: RedisSessionStore;
    beforeEach(() => {
      store = new RedisSessionStore(redis.client.duplicate(), { ...REDIS_OPTIONS, prefix: redis.prefix });
    });
    afterEach(async () => {
      await store.close();
    });

    it('is told behind more orders that are over than one answer has room for', async () => {
      const { erasure } = createKeys(redis.prefix, 1);
      const numbers: number[] = [];
      for (let n = 0; n < 1_150; n += 1) numbers.push(await store.orderErasure({ tenant: 'acme' }, HOUR));
      await redis.client.del(numbers.map((number) => `${erasure}${number}`));
      const last = await store.orderErasure({ tenant: 'late' }, HOUR);
      expect((await store.erasuresAfter(0)).at(-1)).to.have.property('number', last);
    });

    it('is damaged where its key is something else', async () => {
      await redis.client.set(store.keyOf(refOf()), 'something else');
      expect(await errorOf(store.firstRecord(refOf()))).to.have.property('name', 'SessionDamagedError');
    });
  });
});
