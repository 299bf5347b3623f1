/** A master, its replicas and the Sentinels that watch them, on free ports of 127.0.0.1, gone however the tests end. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { ensureRedis } from '../../scripts/ensure-redis.ts';
import { eventually } from './eventually.ts';
import { freePorts, RedisServer } from './redis.ts';
import { startGroup, useGroup } from './redis-group.ts';

const ASK_MS = 500;
const SENTINELS = 3;

export interface RedisSentinelsOptions {
  /** Default 1. */
  readonly replicas?: number;
  /** How long a silent master is waited for before it is taken for down. Default 1,000. */
  readonly downAfterMs?: number;
  readonly appendonly?: boolean;
  /** More arguments of the servers, not of the Sentinels. */
  readonly args?: readonly string[];
  /** What the Sentinels themselves want from who asks them, and from each other. */
  readonly sentinelPassword?: string;
}

export class RedisSentinels {
  /** For `REDIS_SENTINEL_NAME`. */
  readonly name = 'holdfast';
  /** The master of the beginning, then its replicas. */
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  /** `host:port,host:port…` of the Sentinels, for `REDIS_SENTINELS`. */
  readonly addresses: string;
  readonly downAfterMs: number;
  readonly #sentinelPassword: string | undefined;
  readonly #askers = new Map<RedisServer, Redis>();

  constructor(binary: string, options: RedisSentinelsOptions, ports: readonly number[]) {
    const { downAfterMs = 1_000, appendonly = false, sentinelPassword } = options;
    this.downAfterMs = downAfterMs;
    this.#sentinelPassword = sentinelPassword;
    const [master = 0, ...replicas] = ports.slice(SENTINELS);
    const shared = ['--repl-diskless-sync-delay', '0', ...(options.args ?? [])];
    const follows = ['--replicaof', `127.0.0.1 ${master}`];
    this.servers = [master, ...replicas].map((port) => {
      const args = port === master ? shared : [...shared, ...follows];
      return new RedisServer(binary, { appendonly, args }, port);
    });
    const known = ports.slice(0, SENTINELS).map((port) => ({ port, id: randomBytes(20).toString('hex') }));
    this.addresses = known.map(({ port }) => `127.0.0.1:${port}`).join(',');
    this.sentinels = known.map(({ port, id }) => {
      // they would find each other by themselves, within some seconds
      const others = known
        .filter((one) => one.id !== id)
        .map((one) => `sentinel known-sentinel ${this.name} 127.0.0.1 ${one.port} ${one.id}`);
      const guard =
        sentinelPassword === undefined
          ? []
          : [`requirepass ${sentinelPassword}`, `sentinel sentinel-pass ${sentinelPassword}`];
      const config = [`sentinel myid ${id}`, `sentinel monitor ${this.name} 127.0.0.1 ${master} 2`]
        .concat(`sentinel down-after-milliseconds ${this.name} ${downAfterMs}`)
        .concat(`sentinel failover-timeout ${this.name} 4000`, ...others, ...guard, '');
      const password = sentinelPassword === undefined ? {} : { password: sentinelPassword };
      return new RedisServer(binary, { config: config.join('\n'), args: ['--sentinel'], ...password }, port);
    });
    for (const server of [...this.servers, ...this.sentinels]) this.#askers.set(server, this.#asker(server));
  }

