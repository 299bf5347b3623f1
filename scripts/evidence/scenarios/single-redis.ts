/** One Redis dies, freezes, comes late, loses its clients, its scripts, or all it had. */
import { join } from 'node:path';
import type { Scenario } from '../scenario.ts';
import { type SingleRedis, singleRedis } from '../topology.ts';
import type { World } from '../world.ts';

const redisOf = (world: World): SingleRedis['redis'] => (world.topology as SingleRedis).redis;

export const redisKilled: Scenario = {
  name: 'redis-killed',
  title: 'kill -9 of Redis, restarted with its AOF',
  instances: 3,
  async run(world) {
    for (let nth = 0; nth < world.times(3, 1); nth += 1) {
      await world.fault('redis killed', async () => {
        await redisOf(world).kill();
        await world.pause(world.span(8_000, 4_000));
        await redisOf(world).start();
      });
      await world.pause(world.span(6_000, 3_000));
    }
  },
};

export const redisPaused: Scenario = {
  name: 'redis-paused',
  title: 'SIGSTOP of Redis for 10 s',
  instances: 3,
  async run(world) {
    for (let nth = 0; nth < world.times(2, 1); nth += 1) {
      await world.fault('redis paused', async () => {
        redisOf(world).pause();
        await world.pause(world.span(10_000, 4_000));
        redisOf(world).resume();
      });
      await world.pause(world.span(6_000, 3_000));
    }
  },
};

export const redisLate: Scenario = {
  name: 'redis-late',
  title: 'Redis starts 30 s after the instances',
  topology: () => singleRedis({ away: true }),
  instances: 3,
  startsAway: true,
  async run(world) {
    await world.fault('redis not there yet', async () => {
      await world.pause(world.span(30_000, 5_000));
      await redisOf(world).start();
    });
    await world.pause(world.span(6_000, 3_000));
  },
};

export const clientKill: Scenario = {
  name: 'client-kill',
  title: 'storms of CLIENT KILL and SCRIPT FLUSH',
  instances: 3,
  async run(world) {
    const client = redisOf(world).client();
    for (let storm = 0; storm < world.times(4, 2); storm += 1) {
      await world.fault('connections killed', async () => {
        for (let nth = 0; nth < world.times(20, 10); nth += 1) {
          await client.client('KILL', 'TYPE', world.random.next() < 0.5 ? 'normal' : 'pubsub');
          if (world.random.next() < 0.5) await client.script('FLUSH');
          await world.pause(50 + world.random.below(200));
        }
      });
      await world.pause(world.span(5_000, 2_500));
    }
  },
};

export const flushall: Scenario = {
  name: 'flushall',
  title: 'FLUSHALL: everything is gone',
  instances: 3,
  excepted: {
    kind: 'flushed',
    why: 'An operator deleted everything: what was acknowledged before is gone, and has to stay gone.',
  },
  async run(world) {
    await world.pause(world.span(5_000, 1_000));
    await world.fault('everything deleted', async () => {
      const client = redisOf(world).client();
      await client.flushall();
      world.lost();
    });
    await world.pause(world.span(15_000, 5_000));
  },
};

/** Both go at once: what the killed server had deferred is on its disk alone. */
export const outageJournal: Scenario = {
  name: 'outage-journal',
  title: 'kill -9 of an instance while Redis is away, outage journal on',
  instances: 3,
  env: () => ({ A2A_DEAD_SECONDS: '3' }),
  // Relative to where each server runs, which is one folder for all: each needs its own.
  envOf: (nth) => ({ A2A_OUTAGE_JOURNAL_DIR: join('.', `outage-${nth}`) }),
  async run(world) {
    for (let nth = 0; nth < world.times(3, 1); nth += 1) {
      const instance = world.fleet.at(nth);
      await world.fault('redis and an instance killed', async () => {
        await redisOf(world).kill();
        await world.pause(world.span(4_000, 2_000));
        await instance.kill9();
        await world.pause(world.span(1_000, 500));
        await instance.start();
        await world.pause(world.span(4_000, 2_000));
        await redisOf(world).start();
      });
      await world.pause(world.span(8_000, 4_000));
    }
  },
};
