import type { DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { A2AParts } from './a2a-parts.ts';
import { settleFollowed, TEND_MS, tendTask } from './tend-task.ts';

/** Looks after a task that is followed, as long as nobody here runs it. */
export class TaskTending {
  readonly #parts: A2AParts;
  readonly #session: LiveSession;
  readonly #local: string;
  /** The task is run again when nothing was recorded yet. */
  readonly #isRepeat: boolean;
  #tendedAt: DurationMs | undefined;
  /** Ends the watch that stands while the task runs elsewhere, or nowhere. */
  #unwatch: (() => void) | undefined;

  constructor(parts: A2AParts, session: LiveSession, local: string, isRepeat: boolean) {
    this.#parts = parts;
    this.#session = session;
    this.#local = local;
    this.#isRepeat = isRepeat;
  }

  get isFed(): boolean {
    return this.#parts.runner.isRunning(this.#session, this.#local);
  }

  /** Before each wait: a task may come here, or go elsewhere, while it is followed. @returns whether the session is there */
  async tend(): Promise<boolean> {
    const { isFed } = this;
    this.#watch(!isFed);
    return isFed || (await this.#look());
  }

  stop(): void {
    this.#watch(false);
  }

  /** Now and then, however much else goes on in the session. */
  async #look(): Promise<boolean> {
    const mono = this.#parts.clock.mono();
    const isFirst = this.#tendedAt === undefined;
    // A timer may fire a little early.
    if (mono - (this.#tendedAt ?? -Infinity) < TEND_MS - 50) return true;
    this.#tendedAt = mono;
    if (!isFirst) return tendTask(this.#parts, this.#session, this.#local, this.#isRepeat);
    // The session was looked at a moment ago, when the stream was made.
    await settleFollowed(this.#parts, this.#session, this.#local, this.#isRepeat);
    return true;
  }

  #watch(isWanted: boolean): void {
    if (isWanted) this.#unwatch ??= this.#parts.sessions.watch(this.#session);
    else {
      this.#unwatch?.();
      this.#unwatch = undefined;
    }
  }
}
