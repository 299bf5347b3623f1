/** A Redis Cluster of our own: masters and replicas on free ports of 127.0.0.1, gone however the tests end. */
import { Cluster, Redis } from 'ioredis';
import { ensureRedis } from '../../scripts/ensure-redis.ts';
import { eventually } from './eventually.ts';
import { freePorts, RedisServer } from './redis.ts';
import { startGroup, useGroup } from './redis-group.ts';

const SLOTS = 16_384;
/** Whoever does not answer for so long is taken for killed or stopped. */
const ASK_MS = 500;
/** Forming takes two to four seconds on a quiet machine. */
const FORMS_WITHIN_MS = 30_000;

export interface RedisClusterOptions {
  /** Default 3, the fewest that can elect. */
  readonly masters?: number;
  /** Of each master. Default 1. */
  readonly replicas?: number;
  /** How long a silent node is waited for before it is taken for failed. Default 1,500. */
  readonly nodeTimeoutMs?: number;
  /**
   * Whether nobody serves while one shard has no master. Default true, as in Redis itself: what most operators run, and
   * the harder case.
   */
  readonly fullCoverage?: boolean;
  readonly appendonly?: boolean;
  /** More arguments of every node. */
  readonly args?: readonly string[];
}

export class RedisCluster {
  /** Masters first, as they were in the beginning. */
  readonly nodes: readonly RedisServer[];
  /** `host:port,host:port…` of all, for `REDIS_CLUSTER_NODES`. */
  readonly addresses: string;
  readonly nodeTimeoutMs: number;
  readonly #masters: number;
  readonly #busPorts: readonly number[];
  readonly #askers: readonly Redis[];
  readonly #clients = new Set<Cluster>();

