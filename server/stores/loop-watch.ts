import type { DurationMs } from '../../protocol/units.ts';

const TICK_MS: DurationMs = 20;
/** Later than this our own process was busy, and what timed out meanwhile says nothing about anybody else. */
const LATE_MS: DurationMs = 50;

/** Knows when the event loop of this process stood still. */
export class LoopWatch {
  readonly #mono: () => DurationMs;
  readonly #timer: NodeJS.Timeout;
  #lastTick: DurationMs;
  #lastLate: DurationMs = Number.NEGATIVE_INFINITY;

  constructor(mono: () => DurationMs = () => performance.now()) {
    this.#mono = mono;
    this.#lastTick = mono();
    this.#timer = setInterval(() => {
      this.#tick();
    }, TICK_MS).unref();
  }

  /** Whether the loop was late at any moment since then. */
  wasLateSince(since: DurationMs): boolean {
    this.#tick();
    return this.#lastLate >= since;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = this.#mono();
    if (now - this.#lastTick > TICK_MS + LATE_MS) this.#lastLate = now;
    this.#lastTick = now;
  }
}
