import type { DurationMs } from '../../protocol/units.ts';
import type { Clock } from './session-parts.ts';
import type { SessionStore } from './session-store.ts';

/**
 * Says who is alive, by store time. An instance is dead when its beat is older than `deadMs` **and** this one has itself
 * beaten for as long without a failure: after an outage everybody has that time to come back.
 */
export class Liveness {
  readonly instance: string;
  readonly #store: SessionStore;
  readonly #deadMs: DurationMs;
  readonly #clock: Clock;
  #healthySince: DurationMs | undefined;
  #lastBeat: DurationMs | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(instance: string, store: SessionStore, deadMs: DurationMs, clock: Clock) {
    this.instance = instance;
    this.#store = store;
    this.#deadMs = deadMs;
    this.#clock = clock;
  }

  /** Beats at once and from then on. Never rejects. */
  async start(): Promise<void> {
    await this.beat();
    this.#schedule();
  }

  async beat(): Promise<void> {
    try {
      await this.#store.beat(this.instance);
      const mono = this.#clock.mono();
      // A machine that was paused wakes up together with others: they need the time to come back as well.
      if (this.#isSilent(mono)) this.#healthySince = undefined;
      this.#healthySince ??= mono;
      this.#lastBeat = mono;
    } catch {
      this.#healthySince = undefined;
    }
  }

  /**
   * @returns true only when the runner is certainly gone
   * @throws {StoreUnavailableError}
   */
  async isDead(runner: string): Promise<boolean> {
    if (runner === this.instance) return false;
    // Nobody else can have this store open.
    if (this.#store.exclusive) return true;
    const mono = this.#clock.mono();
    if (this.#healthySince === undefined || mono - this.#healthySince < this.#deadMs) return false;
    if (this.#isSilent(mono)) return false;
    const age = await this.#store.beatAge(runner);
    return age === undefined || age > this.#deadMs;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    try {
      await this.#store.leave(this.instance);
    } catch {
      // The store is away: the others will find the last beat old.
    }
  }

  /** Whether this instance has not beaten for so long that others may take it for dead. */
  #isSilent(mono: DurationMs): boolean {
    return this.#lastBeat !== undefined && mono - this.#lastBeat > this.#deadMs;
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.beat().finally(() => {
        this.#schedule();
      });
    }, this.#deadMs / 4).unref();
  }
}
