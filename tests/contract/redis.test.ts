import { createRedisClient } from '../../server/stores/redis/client.ts';
import { useRedis } from '../helpers/redis.ts';
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
});
