import { LRUCache } from 'lru-cache';
import type { DurationMs } from '../../protocol/units.ts';

const MINUTE_MS: DurationMs = 60_000;
const KINDS_MAX = 10_000;

export interface FailedAttempt {
  readonly from: string;
  readonly why: 'missing' | 'wrong' | 'turned-away';
}

interface Counted<T> {
  readonly attempt: T;
  /** Since it was told the last time. */
  count: number;
}

/**
 * Tells of failed attempts without being a means to fill a disk: the first of those that are equal in all they say at once,
 * then once a minute how often there were more. Over 10,000 kinds at a time, those that came least lately are told early.
 */
export class FailedAttempts<T extends object = FailedAttempt> {
  readonly #tell: (attempt: T, count: number) => void;
  readonly #known: LRUCache<string, Counted<T>>;
  #timer: NodeJS.Timeout | undefined;

  /** @param count how many attempts a line is about */
  constructor(tell: (attempt: T, count: number) => void, everyMs: DurationMs = MINUTE_MS) {
    this.#tell = tell;
    this.#known = new LRUCache({
      max: KINDS_MAX,
      dispose: (counted, _, reason) => {
        if (reason === 'evict') this.#sum(counted);
      },
    });
    this.#timer = setInterval(() => {
      this.#sumAll();
    }, everyMs).unref();
  }

  failed(attempt: T): void {
    const key = JSON.stringify(attempt);
    const counted = this.#known.get(key);
    if (counted !== undefined) {
      counted.count += 1;
      return;
    }
    this.#known.set(key, { attempt, count: 0 });
    this.#tell(attempt, 1);
  }

  /** Tells what was not told yet. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#sumAll();
  }

  /** One that was quiet for a whole turn is new the next time. */
  #sumAll(): void {
    for (const [key, counted] of [...this.#known]) {
      if (counted.count === 0) this.#known.delete(key);
      else this.#sum(counted);
    }
  }

  #sum(counted: Counted<T>): void {
    if (counted.count === 0) return;
    this.#tell(counted.attempt, counted.count);
    counted.count = 0;
  }
}
