/**
 * One process per data folder. lmdb itself lets a second one in, and two caches that both think they are alone would
 * then write over each other.
 *
 * A lock file would outlive a `kill -9`; a listening Unix socket does not: the kernel answers for the living and refuses
 * for the dead. Everybody who starts listens first, under a name with a random rank and its pid, and looks for others
 * afterwards, so of two at least one sees the other. The lower rank goes first: a higher one gives way at once, a lower
 * one waits until the higher has either given way or, not having seen it, become the owner.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DurationMs } from '../../../protocol/units.ts';

/** The second start on a folder that another process, or this one, has open. */
export class DataFolderLockedError extends Error {
  override readonly name = 'DataFolderLockedError';
  readonly folder: string;
  readonly pid: number;

  constructor(folder: string, pid: number) {
    super(
      `data folder ${folder} is in use by process ${pid}: stop it, or set A2A_DATA_DIR to another folder`,
    );
    this.folder = folder;
    this.pid = pid;
  }
}

/** Linux allows 107 bytes, macOS 103. */
const SOCKET_PATH_MAX = 100;
const NAME_MAX = '/lock-0123456789abcdef-4294967295.sock'.length;
const NAME = /^lock-([0-9a-f]{16})-(\d+)\.sock$/;
/** A process that was stopped in the middle of its start still has its socket, and may go on any time. */
const UNDECIDED_MS: DurationMs = 2_000;

/** Nobody listens, or whoever did has just given way. */
const GONE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE']);

/** Held until released or until the process ends, however it ends. */
export class DataFolderLock {
  readonly #server: Server;
  readonly #waiting = new Set<Socket>();
  #owner = false;

  private constructor(path: string) {
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined);
      if (this.#owner) socket.end('owner');
      else this.#waiting.add(socket);
    });
    // an accept that fails is the caller's loss
    this.#server.on('error', () => undefined);
    // in a worker of a cluster its own as well: the primary's would end with the primary, while this process goes on
    this.#server.listen({ path, exclusive: true });
    // the lock must not be what keeps the process alive
    this.#server.unref();
  }

  /**
   * @param folder must exist
   * @param pid what the others are told
   * @throws {DataFolderLockedError} when a living process has it
   */
  static async acquire(folder: string, pid: number): Promise<DataFolderLock> {
    const real = await realpath(folder);
    const name = `lock-${randomBytes(8).toString('hex')}-${pid}.sock`;
    const place = await placeFor(real);
    const lock = new DataFolderLock(join(place, name));
    await lock.#listening();
    try {
      const dead: string[] = [];
      for (const other of await readdir(place)) {
        const [, , otherPid] = NAME.exec(other) ?? [];
        if (otherPid === undefined || other === name) continue;
        const path = join(place, other);
        if (await isTaken(path, other > name)) throw new DataFolderLockedError(real, Number(otherPid));
        dead.push(path);
      }
      lock.#own();
      // only now: a socket that is just being made refuses for a moment too, and its maker has yet to look for others
      for (const path of dead) await rm(path, { force: true });
    } catch (error) {
      await lock.release();
      throw error;
    }
    return lock;
  }

  async #listening(): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('listening', resolve).once('error', reject);
    });
  }

  #own(): void {
    this.#owner = true;
    for (const socket of this.#waiting) socket.end('owner');
    this.#waiting.clear();
  }

  /** Idempotent. Also takes the socket away. */
  async release(): Promise<void> {
    for (const socket of this.#waiting) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** In the folder itself, so that it is found by every path to it; where that is too long, under the hash of its real path. */
async function placeFor(real: string): Promise<string> {
  // not by this name's own length: everybody must come to the same place, whatever the digits of its pid
  if (Buffer.byteLength(real) + NAME_MAX <= SOCKET_PATH_MAX) return real;
  const hash = createHash('sha256').update(real).digest('hex').slice(0, 16);
  const place = join(tmpdir(), `holdfast-${hash}`);
  await mkdir(place, { recursive: true, mode: 0o700 });
  return place;
}

/** @param waits whether it has to be waited for: its rank is higher, so it gives way unless it became the owner */
async function isTaken(path: string, waits: boolean): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const socket = connect(path);
    const timer = setTimeout(() => {
      socket.destroy();
      resolve(true);
    }, UNDECIDED_MS);
    const answer = (taken: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(taken);
    };
    socket.once('connect', () => {
      if (!waits) answer(true);
    });
    socket.once('data', () => {
      answer(true);
    });
    socket.once('close', () => {
      answer(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (GONE.has(error.code ?? '')) {
        answer(false);
        return;
      }
      clearTimeout(timer);
      reject(error);
    });
  });
}
