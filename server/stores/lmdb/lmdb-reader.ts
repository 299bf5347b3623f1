import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { EpochMs } from '../../../protocol/units.ts';
import type { Scope } from '../../security/space.ts';
import { type InstanceSeen, StoreUnavailableError } from '../../sessions/session-store.ts';
import { EmbeddedSessionStore } from '../embedded/embedded-store.ts';
import type { Tables } from '../embedded/tables.ts';
import { decodeId } from '../encoded-ids.ts';
import type { JournalDatabase } from './journal-database.ts';
import { LmdbInspection } from './lmdb-inspection.ts';
import { DATABASE_FILE } from './lmdb-store.ts';
import { LmdbTables } from './lmdb-tables.ts';
import { asDamage, checkBeginning, DamagedFileError } from './whole-file.ts';

/** The sessions of a folder, also while a server has it: it sees what is committed, and writes nothing. */
export class LmdbReader extends EmbeddedSessionStore {
  override readonly kind = 'lmdb';
  override readonly location: string;
  readonly #db: JournalDatabase;
  readonly #tables: LmdbTables;

  private constructor(db: JournalDatabase, folder: string, now: () => EpochMs) {
    super(now);
    this.location = folder;
    this.#db = db;
    this.#tables = new LmdbTables(db);
  }

  /**
   * @throws {DamagedFileError} when the file there is cut off, or no database
   * @throws {Error} with `code` `ENOENT` when there is none
   */
  static async open(folder: string, now: () => EpochMs): Promise<LmdbReader> {
    const path = join(folder, DATABASE_FILE);
    await checkBeginning(path);
    const { size } = await stat(path);
    try {
      const db: JournalDatabase = open({ path, encoding: 'string', readOnly: true });
      const { lastPageNumber, pageSize } = db.getStats() as { lastPageNumber: number; pageSize: number };
      // What is missing would end the process. A page that was never needed is not always written, so that only the
      // start of a server, which may mend that, can tell.
      if (size > 0 && size >= lastPageNumber * pageSize) return new LmdbReader(db, folder, now);
      await db.close();
    } catch (error) {
      throw asDamage(path, error);
    }
    throw new DamagedFileError(path);
  }

  inspection(scope: Scope): LmdbInspection {
    return new LmdbInspection(this.#db, scope, this.location);
  }

  protected override view<T>(work: (tables: Tables) => T): Promise<T> {
    return new Promise<T>((resolve) => {
      this.#db.resetReadTxn();
      resolve(work(this.#tables.begin()));
    });
  }

  protected override write<T>(): Promise<T> {
    return Promise.reject(
      new StoreUnavailableError('the data folder was opened for reading', { counts: false }),
    );
  }

  override instances(): Promise<readonly InstanceSeen[]> {
    const now = this.now();
    return this.view((tables) =>
      tables.beats().map(([instance, { at, left }]) => ({
        instance: decodeId(instance),
        ageMs: left === true ? Infinity : Math.max(0, now - at),
      })),
    );
  }

  /** What has expired is passed over, and cleared away by the server. */
  override retire(): Promise<number> {
    return Promise.resolve(0);
  }

  override async close(): Promise<void> {
    await this.#db.close().catch(() => undefined);
  }
}
