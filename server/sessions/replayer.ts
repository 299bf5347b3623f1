import { setTimeout as delay } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';
import type { PendingLedger } from './pending.ts';

/** After a round in which nothing could be stored. */
const RETRY_MS: DurationMs = 1_200;
/** So many rounds without progress are no coincidence. */
const STUCK_ROUNDS = 3;
/** At most so much more, so that many instances do not try in step. */
const RETRY_JITTER_MS: DurationMs = 300;
/**
 * At most so long after the store is back, and for the same reason. What a session has deferred holds back all that is sent
 * into it, so this is time in which writes are deferred although the store would take them.
 */
const BACK_JITTER_MS: DurationMs = 100;
/** A store that was back so lately comes and goes: what is sent while it settles tells whether it is back to stay. */
const FLAPPING_MS: DurationMs = 2_000;
const SETTLE_MS: DurationMs = 200;
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
  readonly #onBack: (backAt: DurationMs) => Promise<boolean>;
  readonly #mayStore: () => Promise<boolean>;
  #isBack = false;
  /** Rounds in a row in which nothing could be stored; once it was told, until nothing is pending. */
  #fruitless = 0;
  #notBefore: DurationMs = 0;
  #isInRound = false;
  /** When it was told the last time. */
  #backAt: DurationMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param onStuck told once, until nothing is pending: a store that answers does not take what waits
   * @param onBack what is to be done first, after each time the store was away, until it is done; told when it came back;
   *   never rejects
   * @param mayStore what is to be done before each time that something is stored; never rejects
   */
  constructor(
    pending: PendingLedger,
    isAway: () => boolean,
    mono: () => DurationMs,
    onStuck: () => void,
    onBack: (backAt: DurationMs) => Promise<boolean> = () => Promise.resolve(true),
    mayStore: () => Promise<boolean> = () => Promise.resolve(true),
  ) {
    this.#mayStore = mayStore;
    this.#pending = pending;
    this.#onBack = onBack;
    this.#isAway = isAway;
    this.#mono = mono;
    this.#onStuck = onStuck;
  }

  start(): void {
    this.#schedule();
  }

  /** The store answers again. @param isPart the rest of it was never away: there is nothing to be done first */
  storeIsBack(isPart = false): void {
    if (!isPart) this.#isBack = true;
    const mono = this.#mono();
    const isFlapping = mono - this.#backAt < FLAPPING_MS;
    this.#backAt = mono;
    this.#notBefore = mono + Math.random() * BACK_JITTER_MS + (isFlapping ? SETTLE_MS : 0);
    if (!this.#isInRound) this.#schedule();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Offers everything once, now. @returns whether nothing is pending any more */
  async flush(): Promise<boolean> {
    if (this.#pending.sessions.size > 0 && !(await this.#mayStore())) return false;
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
    clearTimeout(this.#timer);
    const leftMs = this.#notBefore - this.#mono();
    const waitMs = leftMs > 0 ? Math.min(leftMs, ROUND_MS) : ROUND_MS;
    this.#timer = setTimeout(() => {
      void this.#round();
    }, waitMs).unref();
  }

  async #round(): Promise<void> {
    this.#isInRound = true;
    try {
      if (this.#pending.sessions.size === 0) this.#fruitless = 0;
      if (this.#isAway() || this.#mono() < this.#notBefore) return;
      if (this.#isBack) {
        this.#isBack = false;
        if (!(await this.#onBack(this.#backAt))) this.#isBack = true;
      }
      if (this.#pending.sessions.size === 0) return;
      const { records: before } = this.#pending;
      const notBefore = this.#notBefore;
      // What could not be stored is left alone for a while, unless there is progress: of many sessions a few are always
      // late while others are being served.
      const isGettingOn = (await this.flush()) || this.#pending.records < before;
      // Whoever was told meanwhile that it is back knows better.
      if (!isGettingOn && notBefore === this.#notBefore)
        this.#notBefore = this.#mono() + RETRY_MS + Math.random() * RETRY_JITTER_MS;
      // A store that goes away in the middle of a round is no store that answers.
      const isStuck = !isGettingOn && !this.#isAway();
      if (this.#fruitless === STUCK_ROUNDS) return;
      this.#fruitless = isStuck ? this.#fruitless + 1 : 0;
      if (this.#fruitless === STUCK_ROUNDS) this.#onStuck();
    } finally {
      this.#isInRound = false;
      this.#schedule();
    }
  }
}
