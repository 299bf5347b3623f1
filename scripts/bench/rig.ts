import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../../tests/helpers/redis.ts';
import type { Book } from './book.ts';
import type { Machine } from './machine.ts';
import { ServerProcess, type Start } from './server-process.ts';

export interface RigOptions {
  readonly book: Book;
  readonly machine: Machine;
  readonly isQuick: boolean;
  readonly scale: number;
  readonly say: (line: string) => void;
}

/** What a workload stands on: what it starts here is gone when it has ended, however it ends. */
export class Rig {
  readonly book: Book;
  readonly machine: Machine;
  readonly isQuick: boolean;
  readonly say: (line: string) => void;
  readonly folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  readonly scale: number;
  readonly #servers = new Set<ServerProcess>();
  #redis: Promise<RedisServer> | undefined;
  #folders = 0;

  constructor({ book, machine, isQuick, scale, say }: RigOptions) {
    this.book = book;
    this.machine = machine;
    this.isQuick = isQuick;
    this.scale = scale;
    this.say = say;
    process.once('exit', this.#removeFolder);
  }

  readonly #removeFolder = (): void => {
    rmSync(this.folder, { recursive: true, force: true });
  };

  /** Whole seconds, because wrk knows no others. */
  seconds(full: number): number {
    return Math.max(1, Math.round(full * this.scale));
  }

  /** How many of something to prepare. */
  count(full: number, least = 1): number {
    return Math.max(least, Math.round(full * this.scale));
  }

  /** Of this workload alone. */
  redis(): Promise<RedisServer> {
    return (this.#redis ??= startRedis());
  }

  async redisClient(): Promise<Redis> {
    return (await this.redis()).client();
  }

  /** A name that no other folder, file or key prefix of this rig has. */
  freshName(): string {
    this.#folders += 1;
    return `b${this.#folders}`;
  }

  freshPath(): string {
    return join(this.folder, this.freshName());
  }

  /** @throws when it does not start */
  async start(start: Start): Promise<ServerProcess> {
    const server = await ServerProcess.start(start);
    this.#servers.add(server);
    return server;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers].map((server) => server.stop()));
    await (await this.#redis)?.stop();
    process.off('exit', this.#removeFolder);
    this.#removeFolder();
  }
}
