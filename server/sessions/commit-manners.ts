import { setTimeout as pause } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';

/**
 * Commits that may follow each other without a pause. A blocking send makes two or three. Far fewer than the races that
 * another instance may lose before its change is refused.
 */
const STREAK_MAX = 6;
/** In round trips: long enough for another instance to take in what it missed and to commit behind it. */
const PAUSE_ROUND_TRIPS = 2.5;
const PAUSE_MIN_MS: DurationMs = 2;
const PAUSE_MAX_MS: DurationMs = 20;

/**
 * An instance that commits to one session again and again without a pause, as a chatty agent makes it do, wins every race,
 * because the others have to take in its records first: their cancel would never get through. So it lets them in now and
 * then. They try again at once: a wait between what they have taken in and their attempt would lose the next race too.
 */
export class CommitManners {
  readonly #mono: () => DurationMs;
  readonly #isAlone: boolean;
  #streak = 0;
  #lastAt: DurationMs = 0;
  #pauseMs = PAUSE_MIN_MS;

  /** @param isAlone nobody else writes to the store */
  constructor(mono: () => DurationMs, isAlone: boolean) {
    this.#mono = mono;
    this.#isAlone = isAlone;
  }

  /** To be awaited before a commit is put together: what is decided meanwhile rides along. */
  async letOthersIn(): Promise<void> {
    if (this.#isAlone || this.#streak < STREAK_MAX) return;
    this.#streak = 0;
    const leftMs = this.#lastAt + this.#pauseMs - this.#mono();
    if (leftMs > 0) await pause(leftMs);
  }

  /** @param sentAt when the commit that has just succeeded was sent */
  committed(sentAt: DurationMs): void {
    if (sentAt - this.#lastAt > PAUSE_MAX_MS) this.#streak = 0;
    this.#streak += 1;
    this.#lastAt = this.#mono();
    const roundTripMs = this.#lastAt - sentAt;
    this.#pauseMs = Math.min(PAUSE_MAX_MS, Math.max(PAUSE_MIN_MS, PAUSE_ROUND_TRIPS * roundTripMs));
  }
}
