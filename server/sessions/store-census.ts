import type { TaskState } from '../../protocol/task-state.ts';
import type { DurationMs } from '../../protocol/units.ts';
import { readSpace } from '../security/space.ts';

/** How much a tenant has in a store. What has just expired may still be counted, for a few seconds. */
export interface TenantCensus {
  readonly tasks: ReadonlyMap<TaskState, number>;
  /** Absent where the store could only count them one by one. */
  readonly sessions?: number;
  /** Sessions whose webhooks are still to be told something. Absent as `sessions`. */
  readonly outbox?: number;
}

/** Part of `SessionStore`. */
export interface CountedStore {
  /** From the sizes of the indexes: it costs the same however much there is. @throws {StoreUnavailableError} */
  census(tenant: string): Promise<TenantCensus>;
}

/** What all tenants have together. */
export interface StoreTotals extends TenantCensus {
  /** Tenant -> its sessions, where they are counted. */
  readonly sessionsOf: ReadonlyMap<string, number>;
}

export interface StoreCensusOptions {
  readonly store: CountedStore & { tenants(): Promise<readonly string[]> };
  readonly isAway: () => boolean;
  readonly mono: () => DurationMs;
}

/** Nobody looks more often than people do. */
const EVERY_MS: DurationMs = 15_000;
/** Tenants, or their subjects. Of more nothing is counted: it would be work for the store that grows with them. */
const PLACES_MAX = 1_000;

/**
 * How much there is in the store, for people to look at. Nobody waits for it: who asks gets what was counted last, and
 * lets it be counted anew when that was a while ago. A server that is not asked counts nothing.
 */
export class StoreCensus {
  readonly #options: StoreCensusOptions;
  #latest: StoreTotals | undefined;
  #countedAt = -Infinity;
  #counting: Promise<void> | undefined;

  constructor(options: StoreCensusOptions) {
    this.#options = options;
  }

  /** Undefined while nobody knows: nothing was counted yet, the store is away, or there are more than 1,000 places. */
  get latest(): StoreTotals | undefined {
    if (this.#options.isAway()) return undefined;
    void this.refresh();
    return this.#latest;
  }

  /** Counts, unless it was counted within 15 s. Never rejects. */
  refresh(): Promise<void> {
    if (this.#counting === undefined && this.#options.mono() - this.#countedAt < EVERY_MS)
      return Promise.resolve();
    this.#counting ??= this.#count()
      // The next one tries again.
      .catch(() => undefined)
      .then((totals) => {
        this.#latest = totals;
        this.#countedAt = this.#options.mono();
        this.#counting = undefined;
      });
    return this.#counting;
  }

  async #count(): Promise<StoreTotals | undefined> {
    const { store } = this.#options;
    const places = await store.tenants();
    if (places.length > PLACES_MAX) return undefined;
    const tasks = new Map<TaskState, number>();
    const sessionsOf = new Map<string, number>();
    let outbox: number | undefined;
    // One after the other: nobody is in a hurry.
    for (const place of places) {
      const census = await store.census(place);
      for (const [state, count] of census.tasks) tasks.set(state, (tasks.get(state) ?? 0) + count);
      const { tenant } = readSpace(place);
      if (census.sessions !== undefined)
        sessionsOf.set(tenant, (sessionsOf.get(tenant) ?? 0) + census.sessions);
      if (census.outbox !== undefined) outbox = (outbox ?? 0) + census.outbox;
    }
    const sessions = sessionsOf.size > 0 ? [...sessionsOf.values()].reduce((a, b) => a + b) : undefined;
    return {
      tasks,
      sessionsOf,
      ...(sessions !== undefined && { sessions }),
      ...(outbox !== undefined && { outbox }),
    };
  }
}
