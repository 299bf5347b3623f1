import type { DurationMs } from '../../protocol/units.ts';
import type { Clock } from './session-parts.ts';

/** After this many lost races, or this long, a change is refused with retry advice. */
const MOVED_MAX = 16;
const MOVED_MAX_MS: DurationMs = 2_000;

/** Counts how often in a row a commit found the session elsewhere than it was decided on. */
export class LostRaces {
  readonly #clock: Clock;
  #count = 0;
  #since: DurationMs;

  /** @param since monotonic moment from which it counts */
  constructor(clock: Clock, since: DurationMs) {
    this.#clock = clock;
    this.#since = since;
  }

  /** @returns whether that is enough; counted anew from then on */
  lost(): boolean {
    this.#count += 1;
    const mono = this.#clock.mono();
    if (this.#count < MOVED_MAX && mono - this.#since <= MOVED_MAX_MS) return false;
    this.#count = 0;
    this.#since = mono;
    return true;
  }
}
