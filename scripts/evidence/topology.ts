import type { Redis } from 'ioredis';
import { type RedisOptions, type RedisServer, startRedis } from '../../tests/helpers/redis.ts';
import type { Env } from './fleet.ts';

/** The stores of one scenario. */
export interface Topology {
  /** What tells a server to use them. */
  readonly env: Env;
  /** For the report: `1 redis`, `6 redis (cluster)`. */
  readonly what: string;
  /**
   * Clients that see every key between them: one for a single Redis, one for each master of a cluster. Asked for when the
   * faults are over; closed by the topology.
   */
  masters(): Promise<readonly Redis[]> | readonly Redis[];
  stop(): Promise<void>;
}

/** One Redis. Scenarios that need it themselves keep what {@link singleRedis} gave them. */
export interface SingleRedis extends Topology {
  readonly redis: RedisServer;
}

/** Kept at every write, so that what it has acknowledged survives its `kill -9`. Not started with `away`. */
export async function singleRedis(options: RedisOptions & { away?: true } = {}): Promise<SingleRedis> {
  const { away, ...rest } = options;
  const redis = await startRedis({ tcp: true, appendonly: true, ...rest });
  if (away === true) await redis.kill();
  let client: Redis | undefined;
  return {
    redis,
    env: { A2A_STORE: 'redis', REDIS_URL: `redis://127.0.0.1:${redis.port}/0` },
    what: '1 redis',
    masters: () => [(client ??= redis.client())],
    stop: () => redis.stop(),
  };
}
