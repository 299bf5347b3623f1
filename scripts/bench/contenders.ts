import * as names from './names.ts';
import type { Package } from './install.ts';
import { migrate } from './install.ts';
import type { Rig } from './rig.ts';
import type { ServerProcess, Start } from './server-process.ts';

export const HOLDFAST = 'dist/server/main.js';
/** Copied there, so that it finds the packages of the contenders. */
const SDK_SERVER = '.bench/sdk-server.mjs';
const ECHO_SERVER = 'scripts/bench/echo-server.mjs';
const WHOLE_SERVER = 'scripts/bench/contenders/whole-session-server.mjs';

type Env = Readonly<Record<string, string>>;
type Command = Omit<Start, 'on'>;

async function redisUrl(rig: Rig): Promise<string> {
  return `unix://${(await rig.redis()).path}`;
}

const onRedis = async (rig: Rig): Promise<Command> => ({
  script: HOLDFAST,
  // A prefix of its own: servers on one prefix are instances of one another.
  env: { REDIS_URL: await redisUrl(rig), A2A_KEY_PREFIX: rig.freshName() },
});

/** How each is started. */
const COMMANDS: Readonly<Record<string, (rig: Rig) => Command | Promise<Command>>> = {
  [names.REDIS]: onRedis,
  [names.EXCLUSIVE]: async (rig) => {
    const { script, env } = await onRedis(rig);
    return { script, env: { ...env, A2A_CACHE_COHERENCE: 'exclusive' } };
  },
  [names.LMDB]: (rig) => ({
    script: HOLDFAST,
    env: { A2A_STORE: 'lmdb', A2A_DATA_DIR: rig.freshPath() },
  }),
  [names.MEMORY]: () => ({ script: HOLDFAST, env: { A2A_STORE: 'memory' } }),
  [names.WHOLE]: async (rig) => ({
    script: WHOLE_SERVER,
    env: { BENCH_REDIS: (await rig.redis()).path, BENCH_PREFIX: rig.freshName() },
  }),
  [names.SDK]: () => ({ script: SDK_SERVER, env: {} }),
  [names.SQLITE]: (rig) => {
    const file = rig.freshPath();
    migrate(file);
    return { script: SDK_SERVER, env: { DATABASE_FILE: file } };
  },
  [names.EXPRESS]: () => ({ script: ECHO_SERVER, env: { BENCH_FRONT: 'express' } }),
  [names.NODE]: () => ({ script: ECHO_SERVER, env: {} }),
};

/** What has to be in .bench/ for a contender, beside what the project has itself. */
export function packagesFor(contenders: readonly string[], isQuick: boolean): Package[] {
  const of = contenders.flatMap((name): Package[] => {
    if (name === names.SQLITE) return ['@a2a-js/sdk', 'better-sqlite3', 'kysely'];
    // A short run takes the SDK that the tests use.
    return name === names.SDK && !isQuick ? ['@a2a-js/sdk'] : [];
  });
  return [...new Set(of)];
}

/** A contender that can be started over: what it holds is then gone, and its code is cold. */
export class Contender {
  readonly name: string;
  readonly #rig: Rig;
  readonly #command: Command;
  readonly #on: readonly string[];
  server: ServerProcess;

  private constructor(name: string, rig: Rig, start: Start, server: ServerProcess) {
    this.name = name;
    this.#rig = rig;
    this.#command = start;
    this.#on = start.on;
    this.server = server;
  }

  /** @param env on top of what it always has */
  static async start(
    name: string,
    rig: Rig,
    env: Env = {},
    on = rig.machine.on('server'),
  ): Promise<Contender> {
    const command = await COMMANDS[name]?.(rig);
    if (command === undefined) throw new Error(`there is no contender ${name}`);
    const start = { on, script: command.script, env: { ...command.env, ...env } };
    return new Contender(name, rig, start, await rig.start(start));
  }

  static startAll(wanted: readonly string[], rig: Rig): Promise<Contender[]> {
    return Promise.all(wanted.map((name) => Contender.start(name, rig)));
  }

  get url(): string {
    return this.server.url;
  }

  /** On what the last one has left behind in its store. */
  async restart(env: Env = {}): Promise<void> {
    await this.server.stop();
    const { script, env: own } = this.#command;
    this.server = await this.#rig.start({ on: this.#on, script, env: { ...own, ...env } });
  }
}
