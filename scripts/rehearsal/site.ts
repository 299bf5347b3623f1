import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { type Sent, sendOnce } from '../../tests/helpers/load.ts';
import { ask } from '../../tests/helpers/outage.ts';
import { freePorts, type RedisOptions, type RedisServer, startRedis } from '../../tests/helpers/redis.ts';
import { Machine, type Settings } from './machine.ts';
import type { Rehearsal } from './rehearsal.ts';
import { type Service, standIns } from './stand-ins.ts';

export interface SiteOptions {
  /** Absent: LMDB in the folder `data`. */
  readonly redis?: RedisOptions | RedisServer;
  /** Servers, each on a machine of its own; default 1. */
  readonly machines?: number;
  /** For every server, over what the store needs. */
  readonly settings?: Settings;
  /** For each server, over all of it. @param nth from 1 */
  readonly each?: (nth: number) => Settings;
}

const ROOT = new URL('../../', import.meta.url).pathname;
/** Where Holdfast is installed, as far as commands of the page use it. */
const INSTALLED = ['dist', 'node_modules', 'package.json', 'scripts', 'tests', 'server', 'protocol'];

/** Servers and their store, as somebody operates them: started, and with a terminal at the first machine. */
export class Site {
  readonly machines: readonly Machine[];
  readonly #at: Rehearsal;
  readonly #redis: RedisServer | undefined;

  private constructor(at: Rehearsal, machines: readonly Machine[], redis: RedisServer | undefined) {
    this.#at = at;
    this.machines = machines;
    this.#redis = redis;
  }

  /** Goes with the rehearsal. */
  static async open(at: Rehearsal, options: SiteOptions = {}): Promise<Site> {
    const { machines: count = 1, each = () => ({}) } = options;
    const redis = await redisOf(options.redis);
    if (redis !== undefined) at.onEnd(() => redis.stop());
    const store: Settings =
      redis === undefined
        ? { A2A_STORE: 'lmdb', A2A_DATA_DIR: join(at.folder, 'data') }
        : { A2A_STORE: 'redis', REDIS_URL: `redis://127.0.0.1:${redis.port}/0` };
    const machines = (await freePorts(count)).map((port, nth) => {
      const settings = {
        ...store,
        LOG_LEVEL: 'info',
        A2A_DRAIN_SECONDS: '2',
        ...options.settings,
        ...each(nth + 1),
      };
      const file = join(at.folder, `holdfast-${nth + 1}.env`);
      return new Machine(at.folder, file, { PORT: String(port), ...settings });
    });
    at.onEnd(async () => {
      await Promise.all(machines.map((machine) => machine.close()));
    });
    const site = new Site(at, machines, redis);
    await site.#furnish();
    await Promise.all(machines.map((machine) => machine.start()));
    return site;
  }

  /** The first one, or the only one. */
  get machine(): Machine {
    return this.machineAt(1);
  }

  /** @param nth from 1 */
  machineAt(nth: number): Machine {
    const machine = this.machines[nth - 1];
    assert.ok(machine !== undefined, `there is no machine ${nth}`);
    return machine;
  }

  get redis(): RedisServer {
    assert.ok(this.#redis !== undefined, 'this site has no Redis');
    return this.#redis;
  }

  /** The commands that follow are typed there. @param nth from 1 */
  goTo(nth: number): void {
    Object.assign(this.#at.env, { MACHINE: String(nth), SETTINGS: this.machineAt(nth).settingsFile });
    this.#at.leaveTerminal();
  }

  /** Something done to Redis behind everybody's back. */
  async redisNow(work: (client: Redis) => Promise<unknown>): Promise<void> {
    const client = this.redis.client();
    try {
      await work(client);
    } finally {
      client.disconnect();
    }
  }

  /** Says something new into a session, and wants an answer. */
  async say(session: string, text: string, machine = this.machine): Promise<Sent> {
    const sent = await sendOnce(machine.url, 'v1', text, session);
    assert.equal(sent.state, 'TASK_STATE_COMPLETED', sent.reply.text);
    return sent;
  }

  /** @param texts all that was said in the session so far; asking adds to it, so each session is asked once */
  async remembers(session: string, texts: readonly string[], machine = this.machine): Promise<void> {
    assert.deepEqual((await ask(machine.url, 'recall', session)).split('\n'), texts);
  }

  async #furnish(): Promise<void> {
    const { folder, env } = this.#at;
    for (const name of INSTALLED) symlinkSync(join(ROOT, name), join(folder, name));
    const { bin, close } = await standIns({
      folder,
      service: (unit, machine) => this.#service(unit, machine),
      journal: (machine) => this.machineAt(Number(machine)).journal,
    });
    this.#at.onEnd(close);
    const { PATH = '', HOME = '' } = process.env;
    Object.assign(env, { PATH: `${bin}:${PATH}`, HOME, TMPDIR: folder, LC_ALL: 'C' });
    this.goTo(1);
  }

  #service(unit: string, machine: string): Service {
    if (unit === 'redis-server')
      return {
        start: () => this.redis.start(),
        stop: () => this.redis.kill(),
        kill: () => this.redis.kill(),
      };
    assert.equal(unit, 'holdfast', `there is no unit ${unit}`);
    const server = this.machineAt(Number(machine));
    return { start: () => server.start(), stop: () => server.stop(), kill: () => server.kill9() };
  }
}

async function redisOf(given: SiteOptions['redis']): Promise<RedisServer | undefined> {
  if (given === undefined) return undefined;
  if ('folder' in given) return given;
  return await startRedis({ tcp: true, appendonly: true, ...given });
}