  async start(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.start()));
    await this.inSync();
    await Promise.all(this.sentinels.map((server) => server.start()));
    await eventually(async () => {
      for (const sentinel of this.sentinels) {
        await this.#of(sentinel).call('SENTINEL', 'CKQUORUM', this.name);
        if (!(await this.#wouldPromote(sentinel))) return false;
      }
      return true;
    }, 20_000);
  }

  /**
   * Whether a Sentinel takes every replica for good enough. It knows of them from its first look at the master on; before
   * it has asked them themselves it would say NOGOODSLAVE.
   */
  async #wouldPromote(sentinel: RedisServer): Promise<boolean> {
    const told = (await this.#of(sentinel).call('SENTINEL', 'REPLICAS', this.name)) as string[][];
    const replicas = told.map((fields) => new Map(fields.map((name, at) => [name, fields[at + 1]])));
    return (
      replicas.length === this.servers.length - 1 &&
      replicas.every((one) => one.get('flags') === 'slave' && one.get('master-link-status') === 'ok')
    );
  }

  /** Who is the master by the word of the Sentinels that answer. */
  async master(): Promise<RedisServer> {
    for (const sentinel of this.sentinels) {
      const address = await this.#of(sentinel)
        .call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.name)
        .catch(() => undefined);
      const port = Number((address as string[] | undefined)?.[1]);
      const server = this.servers.find((one) => one.port === port);
      if (server !== undefined) return server;
    }
    throw new Error('no Sentinel knows the master');
  }

  /** Waits until one server alone is the master, and all others that answer have what it has. */
  async inSync(withinMs = 10_000): Promise<void> {
    await eventually(async () => {
      const told = await Promise.all(this.servers.map((server) => this.#role(server)));
      const [master, ...more] = told.filter((role) => role?.[0] === 'master');
      if (master === undefined || more.length > 0) return false;
      const offset = Number(master[1]);
      const replicas = await Promise.all(this.servers.map((server) => this.#role(server)));
      return replicas.every(
        (role) =>
          role === undefined ||
          role[0] === 'master' ||
          (role[3] === 'connected' && Number(role[4]) >= offset),
      );
    }, withinMs);
  }

  /** Waits until the Sentinels name another master than this one, and it takes writes. @returns which */
  async promoted(from: RedisServer, withinMs = 20_000): Promise<RedisServer> {
    await eventually(async () => {
      const master = await this.master();
      return master !== from && (await this.#role(master))?.[0] === 'master';
    }, withinMs);
    return await this.master();
  }

  /**
   * Starts what was killed, as replicas of who is the master now. A master that was killed believes that it still is one;
   * the Sentinels would correct that after some ten seconds.
   */
  async comeBack(): Promise<void> {
    const master = await this.master();
    await Promise.all(this.servers.map((server) => server.start()));
    for (const server of this.servers)
      if (server !== master) await this.#of(server).call('REPLICAOF', '127.0.0.1', String(master.port));
    await this.inSync();
  }

  /** A failover that nobody's fault has caused. @returns the new master */
  async failOver(): Promise<RedisServer> {
    const from = await this.master();
    const [first] = this.sentinels;
    if (first === undefined) throw new Error('nobody watches');
    await eventually(() => this.#wouldPromote(first));
    await this.#of(first).call('SENTINEL', 'FAILOVER', this.name);
    return await this.promoted(from);
  }

  async stop(): Promise<void> {
    for (const asker of this.#askers.values()) asker.disconnect();
    await Promise.all([...this.sentinels, ...this.servers].map((server) => server.stop()));
  }

  async #role(server: RedisServer): Promise<unknown[] | undefined> {
    return (await this.#of(server)
      .call('ROLE')
      .catch(() => undefined)) as unknown[] | undefined;
  }

  #of(server: RedisServer): Redis {
    const asker = this.#askers.get(server);
    if (asker === undefined) throw new Error('not one of ours');
    return asker;
  }

  #asker({ path }: RedisServer): Redis {
    const isServer = this.servers.some((one) => one.path === path);
    const asker = new Redis({
      path,
      lazyConnect: true,
      commandTimeout: ASK_MS,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 50,
      ...(!isServer && this.#sentinelPassword !== undefined && { password: this.#sentinelPassword }),
    });
    asker.on('error', () => undefined);
    return asker;
  }
}

export async function startRedisSentinels(options: RedisSentinelsOptions = {}): Promise<RedisSentinels> {
  const binary = await ensureRedis();
  const ports = SENTINELS + 1 + (options.replicas ?? 1);
  return startGroup(async () => new RedisSentinels(binary, options, await freePorts(ports)));
}

/** Call it in a `describe`. */
export const useRedisSentinels = (options?: RedisSentinelsOptions): (() => RedisSentinels) =>
  useGroup(() => startRedisSentinels(options));
