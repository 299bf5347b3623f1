import type { DurationMs } from '../../protocol/units.ts';
import type { Clock } from '../sessions/session-parts.ts';

/** What may take only so long. */
export interface Limited {
  timedOut(): void;
}

interface Watched {
  readonly turn: Limited;
  /** Monotonic moment. */
  readonly until: DurationMs;
  before: Watched | undefined;
  next: Watched | undefined;
}

/**
 * One timer for all turns, which all may take the same time: so the one that began first is due first. A timer for each
 * took 0.5 us, most of it because node makes and drops a list of its own for it where no other turn is under way.
 */
export class TurnLimits {
  readonly #limitMs: DurationMs;
  readonly #clock: Clock;
  #first: Watched | undefined = undefined;
  #last: Watched | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(limitMs: DurationMs, clock: Clock) {
    this.#limitMs = limitMs;
    this.#clock = clock;
  }

  /** @returns what {@link end} is to be called with */
  begin(turn: Limited): Watched {
    const watched: Watched = {
      turn,
      until: this.#clock.mono() + this.#limitMs,
      before: this.#last,
      next: undefined,
    };
    if (this.#last === undefined) this.#first = watched;
    else this.#last.next = watched;
    this.#last = watched;
    this.#lookIn(this.#limitMs);
    return watched;
  }

  /** Also of one that has timed out. */
  end(watched: Watched): void {
    const { before, next } = watched;
    // Taken off already.
    if (before === undefined && this.#first !== watched) return;
    if (before === undefined) this.#first = next;
    else before.next = next;
    if (next === undefined) this.#last = before;
    else next.before = before;
    watched.before = undefined;
    watched.next = undefined;
  }

  #lookIn(ms: DurationMs): void {
    if (this.#timer === undefined) this.#timer = setTimeout(this.#look, ms).unref();
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const now = this.#clock.mono();
    while (this.#first !== undefined && this.#first.until <= now) {
      const { turn } = this.#first;
      this.end(this.#first);
      turn.timedOut();
    }
    // A timer may fire a little early.
    if (this.#first !== undefined) this.#lookIn(Math.max(1, this.#first.until - now));
  };
}
