import type { DurationMs } from '../../protocol/units.ts';

export interface SlotBounds {
  /** Attempts at once in all. */
  readonly total: number;
  /** Attempts at once at one origin, so that one that never answers does not take them all. */
  readonly perOrigin: number;
  readonly waitMs: DurationMs;
}

interface Waiter {
  readonly origin: string;
  readonly begin: () => void;
}

/** How many attempts are on their way at once. First come, first served, but past those whose origin is full. */
export class DeliverySlots {
  readonly #bounds: SlotBounds;
  readonly #taken = new Map<string, number>();
  #total = 0;
  #waiting: Waiter[] = [];

  constructor(bounds: SlotBounds) {
    this.#bounds = bounds;
  }

  /** @returns how to give the slot back; undefined when there was none for too long */
  take(origin: string): Promise<(() => void) | undefined> {
    if (this.#isFree(origin)) return Promise.resolve(this.#occupy(origin));
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        resolve(undefined);
      }, this.#bounds.waitMs).unref();
      const waiter: Waiter = {
        origin,
        begin: () => {
          clearTimeout(timer);
          resolve(this.#occupy(origin));
        },
      };
      this.#waiting.push(waiter);
    });
  }

  #isFree(origin: string): boolean {
    return this.#total < this.#bounds.total && (this.#taken.get(origin) ?? 0) < this.#bounds.perOrigin;
  }

  #occupy(origin: string): () => void {
    this.#total += 1;
    this.#taken.set(origin, (this.#taken.get(origin) ?? 0) + 1);
    return () => {
      this.#total -= 1;
      const left = (this.#taken.get(origin) ?? 1) - 1;
      if (left === 0) this.#taken.delete(origin);
      else this.#taken.set(origin, left);
      this.#letIn();
    };
  }

  #letIn(): void {
    const next = this.#waiting.find(({ origin }) => this.#isFree(origin));
    if (next === undefined) return;
    this.#waiting = this.#waiting.filter((other) => other !== next);
    next.begin();
  }
}
