import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { EpochMs } from '../../../protocol/units.ts';
import type { Scope } from '../../security/space.ts';
import { SessionDamagedError, StoreUnavailableError } from '../../sessions/session-store.ts';
import { EmbeddedSessionStore } from '../embedded/embedded-store.ts';
import type { StoredTask, Tables } from '../embedded/tables.ts';
import { partAll } from '../embedded/instance-rules.ts';
import { DataFolderLock } from './data-folder-lock.ts';
import { GroupCommit } from './group-commit.ts';
import type { JournalDatabase } from './journal-database.ts';
import { LmdbInspection } from './lmdb-inspection.ts';
import { LmdbTables } from './lmdb-tables.ts';
import { asDamage, checkBeginning, fillUp } from './whole-file.ts';

/** The schema version is in the name: an older release does not touch what it cannot read. */
export const DATABASE_FILE = 'sessions-2.mdb';

export interface LmdbStoreOptions {
  /** Made when missing. Only one process may have it open. */
  readonly folder: string;
  /** Told to a second process that finds the folder locked. */
  readonly pid: number;
  /** Acknowledge a commit only when it is on the disk: survives power loss. Default false: survives `kill -9`. */
  readonly sync?: boolean;
  readonly now?: () => EpochMs;
}

/** Sessions in a folder, without any server. */
export class LmdbSessionStore extends EmbeddedSessionStore {
  override readonly kind = 'lmdb';
  override readonly location: string;
  readonly #db: JournalDatabase;
  readonly #tables: LmdbTables;
  readonly #lock: DataFolderLock;
  readonly #commits: GroupCommit;
  #closing: Promise<void> | undefined;

  private constructor(db: JournalDatabase, lock: DataFolderLock, options: LmdbStoreOptions) {
    super(options.now ?? Date.now);
    this.location = options.folder;
    this.#db = db;
    this.#tables = new LmdbTables(db);
    this.#lock = lock;
    this.#commits = new GroupCommit(db, this.#tables, options.sync ?? false);
  }

  /**
   * @throws {DataFolderLockedError} when a living process has the folder open
   * @throws {DamagedFileError} when the file there is cut off, or no database
   * @throws {Error} when the folder cannot be made or written
   */
  static async open(options: LmdbStoreOptions): Promise<LmdbSessionStore> {
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const lock = await DataFolderLock.acquire(options.folder, options.pid);
    const path = join(options.folder, DATABASE_FILE);
    let db: JournalDatabase | undefined;
    try {
      await checkBeginning(path);
      db = open({
        path,
        encoding: 'string',
        // with it lmdb makes a promise per turn that nobody holds: a full disk would end the process as an unhandled
        // rejection. What is asked for in one turn is committed together without it too
        eventTurnBatching: false,
      });
      await fillUp(path, db);
      const store = new LmdbSessionStore(db, lock, options);
      await store.write((tables) => {
        partAll(tables, store.now());
      });
      return store;
    } catch (error) {
      await db?.close().catch(() => undefined);
      await lock.release();
      throw asDamage(path, error);
    }
  }

  inspection(scope: Scope): LmdbInspection {
    return new LmdbInspection(this.#db, scope, this.location);
  }

  /** The task index of a tenant, by encoded task id. */
  tasks(tenant: string): ReadonlyMap<string, StoredTask> {
    return this.#tables.tasks(tenant);
  }

  protected override view<T>(work: (tables: Tables) => T): Promise<T> {
    // in an executor, so that what `work` throws becomes a rejection
    return new Promise<T>((resolve) => {
      this.#checkOpen();
      // lmdb reads from the same snapshot for a while; ours is to be the newest
      this.#db.resetReadTxn();
      resolve(work(this.#tables.begin()));
    }).catch(rethrow);
  }

  protected override async write<T>(work: (tables: Tables) => T): Promise<T> {
    this.#checkOpen();
    try {
      return await this.#commits.write(work);
    } catch (error) {
      return rethrow(error);
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined)
      throw new StoreUnavailableError('the store is closed', { counts: false });
  }

  override close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // waits for what is under way; a disk that fails has told its callers already
    await this.#db.close().catch(() => undefined);
    await this.#lock.release().catch(() => undefined);
  }
}

/** What the database itself throws is about the disk: full, failing, or too small. Anything else is our own. */
function rethrow(error: unknown): never {
  const ours =
    error instanceof StoreUnavailableError ||
    error instanceof SessionDamagedError ||
    error instanceof TypeError ||
    error instanceof RangeError;
  if (ours) throw error;
  const { message, commitError } = (error instanceof Error ? error : new Error(String(error))) as Error & {
    commitError?: unknown;
  };
  if (!(commitError instanceof Promise)) {
    throw new StoreUnavailableError(`lmdb cannot read or write: ${message}`, { cause: error });
  }
  // it is rejected as well, and would end the process if nobody listened
  commitError.catch(() => undefined);
  throw new StoreUnavailableError('lmdb cannot commit: is the disk full?', { cause: error });
}
