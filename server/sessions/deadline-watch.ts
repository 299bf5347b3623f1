import type { DurationMs } from '../../protocol/units.ts';

const TICK_MS: DurationMs = 25;

/** One timer for all sessions with a commit under way, instead of one per commit; it stands still when there is none. */
export class DeadlineWatch {
  readonly #watched = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  add(check: () => void): void {
    this.#watched.add(check);
    this.#timer ??= setInterval(() => {
      this.#tick();
    }, TICK_MS).unref();
  }

  delete(check: () => void): void {
    this.#watched.delete(check);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    if (this.#watched.size === 0) this.close();
    for (const check of [...this.#watched]) check();
  }
}
