import type { DurationMs } from '../../protocol/units.ts';

const SAMPLE_MS: DurationMs = 20;
/** Later than this, and a time-out may be our own doing. */
const LATE_MS: DurationMs = 50;

/**
 * Notices when this process' own event loop was held up. A store that answered in time looks like one that did not when
 * the answer lies unread behind a long computation. One timer for all who ask.
 */
export class LoopWatch {
  readonly #timer: NodeJS.Timeout;
  #expected = performance.now() + SAMPLE_MS;
  #lateAt = Number.NEGATIVE_INFINITY;

  /** @param onSample told each time how late the timer was */
  constructor(onSample: (lateMs: DurationMs) => void) {
    this.#timer = setInterval(() => {
      const now = performance.now();
      if (now - this.#expected > LATE_MS) this.#lateAt = now;
      onSample(Math.max(0, now - this.#expected));
      this.#expected = now + SAMPLE_MS;
    }, SAMPLE_MS);
    this.#timer.unref();
  }

  /** @param since by `performance.now()`: whether the loop was more than 50 ms late at any time since then */
  wasLateSince(since: number): boolean {
    // the sample that would tell of a stall may itself still be waiting for its turn
    return this.#lateAt >= since || performance.now() - this.#expected > LATE_MS;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
