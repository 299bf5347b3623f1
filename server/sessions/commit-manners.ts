import { setTimeout as pause } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';
import type { Clock } from './session-parts.ts';

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
  #streak = 0;
  /** In whole milliseconds, as the pause: each session in memory has both, and a fraction is an object of its own. */
  #lastAt: DurationMs = 0;
  #pauseMs = PAUSE_MIN_MS;

  /**
   * To be awaited before a commit is put together: what is decided meanwhile rides along.
   *
   * @returns undefined when there is nothing to wait for
   */
  letOthersIn(clock: Pick<Clock, 'mono'>): Promise<void> | undefined {
    if (this.#streak < STREAK_MAX) return undefined;
    this.#streak = 0;
    const leftMs = this.#lastAt + this.#pauseMs - clock.mono();
    return leftMs > 0 ? pause(leftMs) : undefined;
  }

  /** @param sentAt when the commit that has just succeeded was sent, and `answeredAt` */
  committed(sentAt: DurationMs, answeredAt: DurationMs): void {
    if (sentAt - this.#lastAt > PAUSE_MAX_MS) this.#streak = 0;
    this.#streak += 1;
    this.#lastAt = Math.ceil(answeredAt);
    const pauseMs = Math.ceil(PAUSE_ROUND_TRIPS * (answeredAt - sentAt));
    this.#pauseMs = Math.min(PAUSE_MAX_MS, Math.max(PAUSE_MIN_MS, pauseMs));
  }
}
