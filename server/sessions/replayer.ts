import { setTimeout as delay } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';
import type { PendingLedger } from './pending.ts';

/**
 * ioredis 5.11: the socket timer armed before a connection was lost destroys the next, healthy one within a second. What
 * is replayed earlier has an unknown outcome more often than not.
 */
const SETTLE_MS: DurationMs = 1_200;
const ROUND_MS: DurationMs = 200;
const DRAIN_POLL_MS: DurationMs = 25;
/** Sessions offered to the store side by side. */
const CONCURRENCY = 32;

/** Offers what is pending to the store again, once it is back, until nothing is pending. */
export class Replayer {
  readonly #pending: PendingLedger;
  readonly #isAway: () => boolean;
  readonly #mono: () => DurationMs;
  #notBefore: DurationMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(pending: PendingLedger, isAway: () => boolean, mono: () => DurationMs) {
    this.#pending = pending;
    this.#isAway = isAway;
    this.#mono = mono;
  }

  start(): void {
    this.#schedule();
  }

  /** The store is back. Jitter, so that many instances do not all begin at once. */
  storeIsBack(): void {
    this.#notBefore = this.#mono() + SETTLE_MS + Math.random() * 300;
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
      if (this.#pending.sessions.size === 0 || this.#isAway() || this.#mono() < this.#notBefore) return;
      const before = this.#pending.records;
      // What could not be stored is left alone for as long as after an outage, unless there is progress: of many sessions
      // a few are always late while others are being served.
      if (!(await this.flush()) && this.#pending.records >= before) this.storeIsBack();
    } finally {
      this.#schedule();
    }
  }
}
