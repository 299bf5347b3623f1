import type { DurationMs } from '../../protocol/units.ts';

const TICK_MS: DurationMs = 25;

/** A session with a commit under way. */
export interface DeadlineWatched {
  /** Looks whether somebody has waited for long enough. */
  checkDeadline(): void;
}

/** One timer for all sessions with a commit under way, instead of one per commit; it stands still when there is none. */
export class DeadlineWatch {
  readonly #watched = new Set<DeadlineWatched>();
  #timer: NodeJS.Timeout | undefined;

  add(watched: DeadlineWatched): void {
    this.#watched.add(watched);
    this.#timer ??= setInterval(() => {
      this.#tick();
    }, TICK_MS).unref();
  }

  delete(watched: DeadlineWatched): void {
    this.#watched.delete(watched);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    if (this.#watched.size === 0) this.close();
    for (const watched of [...this.#watched]) watched.checkDeadline();
  }
}
