import { sessionsIn } from '../embedded/journal-rules.ts';
import { type Entry, SUBJECT_BEGINS, wholeOf } from '../embedded/tables.ts';
import { RUNNING_STATES } from '../running-tasks.ts';
import { FIRST, LAST, type JournalDatabase } from './journal-database.ts';
import type { LmdbCounters } from './lmdb-counters.ts';

type What = 'sessions' | 'running';

/** Tenants that are known to have no counts. */
const UNCOUNTED_MAX = 10_000;

/**
 * How much tenants have, each with all its subjects. Counted through when somebody asks for the first time, and kept from
 * then on as sessions and tasks come and go: who has no limits pays for no counts.
 *
 * ```
 * q tenant sessions|running         how many
 * ```
 */
export class LmdbTenantCounts {
  readonly #db: JournalDatabase;
  readonly #counters: LmdbCounters;
  readonly #uncounted = new Set<string>();

  constructor(db: JournalDatabase, counters: LmdbCounters) {
    this.#db = db;
    this.#counters = counters;
  }

  sessions(whole: string): number {
    return this.#count('sessions', whole, (place) => {
      let live = 0;
      for (const { value } of this.#db.getRange({ start: ['s', place, FIRST], end: ['s', place, LAST] }))
        live += sessionsAt(value);
      return live;
    });
  }

  running(whole: string): number {
    return this.#count('running', whole, (place) =>
      RUNNING_STATES.reduce((sum, state) => sum + (this.#counters.get(['c', place, state]) ?? 0), 0),
    );
  }

  #count(what: What, whole: string, countIn: (place: string) => number): number {
    const known = this.#counters.get(['q', whole, what]);
    if (known !== undefined) return known;
    const count = this.places(whole).reduce((sum, place) => sum + countIn(place), 0);
    this.#counters.set(['q', whole, what], count);
    this.#uncounted.delete(`${what} ${whole}`);
    return count;
  }

  /** What was counted before has become more, or less. */
  add(what: What, place: string, more: number): void {
    if (more === 0) return;
    const whole = wholeOf(place);
    const name = `${what} ${whole}`;
    if (this.#uncounted.has(name)) return;
    const key = ['q', whole, what];
    const known = this.#counters.get(key);
    if (known !== undefined) this.#counters.set(key, known + more);
    else {
      if (this.#uncounted.size === UNCOUNTED_MAX) this.#uncounted.clear();
      this.#uncounted.add(name);
    }
  }

  /** The tenant itself, and each of its subjects that has something stored: one look for each. */
  places(whole: string): string[] {
    const found = [whole];
    const end = ['s', `${whole}${SUBJECT_BEGINS}${LAST}`];
    let start = ['s', `${whole}${SUBJECT_BEGINS}`];
    for (;;) {
      const [next] = this.#db.getKeys({ start, end, limit: 1 });
      if (next === undefined) return found;
      const place = String(next[1]);
      found.push(place);
      start = ['s', place, LAST];
    }
  }
}

/** How many sessions an entry is, as it is stored. */
export function sessionsAt(json: string): number {
  try {
    return sessionsIn(JSON.parse(json) as Entry);
  } catch {
    // damaged: it is there
    return 1;
  }
}
