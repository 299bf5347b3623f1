import type { Tables } from '../embedded/tables.ts';
import type { JournalDatabase } from './journal-database.ts';
import type { LmdbTables } from './lmdb-tables.ts';

/** Somebody who waits for what `work` wrote to be committed. */
interface Job {
  /** May run twice; only what the last time wrote is there. */
  readonly work: () => void;
  readonly committed: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Everything that is asked for until LMDB has begun a transaction is committed by it, off this thread, and undone together
 * when one of them throws. A child transaction for each is what that took before: it copies every page that another has
 * written already, and the list of free pages.
 */
export class GroupCommit {
  readonly #db: JournalDatabase;
  readonly #tables: LmdbTables;
  readonly #sync: boolean;
  #waiting: Job[] = [];

  /** @param sync whether a commit is one only when it is on the disk */
  constructor(db: JournalDatabase, tables: LmdbTables, sync: boolean) {
    this.#db = db;
    this.#tables = tables;
    this.#sync = sync;
  }

  /** Resolves when what `work` wrote is committed; a `work` that throws has written nothing. */
  write<T>(work: (tables: Tables) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let result: T;
      const job: Job = {
        work: () => {
          result = work(this.#tables);
        },
        committed: () => {
          resolve(result);
        },
        failed: reject,
      };
      if (this.#waiting.push(job) === 1) void this.#commit();
    });
  }

  async #commit(): Promise<void> {
    let group: readonly Job[] = [];
    const take = (): void => {
      [group, this.#waiting] = [this.#waiting, []];
    };
    let thrown: ReadonlyMap<Job, unknown> = new Map();
    try {
      await this.#db.transaction(() => {
        take();
        thrown = this.#run(group);
      });
      if (this.#sync) await this.#db.flushed;
    } catch (error) {
      // it did not come to a transaction
      if (group.length === 0) take();
      for (const job of group) job.failed(error);
      return;
    }
    for (const job of group) {
      if (thrown.has(job)) job.failed(thrown.get(job));
      else job.committed();
    }
  }

  /** @returns what the jobs threw that have written nothing */
  #run(group: readonly Job[]): ReadonlyMap<Job, unknown> {
    const thrown = new Map<Job, unknown>();
    try {
      this.#inChild(group);
      return thrown;
    } catch (error) {
      const [only, ...others] = group;
      if (only !== undefined && others.length === 0) return thrown.set(only, error);
    }
    // each by itself now, so that only the one that throws is undone
    for (const job of group) {
      try {
        this.#inChild([job]);
      } catch (error) {
        thrown.set(job, error);
      }
    }
    return thrown;
  }

  /** A child, because a throw inside a plain transaction keeps what was put before it. */
  #inChild(jobs: readonly Job[]): void {
    void this.#db.childTransaction(() => {
      this.#tables.begin();
      for (const { work } of jobs) work();
      this.#tables.end();
    });
  }
}
