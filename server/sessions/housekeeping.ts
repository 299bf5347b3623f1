import type { DurationMs } from '../../protocol/units.ts';
import type { Log } from '../observability/log-events.ts';
import type { SessionCache } from './session-cache.ts';
import { StoreUnavailableError, type SessionStore } from './session-store.ts';

const EVERY_MS: DurationMs = 5_000;

/** Takes expired sessions out of memory and out of the store's indexes, for the tenants that were seen here. */
export class Housekeeping {
  readonly #store: SessionStore;
  readonly #cache: SessionCache;
  readonly #isAway: () => boolean;
  readonly #log: Log;
  readonly #tenants = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: SessionStore, cache: SessionCache, isAway: () => boolean, log: Log) {
    this.#store = store;
    this.#cache = cache;
    this.#isAway = isAway;
    this.#log = log;
  }

  tenantSeen(tenant: string): void {
    this.#tenants.add(tenant);
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#cache.purge();
      for (const tenant of this.#tenants) void this.#retire(tenant);
    }, EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #retire(tenant: string): Promise<void> {
    if (this.#isAway()) return;
    try {
      await this.#store.retire(tenant);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) this.#log('retire_failed', { tenant }, error);
    }
  }
}
