import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';
import { type RedisServer, startRedis } from '../../tests/helpers/redis.ts';
import { atFullSpeed, atRate } from './pace.ts';
import { SoakClient } from './soak-client.ts';
import { judgeSoak, leftKeys, moreHandles, type Rest } from './soak-verdict.ts';
import { SoakedServer } from './soaked-server.ts';
import { Traffic } from './traffic.ts';

export interface SoakOptions {
  /** Of load; the looks before and after it come on top. */
  readonly minutes: number;
  readonly sessions: number;
  readonly seed: number;
}

export interface SoakReport {
  readonly options: SoakOptions;
  readonly peakPerSecond: number;
  readonly perSecond: number;
  /** Operation -> how often, the warm-up included. */
  readonly operations: ReadonlyMap<string, number>;
  /** Operations that were due and not begun, because the server had fallen behind. */
  readonly leftOut: number;
  readonly failed: number;
  readonly refused: number;
  readonly webhooks: number;
  /** Most keys in Redis at any look during the load. */
  readonly keysMax: number;
  readonly rehydrations: number;
  readonly evictions: number;
  readonly before: Rest;
  readonly after: Rest;
  readonly warnings: ReadonlyMap<string, number>;
  readonly exitCode: number | null;
  readonly faults: readonly string[];
}

/** Short, so that sessions come and go all the time. */
const TTL_SECONDS = 30;
/** A third of them fit into memory: the others are dropped and loaded again. */
const CACHED_SHARE = 1 / 3;
const PEAK_CLIENTS = 48;
const PEAK_MS: DurationMs = 5_000;
const WARM_UP_MAX_MS: DurationMs = 90_000;
const WARM_UP_SHARE = 0.3;
/** So long after the last session has expired everything has to be as it was. */
const SETTLED_WITHIN_MS: DurationMs = 60_000;
const LOOK_EVERY_MS: DurationMs = 5_000;

export type Say = (line: string) => void;

/** One run. Leaves nothing behind, also when the process ends in the middle. */
export async function runSoak(options: SoakOptions, say: Say): Promise<SoakReport> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-soak-'));
  const removeFolder = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', removeFolder);
  const hooks = await startHooks();
  const redis = await startRedis();
  let server: SoakedServer | undefined;
  try {
    server = await SoakedServer.start(environment(options, redis, hooks.origin), folder);
    return await Promise.race([new Soak(options, server, redis, hooks, say).run(), server.failed]);
  } finally {
    await server?.stop();
    await redis.stop();
    hooks.door.closeAllConnections();
    hooks.door.close();
    removeFolder();
    process.off('exit', removeFolder);
  }
}

function environment(options: SoakOptions, redis: RedisServer, hooks: string): Record<string, string> {
  return {
    REDIS_URL: `unix://${redis.path}`,
    A2A_SESSION_TTL_SECONDS: String(TTL_SECONDS),
    A2A_CACHE_MAX_SESSIONS: String(Math.round(options.sessions * CACHED_SHARE)),
    A2A_PUSH_ALLOW: hooks,
  };
}

interface Hooks {
  readonly door: Server;
  readonly origin: string;
  received: number;
}

async function startHooks(): Promise<Hooks> {
  const door = createServer((req, res) => {
    req.resume().on('end', () => {
      hooks.received += 1;
      res.end();
    });
  }).listen(0, '127.0.0.1');
  await once(door, 'listening');
  const hooks = { door, origin: `http://127.0.0.1:${(door.address() as AddressInfo).port}`, received: 0 };
  return hooks;
}

class Soak {
  readonly #options: SoakOptions;
  readonly #server: SoakedServer;
  readonly #redis: RedisServer;
  readonly #hooks: Hooks;
  readonly #say: Say;
  readonly #client: SoakClient;
  readonly #traffic: Traffic;
  #keysMax = 0;

