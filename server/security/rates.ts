/** How often the callers of a tenant may call. */
import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import { DEFAULT_TIER, type Principal } from './principal.ts';

export interface TierRate {
  /** Absent: as many as they like. */
  readonly requestsPerSecond?: number;
  /** How many more within a minute. */
  readonly burst?: number;
}

/** Where instances count together. */
export interface SharedCounts {
  /** Of ioredis. What it is asked fails at once while it is not connected, and soon when it is not answered. */
  readonly client: object;
  readonly key: (count: 'rate' | 'burst', tenant: string, tier: string) => string;
}

export interface RatesOptions {
  /** By name, `default` among them. */
  readonly tiers: ReadonlyMap<string, TierRate>;
  /** Absent: this process is alone. */
  readonly shared?: SharedCounts;
  readonly onRefused: (tenant: string, tier: string) => void;
  readonly mono: () => DurationMs;
  /** Most tenants that are counted in memory, for each tier. */
  readonly tenantsMax?: number;
}

const STEADY_SECONDS = 1;
/** Within which a burst may be spent. */
const BURST_SECONDS = 60;
const TENANTS_MAX = 10_000;
/** After a failure of the shared count nobody waits for it so long: a request pays for a frozen store once. */
const AWAY_MS: DurationMs = 1_000;

/** Limits of a tier apply to all callers of a tenant that have this tier, together. */
export class Rates {
  readonly #tiers = new Map<string, Limit>();
  readonly #onRefused: RatesOptions['onRefused'];

  constructor(options: RatesOptions) {
    const link = new Link(options.mono);
    for (const [tier, rate] of options.tiers) this.#tiers.set(tier, new Limit(tier, rate, options, link));
    this.#onRefused = options.onRefused;
  }

  /**
   * Counts one request. Rejects with a {ProtocolError} RESOURCE_EXHAUSTED, HTTP 429.
   *
   * @returns undefined when there is no limit
   */
  admit({ tenant, tier }: Principal): Promise<void> | undefined {
    const limit = this.#tiers.get(tier) ?? this.#tiers.get(DEFAULT_TIER);
    if (limit?.steady === undefined) return undefined;
    return this.#count(limit, tenant);
  }

  async #count({ tier, steady, burst }: Limit, tenant: string): Promise<void> {
    let waitMs = await steady?.take(tenant);
    // Only what is above the steady rate: as a rule there is one look at the store.
    if (waitMs !== undefined && burst !== undefined && (await burst.take(tenant)) === undefined)
      waitMs = undefined;
    if (waitMs === undefined) return;
    this.#onRefused(tenant, tier);
    throw new ProtocolError('RESOURCE_EXHAUSTED', {
      message: `Too many requests: the limit of the tier ${tier} is reached`,
      metadata: { bound: 'requestsPerSecond', tier },
      httpStatus: 429,
      retryAfterMs: waitMs,
    });
  }
}

/** What is counted for a tier. */
class Limit {
  readonly tier: string;
  readonly steady: Count | undefined;
  readonly burst: Count | undefined;

  constructor(
    tier: string,
    { requestsPerSecond, burst = 0 }: TierRate,
    { shared, tenantsMax = TENANTS_MAX }: RatesOptions,
    link: Link,
  ) {
    const count = (what: 'rate' | 'burst', points: number, duration: number): Count =>
      new Count({ points, duration }, tenantsMax, link, shared && { ...shared, what, tier });
    this.tier = tier;
    this.steady =
      requestsPerSecond === undefined ? undefined : count('rate', requestsPerSecond, STEADY_SECONDS);
    this.burst = burst === 0 ? undefined : count('burst', burst, BURST_SECONDS);
  }
}

/** Whether the shared counts can be had. One for all of them: they are on one connection. */
class Link {
  readonly #mono: () => DurationMs;
  #awayUntil: DurationMs = -Infinity;

  constructor(mono: () => DurationMs) {
    this.#mono = mono;
  }

  get isAway(): boolean {
    return this.#mono() < this.#awayUntil;
  }

  readonly failed = (): void => {
    this.#awayUntil = this.#mono() + AWAY_MS;
  };
}

interface Window {
  /** How many within a window. */
  readonly points: number;
  /** Seconds, whole ones. */
  readonly duration: number;
}

/** So many within a window that begins with the first. */
class Count {
  readonly #memory: BoundedMemory;
  readonly #redis: RateLimiterRedis | undefined;
  readonly #keyOf: (tenant: string) => string = (tenant) => tenant;
  readonly #link: Link;

  constructor(
    window: Window,
    tenantsMax: number,
    link: Link,
    shared: (SharedCounts & { readonly what: 'rate' | 'burst'; readonly tier: string }) | undefined,
  ) {
    this.#link = link;
    this.#memory = new BoundedMemory(window, tenantsMax, link.failed);
    if (shared === undefined) return;
    const { client, key, what, tier } = shared;
    this.#keyOf = (tenant) => key(what, tenant, tier);
    this.#redis = new RateLimiterRedis({
      ...window,
      storeClient: client,
      // the key is whole
      keyPrefix: '',
      rejectIfRedisNotReady: true,
      // who has used up a window is turned away until its end without a look at the store
      inMemoryBlockOnConsumed: window.points,
      insuranceLimiter: this.#memory,
    });
  }

  /** @returns undefined when it was counted; else in how many ms to try again */
  async take(tenant: string): Promise<DurationMs | undefined> {
    const key = this.#keyOf(tenant);
    try {
      if (this.#redis === undefined || this.#link.isAway) await this.#memory.take(key);
      else await this.#redis.consume(key);
      return undefined;
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return Math.max(1, refusal.msBeforeNext);
      throw refusal;
    }
  }
}

/** Counts in memory, of so many keys and no more: the ones that were not asked for longest are begun anew. */
class BoundedMemory extends RateLimiterMemory {
  readonly #keys: LRUCache<string, true>;
  readonly #onInsured: () => void;

  constructor(window: Window, keysMax: number, onInsured: () => void) {
    super({ ...window, keyPrefix: '' });
    this.#onInsured = onInsured;
    this.#keys = new LRUCache({
      max: keysMax,
      dispose: (_, key, reason) => {
        if (reason === 'evict') void this.delete(key);
      },
    });
  }

  /** Called in place of a shared count that failed. */
  override consume(...args: Parameters<RateLimiterMemory['consume']>): Promise<RateLimiterRes> {
    this.#onInsured();
    return this.take(String(args[0]));
  }

  take(key: string): Promise<RateLimiterRes> {
    this.#keys.set(key, true);
    return super.consume(key);
  }
}
