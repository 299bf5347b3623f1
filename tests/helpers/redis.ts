/** Redis servers of our own: on a Unix socket in a fresh folder, and gone however the tests end. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { ensureRedis } from '../../scripts/ensure-redis.ts';
import type { OneRedisAddress } from '../../server/stores/redis/client.ts';
import { eventually } from './eventually.ts';
import { planted } from './overheard.ts';

/** May do everything, as may who shows nothing: a server that is given it has a secret to keep. */
const USER = { username: 'tester', password: planted('password') };

/**
 * The shell kills the server when its standard input closes, and that closes when this process ends, even by SIGKILL.
 */
const GUARDED = `exec 3<&0
"$@" 3<&- </dev/null >/dev/null 2>&1 &
server=$!
{ cat <&3 >/dev/null; kill -9 $server; } >/dev/null 2>&1 &
exec 3<&-
echo $server
wait $server`;

export interface RedisOptions {
  /** Also listen on a free TCP port of 127.0.0.1. */
  readonly tcp?: boolean;
  /** Survive `kill()` and `restart()`. */
  readonly appendonly?: boolean;
  /** More arguments, as on the command line. */
  readonly args?: readonly string[];
  /** A configuration file's text, which the server may rewrite. The arguments come on top of it. */
  readonly config?: string;
  /** What the server wants from its clients, when the arguments or the configuration say so. */
  readonly password?: string;
}

/** One redis-server. Its folder, socket and port stay the same over restarts. */
export class RedisServer {
  readonly folder: string;
  readonly path: string;
  readonly port: number;
  /** For `createRedisClient`. */
  readonly address: OneRedisAddress;
  /** What a server is told by its environment, with a password. */
  readonly env: Readonly<Record<string, string>>;
  /** The same by TCP. */
  readonly tcpEnv: Readonly<Record<string, string>>;
  readonly #binary: string;
  readonly #options: RedisOptions;
  readonly #clients = new Set<Redis>();
  #child: ChildProcess | undefined;
  #pid = 0;

  constructor(binary: string, options: RedisOptions, port: number) {
    this.folder = mkdtempSync(join(tmpdir(), 'holdfast-redis-'));
    this.path = join(this.folder, 'redis.sock');
    this.port = port;
    this.address = { at: { path: this.path }, db: 0, tls: false };
    const { username, password } = USER;
    this.env = { REDIS_URL: `unix://${this.path}`, REDIS_USERNAME: username, REDIS_PASSWORD: password };
    this.tcpEnv = { REDIS_URL: `redis://${username}:${password}@127.0.0.1:${port}/0` };
    this.#binary = binary;
    this.#options = options;
    process.once('exit', this.#atExit);
  }

  readonly #atExit = () => {
    if (this.#child !== undefined) process.kill(this.#pid, 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  };

  /** Nothing happens when it is running. */
  async start(): Promise<void> {
    if (this.#child !== undefined) return;
    const { appendonly = false, args = [], config, password = '' } = this.#options;
    const file = join(this.folder, 'redis.conf');
    const user = ['--user', USER.username, 'on', `>${USER.password}`, '~*', '&*', '+@all'];
    if (config !== undefined && !existsSync(file)) writeFileSync(file, config);
    const hasOwnUsers = args.includes('--sentinel') || args.includes('--aclfile');
    const child = spawn(
      '/bin/sh',
      ['-c', GUARDED, 'guarded', this.#binary, ...(config === undefined ? [] : [file])]
        .concat('--port', String(this.port), '--bind', '127.0.0.1', '--unixsocket', this.path)
        .concat('--dir', this.folder, '--save', '', '--appendonly', appendonly ? 'yes' : 'no')
        .concat('--appendfsync', 'always', '--logfile', join(this.folder, 'redis.log'))
        .concat(hasOwnUsers ? [] : user, args),
      { stdio: ['pipe', 'pipe', 'ignore'] },
    );
    this.#child = child;
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    this.#pid = Number(line);
    child.once('exit', () => {
      child.stdin.destroy();
      if (this.#child === child) this.#child = undefined;
    });
    await eventually(async () => {
      if (this.#child !== child) throw new Error(`redis-server did not start, see ${this.folder}/redis.log`);
      const probe = new Redis({ path: this.path, password, lazyConnect: true, retryStrategy: () => null });
      probe.on('error', () => undefined);
      try {
        await probe.connect();
        await probe.ping();
      } finally {
        probe.disconnect();
      }
    });
  }

  /** A plain client for looking behind the store's back. Closed with the server. */
  client(options: { username?: string; password?: string } = {}): Redis {
    const client = new Redis({ path: this.path, ...options });
    client.on('error', () => undefined);
    this.#clients.add(client);
    return client;
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const gone = once(child, 'exit');
    process.kill(this.#pid, 'SIGKILL');
    await gone;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** SIGSTOP: keeps its connections and answers nothing. */
  pause(): void {
    process.kill(this.#pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.#pid, 'SIGCONT');
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await this.kill();
    process.off('exit', this.#atExit);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const given = new Set<number>();

/**
 * Ports of 127.0.0.1 that nobody listens on. Below those that systems give to outgoing connections, and each but once: a
 * server that is started again on its port still finds it free, and who waits for it there meets no other one.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if (given.has(port)) continue;
    given.add(port);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => {
        resolve(false);
      });
      probe.listen(port, '127.0.0.1', () => {
        probe.close(() => {
          resolve(true);
        });
      });
    });
    if (isFree) ports.add(port);
  }
  return [...ports];
}

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const binary = await ensureRedis();
  for (let attempt = 1; ; attempt += 1) {
    const server = new RedisServer(
      binary,
      options,
      options.tcp === true ? ((await freePorts(1))[0] ?? 0) : 0,
    );
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      // somebody took the port in between
      if (options.tcp !== true || attempt === 3) throw error;
    }
  }
}

export interface RedisFixture {
  /** Of this suite; started before its first test. */
  readonly server: RedisServer;
  readonly client: Redis;
  /** Another one for each test, so that none sees what another left. */
  readonly prefix: string;
}

/** Call it in a `describe`: starts a server before its tests and stops it after them. */
export function useRedis(options: RedisOptions = {}): RedisFixture {
  let server: RedisServer | undefined;
  let client: Redis | undefined;
  let tests = 0;
  before(async () => {
    server = await startRedis(options);
    client = server.client();
  });
  beforeEach(() => {
    tests += 1;
  });
  after(async () => {
    await server?.stop();
  });
  return {
    get server() {
      if (server === undefined) throw new Error('redis starts before the first test');
      return server;
    },
    get client() {
      if (client === undefined) throw new Error('redis starts before the first test');
      return client;
    },
    get prefix() {
      return `t${tests}`;
    },
  };
}
