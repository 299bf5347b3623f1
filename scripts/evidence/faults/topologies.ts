/** Stores that the harder faults need: with a network in front of them, watched by Sentinels, in a cluster. */
import type { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../../../tests/helpers/redis.ts';
import { type RedisCluster, startRedisCluster } from '../../../tests/helpers/redis-cluster.ts';
import { type RedisSentinels, startRedisSentinels } from '../../../tests/helpers/redis-sentinel.ts';
import type { DurationMs } from '../../../protocol/units.ts';
import type { Topology } from '../topology.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** One Redis, and a network of its own for each server that uses it. */
export interface ProxiedRedis extends Topology {
  readonly redis: RedisServer;
  /** In the order of the servers. */
  readonly networks: readonly TcpProxy[];
  /** How the nth server reaches it. @param nth from 0 */
  urlFrom(nth: number): string;
}

export async function proxiedRedis(servers: number): Promise<ProxiedRedis> {
  const redis = await startRedis({ tcp: true, appendonly: true });
  const target = { host: '127.0.0.1', port: redis.port };
  const networks = await Promise.all(Array.from({ length: servers }, () => TcpProxy.start(target)));
  const urlFrom = (nth: number): string => `redis://127.0.0.1:${networks[nth]?.port ?? redis.port}/0`;
  let client: Redis | undefined;
  return {
    redis,
    networks,
    urlFrom,
    env: { A2A_STORE: 'redis', REDIS_URL: urlFrom(0) },
    what: `1 redis, ${servers} networks`,
    masters: () => [(client ??= redis.client())],
    stop: async () => {
      await Promise.all(networks.map((network) => network.close()));
      await redis.stop();
    },
  };
}

export interface SentinelTrio extends Topology {
  readonly trio: RedisSentinels;
}

/** A master, a replica, and three Sentinels. */
export async function sentinelTrio(): Promise<SentinelTrio> {
  const trio = await startRedisSentinels({ appendonly: true });
  const clientOf = clients();
  return {
    trio,
    env: { A2A_STORE: 'redis', REDIS_SENTINELS: trio.addresses, REDIS_SENTINEL_NAME: trio.name },
    what: '2 redis, 3 sentinels',
    masters: async () => [clientOf(await trio.master())],
    stop: () => trio.stop(),
  };
}

export interface ClusterOfSix extends Topology {
  readonly cluster: RedisCluster;
}

/** So many that the sessions of one tenant sit on every master. */
const BUCKETS = 8;

/** Three masters, each with a replica. */
export async function clusterOfSix(nodeTimeoutMs: DurationMs): Promise<ClusterOfSix> {
  const cluster = await startRedisCluster({ appendonly: true, nodeTimeoutMs });
  const clientOf = clients();
  return {
    cluster,
    env: {
      A2A_STORE: 'redis',
      REDIS_CLUSTER_NODES: cluster.addresses,
      A2A_TENANT_BUCKETS: String(BUCKETS),
    },
    what: `6 redis (cluster, node timeout ${nodeTimeoutMs} ms)`,
    masters: async () => (await cluster.masters()).map(clientOf),
    stop: () => cluster.stop(),
  };
}

/** One client for each server, however often it is asked for. They are closed with their servers. */
function clients(): (server: RedisServer) => Redis {
  const known = new Map<RedisServer, Redis>();
  return (server) => {
    const client = known.get(server) ?? server.client();
    known.set(server, client);
    return client;
  };
}
