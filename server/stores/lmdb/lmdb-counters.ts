import type { DatabaseKey, JournalDatabase } from './journal-database.ts';

/** One of them, in one transaction. */
interface Counter {
  readonly key: DatabaseKey;
  readonly kept: number | undefined;
  count: number | undefined;
}

/**
 * Numbers that nearly every commit changes. In a transaction each is read once and written once, however many commits it
 * has.
 */
export class LmdbCounters {
  readonly #db: JournalDatabase;
  readonly #met = new Map<string, Counter>();

  constructor(db: JournalDatabase) {
    this.#db = db;
  }

  /** What was met in another transaction may have changed, or come to nothing. */
  begin(): void {
    this.#met.clear();
  }

  /** @returns undefined when there is none */
  get(key: DatabaseKey): number | undefined {
    return this.#counter(key).count;
  }

  set(key: DatabaseKey, count: number): void {
    this.#counter(key).count = count;
  }

  /** Writes what has changed. To be called at the end of a transaction. */
  end(): void {
    for (const { key, kept, count } of this.#met.values())
      if (count !== kept) void this.#db.put(key, String(count));
    this.#met.clear();
  }

  #counter(key: DatabaseKey): Counter {
    // only the part in the middle may have a space in it: a tenant
    const name = key.join(' ');
    let counter = this.#met.get(name);
    if (counter === undefined) {
      const stored = this.#db.get(key);
      const kept = stored === undefined ? undefined : Number(stored);
      this.#met.set(name, (counter = { key, kept, count: kept }));
    }
    return counter;
  }
}
