import type { DurationMs } from '../../protocol/units.ts';

/** After this many lost races, or this long, a change is refused with retry advice. */
const MOVED_MAX = 16;
const MOVED_MAX_MS: DurationMs = 2_000;

/** Counts how often in a row a commit found the session elsewhere than it was decided on. */
export class LostRaces {
  readonly #mono: () => DurationMs;
  #count = 0;
  #since: DurationMs = 0;

  constructor(mono: () => DurationMs) {
    this.#mono = mono;
  }

  begin(): void {
    this.#count = 0;
    this.#since = this.#mono();
  }

  /** @returns whether that is enough; counted anew from then on */
  lost(): boolean {
    this.#count += 1;
    if (this.#count < MOVED_MAX && this.#mono() - this.#since <= MOVED_MAX_MS) return false;
    this.begin();
    return true;
  }
}