  constructor(binary: string, options: RedisClusterOptions, ports: readonly number[]) {
    const { masters = 3, replicas = 1, nodeTimeoutMs = 1_500, fullCoverage = true } = options;
    const count = masters * (replicas + 1);
    this.nodeTimeoutMs = nodeTimeoutMs;
    this.#masters = masters;
    this.#busPorts = ports.slice(count);
    const shared = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']
      .concat('--cluster-node-timeout', String(nodeTimeoutMs), '--repl-diskless-sync-delay', '0')
      .concat('--cluster-require-full-coverage', fullCoverage ? 'yes' : 'no', ...(options.args ?? []));
    this.nodes = ports.slice(0, count).map((port, at) => {
      const args = [...shared, '--cluster-port', String(this.#busPorts[at])];
      return new RedisServer(binary, { appendonly: options.appendonly === true, args }, port);
    });
    this.addresses = this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
    this.#askers = this.nodes.map(({ path }) => {
      const asker = new Redis({
        path,
        lazyConnect: true,
        commandTimeout: ASK_MS,
        maxRetriesPerRequest: 0,
        retryStrategy: () => 50,
      });
      asker.on('error', () => undefined);
      return asker;
    });
  }

  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()));
    const [first] = this.#askers;
    for (const [at, asker] of this.#askers.entries()) {
      if (at < this.#masters) {
        const from = Math.floor((SLOTS * at) / this.#masters);
        const to = Math.floor((SLOTS * (at + 1)) / this.#masters) - 1;
        await asker.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
      }
      await asker.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
      const [node, busPort] = [this.nodes[at], this.#busPorts[at]];
      if (at > 0) await first?.call('CLUSTER', 'MEET', '127.0.0.1', String(node?.port), String(busPort));
    }
    await this.#replicate();
    await this.settled(FORMS_WITHIN_MS);
  }

  async #replicate(): Promise<void> {
    const ids = await Promise.all(this.#askers.map((asker) => asker.call('CLUSTER', 'MYID')));
    for (const [at, asker] of this.#askers.entries()) {
      if (at < this.#masters) continue;
      await eventually(async () => {
        await asker.call('CLUSTER', 'REPLICATE', String(ids[at % this.#masters]));
      }, FORMS_WITHIN_MS);
    }
  }

  /** Waits until every node that answers says the cluster is well, and replicas have what their masters have. */
  async settled(withinMs = 10_000): Promise<void> {
    await eventually(async () => {
      const told = await Promise.all(this.#askers.map((asker) => tell(asker)));
      const alive = told.filter((one) => one !== undefined);
      const masters = alive.filter(({ isMaster }) => isMaster);
      const isWell = masters.length === this.#masters && alive.every((one) => one.isWell);
      if (!isWell || alive.length === 0) return false;
      const offsets = new Map(masters.map(({ port, offset }) => [port, offset]));
      const replicas = alive.filter(({ isMaster }) => !isMaster);
      const later = await Promise.all(replicas.map(({ asker }) => tell(asker)));
      return later.every(
        (one) => one !== undefined && one.offset >= (offsets.get(one.masterPort) ?? Infinity),
      );
    }, withinMs);
  }

  /** Who serves the key now, as the nodes that answer see it. */
  async masterOf(key: string): Promise<RedisServer> {
    const slot = await this.#ask((asker) => asker.cluster('KEYSLOT', key));
    const ranges = await this.#slots();
    const range = ranges.find(([from, to]) => from <= slot && slot <= to);
    return this.#nodeAt(range?.[2][1]);
  }

  /** @param without not to be asked: one that hangs is waited for first, which would be taken for Redis' own delay */
  async masters(without?: RedisServer): Promise<RedisServer[]> {
    const ports = new Set((await this.#slots(without)).map(([, , master]) => master[1]));
    return [...ports].map((port) => this.#nodeAt(port));
  }

  /** Waits until somebody else serves the key. @returns who */
  async failedOver(key: string, from: RedisServer, withinMs = 15_000): Promise<RedisServer> {
    await eventually(async () => (await this.masterOf(key)) !== from, withinMs);
    return await this.masterOf(key);
  }

  /** A plain client for looking behind the store's back; it waits for nothing. Closed with the cluster. */
  client(): Cluster {
    const nodes = this.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
    const client = new Cluster(nodes, { slotsRefreshTimeout: 1_000 });
    client.on('error', () => undefined);
    this.#clients.add(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of [...this.#clients, ...this.#askers]) client.disconnect();
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  #slots(without?: RedisServer): Promise<SlotRange[]> {
    return this.#ask(async (asker) => (await asker.call('CLUSTER', 'SLOTS')) as SlotRange[], without);
  }

  async #ask<T>(question: (asker: Redis) => Promise<T>, without?: RedisServer): Promise<T> {
    for (const [at, asker] of this.#askers.entries()) {
      if (this.nodes[at] === without) continue;
      try {
        return await question(asker);
      } catch {
        // killed, or stopped: another one knows
      }
    }
    throw new Error('no node of the cluster answers');
  }

  #nodeAt(port: number | undefined): RedisServer {
    const node = this.nodes.find((one) => one.port === port);
    if (node === undefined) throw new Error(`nobody of the cluster is at ${String(port)}`);
    return node;
  }
}

type SlotRange = [from: number, to: number, master: [host: string, port: number]];

interface Told {
  readonly asker: Redis;
  readonly isMaster: boolean;
  readonly isWell: boolean;
  readonly port: number;
  readonly masterPort: number;
  readonly offset: number;
}

async function tell(asker: Redis): Promise<Told | undefined> {
  try {
    const cluster = await asker.cluster('INFO');
    const info = await asker.info();
    const isMaster = /^role:master\r?$/m.test(info);
    const isLinked = isMaster || /^master_link_status:up\r?$/m.test(info);
    return {
      asker,
      isMaster,
      isWell: isLinked && /^cluster_state:ok\r?$/m.test(cluster),
      port: numberOf('tcp_port', info),
      masterPort: numberOf('master_port', info),
      offset: numberOf(isMaster ? 'master_repl_offset' : 'slave_repl_offset', info),
    };
  } catch {
    return undefined;
  }
}

function numberOf(field: string, info: string): number {
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1] ?? Number.NaN);
}

export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const binary = await ensureRedis();
  const { masters = 3, replicas = 1 } = options;
  return startGroup(
    async () => new RedisCluster(binary, options, await freePorts(2 * masters * (replicas + 1))),
  );
}

/** Call it in a `describe`. */
export const useRedisCluster = (options?: RedisClusterOptions): (() => RedisCluster) =>
  useGroup(() => startRedisCluster(options));
