import { LRUCache } from 'lru-cache';
import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';

export interface WrongCredentialsOptions {
  readonly mono: () => DurationMs;
  readonly onTurnedAway: (address: string) => void;
  /** Most addresses that are remembered. */
  readonly addressesMax?: number;
}

/** How many wrong ones an address may show at once, and how many more each second. */
export const FAILURES_BURST = 20;
export const FAILURES_PER_SECOND = 2;
const ADDRESSES_MAX = 10_000;
/** Of good credentials of late. Twice as many at most, in two generations of which the older is forgotten. */
const GOOD_MAX = 5_000;
/** Enough to tell credentials apart, and too little to be one. */
const TAIL_CHARS = 12;

/** A bucket that is emptied by failures and fills with time. */
interface Bucket {
  left: number;
  at: DurationMs;
}

/**
 * Who shows wrong credentials again and again is turned away before anything is hashed or verified. A credential that
 * was good of late is looked at all the same: others may call from behind the same address.
 */
export class WrongCredentials {
  readonly #options: WrongCredentialsOptions;
  readonly #buckets: LRUCache<string, Bucket>;
  #good = new Set<string>();
  #goodBefore = new Set<string>();

  constructor(options: WrongCredentialsOptions) {
    this.#options = options;
    this.#buckets = new LRUCache({ max: options.addressesMax ?? ADDRESSES_MAX });
  }

  /** Whether there is anybody to be turned away: else no address need be found out. */
  get isWatching(): boolean {
    return this.#buckets.size > 0;
  }

  /** @throws {ProtocolError} RESOURCE_EXHAUSTED, HTTP 429, when the address has failed too often */
  check(address: string, credential: string): void {
    const bucket = this.#buckets.get(address);
    if (bucket === undefined) return;
    this.#fill(bucket);
    if (bucket.left >= FAILURES_BURST) this.#buckets.delete(address);
    if (bucket.left >= 1 || this.#wasGood(credential)) return;
    this.#options.onTurnedAway(address);
    throw new ProtocolError('RESOURCE_EXHAUSTED', {
      message: 'Too many wrong credentials from this address',
      metadata: { bound: 'credentials' },
      httpStatus: 429,
      retryAfterMs: ((1 - bucket.left) / FAILURES_PER_SECOND) * 1000,
    });
  }

  failed(address: string, credential: string): void {
    const tail = tailOf(credential);
    this.#good.delete(tail);
    this.#goodBefore.delete(tail);
    let bucket = this.#buckets.get(address);
    if (bucket === undefined) {
      bucket = { left: FAILURES_BURST, at: this.#options.mono() };
      this.#buckets.set(address, bucket);
    } else this.#fill(bucket);
    bucket.left = Math.max(0, bucket.left - 1);
  }

  /** Called at every request that is let in: it costs a look into a set. */
  succeeded(credential: string): void {
    const tail = tailOf(credential);
    if (this.#good.has(tail)) return;
    if (this.#good.size >= GOOD_MAX) {
      this.#goodBefore = this.#good;
      this.#good = new Set();
    }
    this.#good.add(tail);
  }

  #wasGood(credential: string): boolean {
    const tail = tailOf(credential);
    return this.#good.has(tail) || this.#goodBefore.has(tail);
  }

  #fill(bucket: Bucket): void {
    const now = this.#options.mono();
    bucket.left = Math.min(FAILURES_BURST, bucket.left + ((now - bucket.at) / 1000) * FAILURES_PER_SECOND);
    bucket.at = now;
  }
}

const tailOf = (credential: string): string => credential.slice(-TAIL_CHARS);
