import { setTimeout as delay } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';
import type { PendingLedger } from './pending.ts';

/** What is sent while it waits comes first, and tells whether the store is back to stay. */
const SETTLE_MS: DurationMs = 200;
/** After a round in which nothing could be stored. */
const RETRY_MS: DurationMs = 1_200;
/** So many rounds without progress are no coincidence. */
const STUCK_ROUNDS = 3;
/** At most so much more, so that many instances do not all begin at once. */
const JITTER_MS: DurationMs = 300;
const ROUND_MS: DurationMs = 200;
const DRAIN_POLL_MS: DurationMs = 25;
/** Sessions offered to the store side by side. */
const CONCURRENCY = 32;

/** Offers what is pending to the store again, once it is back, until nothing is pending. */
export class Replayer {
  readonly #pending: PendingLedger;
  readonly #isAway: () => boolean;
  readonly #mono: () => DurationMs;
  readonly #onStuck: () => void;
  /** Rounds in a row in which nothing could be stored; once it was told, until nothing is pending. */
  #fruitless = 0;
  #notBefore: DurationMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param onStuck told once, until nothing is pending: a store that answers does not take what waits */
  constructor(pending: PendingLedger, isAway: () => boolean, mono: () => DurationMs, onStuck: () => void) {
    this.#pending = pending;
    this.#isAway = isAway;
    this.#mono = mono;
    this.#onStuck = onStuck;
  }

  start(): void {
    this.#schedule();
  }

  /** The store answers again. */
  storeIsBack(): void {
    this.#waitFor(SETTLE_MS);
  }

  #waitFor(ms: DurationMs): void {
    this.#notBefore = this.#mono() + ms + Math.random() * JITTER_MS;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Offers everything once, now. @returns whether nothing is pending any more */
  async flush(): Promise<boolean> {
    const waiting = [...this.#pending.sessions];
    const next = waiting.values();
    const worker = async (): Promise<void> => {
      for (const session of next) {
        if (this.#isAway()) return;
        await session.replay();
      }
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, waiting.length) }, worker));
    return this.#pending.sessions.size === 0;
  }

  /** Goes on as ever until nothing is pending any more, or the time is over. */
  async drain(withinMs: DurationMs): Promise<void> {
    const deadline = this.#mono() + withinMs;
    while (this.#pending.sessions.size > 0 && this.#mono() < deadline) await delay(DRAIN_POLL_MS);
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.#round();
    }, ROUND_MS).unref();
  }

  async #round(): Promise<void> {
    try {
      if (this.#pending.sessions.size === 0) this.#fruitless = 0;
      if (this.#pending.sessions.size === 0 || this.#isAway() || this.#mono() < this.#notBefore) return;
      const before = this.#pending.records;
      // What could not be stored is left alone for a while, unless there is progress: of many sessions a few are always
      // late while others are being served.
      const isGettingOn = (await this.flush()) || this.#pending.records < before;
      if (!isGettingOn) this.#waitFor(RETRY_MS);
      // A store that goes away in the middle of a round is no store that answers.
      const isStuck = !isGettingOn && !this.#isAway();
      if (this.#fruitless === STUCK_ROUNDS) return;
      this.#fruitless = isStuck ? this.#fruitless + 1 : 0;
      if (this.#fruitless === STUCK_ROUNDS) this.#onStuck();
    } finally {
      this.#schedule();
    }
  }
}