  constructor(options: SoakOptions, server: SoakedServer, redis: RedisServer, hooks: Hooks, say: Say) {
    this.#options = options;
    this.#server = server;
    this.#redis = redis;
    this.#hooks = hooks;
    this.#say = say;
    this.#client = new SoakClient(server.url);
    this.#traffic = new Traffic(this.#client, `${hooks.origin}/hook`, options.sessions, options.seed);
  }

  async run(): Promise<SoakReport> {
    const work = (): Promise<void> => this.#traffic.one();
    const loadMs = this.#options.minutes * 60_000;
    const warmUpMs = Math.min(WARM_UP_MAX_MS, loadMs * WARM_UP_SHARE);
    const peakPerSecond = await atFullSpeed(work, PEAK_CLIENTS, PEAK_MS);
    const perSecond = peakPerSecond / 2;
    this.#say(`peak ${Math.round(peakPerSecond)} operations/s; warming up for ${inSeconds(warmUpMs)}`);
    let leftOut = await this.#load(perSecond, warmUpMs);
    const before = await this.#settle();
    this.#say(`settled; under load for ${inSeconds(loadMs - warmUpMs)}`);
    leftOut += await this.#load(perSecond, loadMs - warmUpMs);
    const metrics = await this.#server.metrics();
    const after = await this.#settle(before);
    const exitCode = await this.#server.stop();
    const { done, failed, refused, faults } = this.#traffic;
    return {
      options: this.#options,
      peakPerSecond,
      perSecond,
      operations: done,
      leftOut,
      failed,
      refused,
      webhooks: this.#hooks.received,
      keysMax: this.#keysMax,
      rehydrations: metrics.get('rehydrations_total') ?? 0,
      evictions: metrics.get('cache_evictions_total') ?? 0,
      before,
      after,
      warnings: this.#server.warnings,
      exitCode,
      faults: [
        ...judgeSoak(before, after),
        ...(failed > 0 ? [`${failed} operations failed`, ...faults] : []),
        ...(exitCode === 0 ? [] : [`the server ended with ${exitCode}`]),
      ],
    };
  }

  async #load(perSecond: number, forMs: DurationMs): Promise<number> {
    const end = new AbortController();
    const watching = this.#watch(end.signal);
    try {
      return await atRate(() => this.#traffic.one(), perSecond, forMs, end.signal);
    } finally {
      end.abort();
      await watching;
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const client = this.#redis.client();
    while (!signal.aborted) {
      this.#keysMax = Math.max(this.#keysMax, await client.dbsize());
      const metrics = await this.#server.metrics();
      this.#say(
        `${this.#traffic.count} operations, ${this.#traffic.failed} failed; ` +
          `${this.#keysMax} keys, ${metrics.get('cache_sessions')} sessions in memory`,
      );
      await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
    client.disconnect();
  }

  /** Waits until every session has expired and all is quiet, as long as it may take. */
  async #settle(before?: Rest): Promise<Rest> {
    this.#client.hangUp();
    const deadline = performance.now() + TTL_SECONDS * 1000 + SETTLED_WITHIN_MS;
    await pause(TTL_SECONDS * 1000);
    for (;;) {
      const rest = await this.#look();
      const isQuiet = rest.business.length === 0 && leftKeys(rest).length === 0;
      if (isQuiet && (before === undefined || moreHandles(before, rest).length === 0)) return rest;
      if (performance.now() > deadline) return rest;
      await pause(1_000);
    }
  }

  async #look(): Promise<Rest> {
    // What has expired leaves the indexes when somebody asks for a list.
    await this.#client.call('1.0', 'ListTasks', { pageSize: 1 });
    this.#client.hangUp();
    const client = this.#redis.client();
    try {
      const keys = await client.keys('*');
      const cached = (await this.#server.metrics()).get('cache_sessions') ?? 0;
      return { keys, cached, business: await this.#server.business(), holdings: await this.#server.look() };
    } finally {
      client.disconnect();
    }
  }
}

const inSeconds = (ms: DurationMs): string => `${Math.round(ms / 1000)} s`;
