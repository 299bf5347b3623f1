/** What every store promises, on a cluster with sessions on all masters, and on Valkey where it is installed. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createRedisClient, createRedisSubscriber } from '../../../server/stores/redis/client.ts';
import { connected, REDIS_OPTIONS, redisHarness } from '../../contract/redis-harness.ts';
import { describeSessionStore } from '../../contract/session-store.contract.ts';
import { freePorts, RedisServer } from '../../helpers/redis.ts';
import { useRedisCluster } from '../../helpers/redis-cluster.ts';

const run = promisify(execFile);

describe('a redis cluster', function () {
  this.timeout(30_000);
  const cluster = useRedisCluster({ replicas: 0, nodeTimeoutMs: 5_000 });
  let opened = 0;

  describeSessionStore('redis cluster, 16 buckets', {
    cannot: { limits: 'no script sees all buckets of a tenant; a start with limits is refused' },
    open: async () => {
      const nodes = cluster().nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
      const address = { at: { nodes }, db: 0, tls: false } as const;
      const client = createRedisClient(address, () => undefined);
      await connected(client);
      opened += 1;
      const createSubscriber = () => createRedisSubscriber(address, client);
      const options = { ...REDIS_OPTIONS, buckets: 16, prefix: `t${opened}`, createSubscriber };
      return redisHarness(client, cluster().client(), options);
    },
  });
});

describe('valkey', () => {
  let server: RedisServer | undefined;
  let opened = 0;
  before(async function () {
    const found = await run('sh', ['-c', 'command -v valkey-server']).catch(() => undefined);
    if (found === undefined) {
      this.skip();
      return;
    }
    const [port = 0] = await freePorts(1);
    server = new RedisServer(found.stdout.trim(), {}, port);
    await server.start();
  });
  after(() => server?.stop());

  describeSessionStore('valkey', {
    open: async () => {
      if (server === undefined) throw new Error('valkey starts before the first test');
      const client = createRedisClient(server.address, () => undefined);
      await client.connect();
      opened += 1;
      return redisHarness(client, server.client(), { ...REDIS_OPTIONS, prefix: `t${opened}` });
    },
  });
});
