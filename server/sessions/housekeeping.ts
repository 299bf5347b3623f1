import type { DurationMs } from '../../protocol/units.ts';
import type { Log } from '../observability/log-events.ts';
import type { Liveness } from './liveness.ts';
import type { SessionCache } from './session-cache.ts';
import { StoreUnavailableError, type SessionStore } from './session-store.ts';

const EVERY_MS: DurationMs = 5_000;
/** About an hour: how often a tenant that is in use is noted, and looked for in what other instances have noted. */
const NOTE_EVERY_TURNS = 720;
/** So many tenants have their turn at once: they take turns, however many there are. */
const TENANTS_PER_TURN = 100;
const RETIRED_AT_ONCE = 50;
const ROUNDS_PER_TENANT = 20;

/**
 * Takes expired sessions out of memory and out of the store's indexes: for the tenants that were seen here, and for those
 * that the store knows of, because whoever served them may be gone.
 */
export class Housekeeping {
  readonly #store: SessionStore;
  readonly #instance: string;
  readonly #cache: SessionCache;
  readonly #isAway: () => boolean;
  readonly #log: Log;
  /** In the order in which they were looked after: the one that waits longest is the first. */
  readonly #tenants = new Set<string>();
  /** Seen within the hour. */
  readonly #seen = new Set<string>();
  /** Of those, the ones that the store does not know of yet. */
  readonly #unnoted = new Set<string>();
  #turns = 0;
  #isAdopted = false;
  #isTurning = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    store: SessionStore,
    liveness: Pick<Liveness, 'instance' | 'onSilence' | 'onLoss'>,
    cache: SessionCache,
    isAway: () => boolean,
    log: Log,
  ) {
    this.#store = store;
    this.#instance = liveness.instance;
    this.#cache = cache;
    this.#isAway = isAway;
    this.#log = log;
    const noteAgain = (): void => {
      this.#noteAgain();
    };
    // Whoever took this instance for dead may have forgotten what it has.
    liveness.onSilence(noteAgain);
    liveness.onLoss(noteAgain);
  }

  /** Costs a look into a set, except once an hour: then the store is told, and nobody waits for it. */
  tenantSeen(tenant: string): void {
    if (this.#seen.has(tenant)) return;
    this.#seen.add(tenant);
    this.#tenants.add(tenant);
    this.#unnoted.add(tenant);
    void this.#note(tenant);
  }

  /** Whoever uses such a tenant from now on is the first. */
  forget(isMeant: (tenant: string) => boolean): void {
    for (const tenants of [this.#tenants, this.#seen, this.#unnoted])
      for (const tenant of tenants) if (isMeant(tenant)) tenants.delete(tenant);
  }

  /** What could not be told while the store was away. */
  async noteLeft(): Promise<void> {
    for (const tenant of [...this.#unnoted]) await this.#note(tenant);
  }

  #noteAgain(): void {
    for (const tenant of this.#seen) this.#unnoted.add(tenant);
    void this.noteLeft();
  }

  start(): void {
    void this.#adopt();
    this.#timer = setInterval(() => {
      this.#cache.purge();
      void this.#turn();
    }, EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #turn(): Promise<void> {
    // a slow store has its turns one after the other
    if (this.#isTurning) return;
    this.#isTurning = true;
    try {
      await this.#lookAfterTenants();
    } finally {
      this.#isTurning = false;
    }
  }

  async #lookAfterTenants(): Promise<void> {
    this.#turns += 1;
    if (this.#turns % NOTE_EVERY_TURNS === 0) {
      this.#seen.clear();
      this.#isAdopted = false;
    }
    // what failed before, because the store was away
    if (!this.#isAdopted) await this.#adopt();
    await this.noteLeft();
    for (const tenant of [...this.#tenants].slice(0, TENANTS_PER_TURN)) {
      if (this.#isAway()) return;
      this.#tenants.delete(tenant);
      this.#tenants.add(tenant);
      await this.#retire(tenant);
    }
  }

  async #adopt(): Promise<void> {
    await this.#try('tenants_failed', {}, async () => {
      for (const tenant of await this.#store.tenants()) this.#tenants.add(tenant);
      this.#isAdopted = true;
    });
  }

  async #note(tenant: string): Promise<void> {
    await this.#try('tenants_failed', { tenant }, async () => {
      await this.#store.noteTenant(tenant, this.#instance);
      this.#unnoted.delete(tenant);
    });
  }

  async #retire(tenant: string): Promise<void> {
    await this.#try('retire_failed', { tenant }, async () => {
      for (let round = 0; round < ROUNDS_PER_TENANT; round += 1) {
        if ((await this.#store.retire(tenant)) < RETIRED_AT_ONCE) return;
      }
    });
  }

  /** A store that is away has told so itself, and is asked again at the next turn. */
  async #try(
    event: 'retire_failed' | 'tenants_failed',
    fields: { tenant?: string },
    work: () => Promise<void>,
  ): Promise<void> {
    if (this.#isAway()) return;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) this.#log(event, fields, error);
    }
  }
}
