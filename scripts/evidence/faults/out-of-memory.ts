import type { Scenario } from '../scenario.ts';
import { type SingleRedis, singleRedis } from '../topology.ts';

/** Less than an empty Redis needs: every write is refused. */
const TOO_LITTLE = '500kb';

export const outOfMemory: Scenario = {
  name: 'redis-out-of-memory',
  title: 'Redis out of memory (noeviction) and back',
  instances: 3,
  topology: () => singleRedis({ args: ['--maxmemory-policy', 'noeviction'] }),
  async run(world) {
    const { redis } = world.topology as SingleRedis;
    const client = redis.client();
    world.onEnd(() => {
      client.disconnect();
    });
    for (let nth = 0; nth < world.times(3, 1); nth += 1) {
      await world.fault('out of memory', async () => {
        await client.config('SET', 'maxmemory', TOO_LITTLE);
        await world.pause(world.span(8_000, 3_000));
        await client.config('SET', 'maxmemory', '0');
      });
      await world.pause(world.span(5_000, 3_000));
    }
    const errors = await client.info('errorstats');
    const refused = Number(/^errorstat_OOM:count=(\d+)/m.exec(errors)?.[1] ?? 0);
    world.measure('writes refused by Redis', refused, '');
    if (refused === 0) world.violation('limit', 'redis', 'refused nothing: the fault did not take place');
  },
};
