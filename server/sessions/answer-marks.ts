import type { DurationMs } from '../../protocol/units.ts';
import type { Log } from '../observability/log-events.ts';
import type { LiveSession } from './live-session.ts';
import { refKey, type SessionRef } from './session-ref.ts';
import { StoreUnavailableError, type SessionStore } from './session-store.ts';

const BATCH_MS: DurationMs = 50;

interface Marks {
  session: LiveSession;
  epoch: string;
  messages: Set<number>;
  /** Set for a derived session: who served the answer. */
  serves: string | undefined;
}

/**
 * Notes that an answer was delivered, so that the same message sent again is a new one. After the response and in
 * batches: a crash before the mark is stored gives the first answer once more, which is the safe side.
 */
export class AnswerMarks {
  readonly #store: SessionStore;
  readonly #log: Log;
  readonly #waiting = new Map<LiveSession, Marks>();
  /** Sessions with marks that are not stored yet, and in how many batches. */
  readonly #unstored = new Map<string, number>();
  #writing: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: SessionStore, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** The answer to a user message (by record number) was handed to the client. */
  answered(session: LiveSession, message: number): void {
    session.journal.answered.add(message);
    this.#marksOf(session).messages.add(message);
  }

  /** The same for the session from which the message's home was derived. */
  derivedAnswered(session: LiveSession, serves: string): void {
    if (session.journal.derived.serves !== serves) return;
    session.journal.derived = { serves, answered: true };
    this.#marksOf(session).serves = serves;
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = [...this.#waiting.values()];
    this.#waiting.clear();
    // Also what an earlier batch is still about to say.
    this.#writing = Promise.all([this.#writing, ...batch.map((marks) => this.#write(marks))]);
    await this.#writing;
  }

  /** A session that is read anew must find its marks there. @returns undefined when nothing has to be waited for */
  beforeRead(ref: SessionRef): Promise<void> | undefined {
    return this.#unstored.has(refKey(ref)) ? this.flush() : undefined;
  }

  /**
   * The message of a derived session is sent anew after it was answered.
   *
   * @returns the session id that serves it now: `next`, or another one when somebody was faster
   */
  async claim(session: LiveSession, next: string): Promise<string> {
    await this.flush();
    const { serves } = session.journal.derived;
    const winner = await this.#store.claimDerived(session.ref, session.journal.session.epoch, serves, next);
    session.journal.derived = { serves: winner ?? next, answered: false };
    return winner ?? next;
  }

  #marksOf(session: LiveSession): Marks {
    const { epoch } = session.journal.session;
    let marks = this.#waiting.get(session);
    if (marks?.epoch !== epoch) {
      const key = refKey(session.ref);
      if (marks === undefined) this.#unstored.set(key, (this.#unstored.get(key) ?? 0) + 1);
      marks = { session, epoch, messages: new Set(), serves: undefined };
      this.#waiting.set(session, marks);
    }
    this.#timer ??= setTimeout(() => void this.flush(), BATCH_MS).unref();
    return marks;
  }

  async #write({ session, epoch, messages, serves }: Marks): Promise<void> {
    try {
      if (messages.size > 0) await this.#store.markAnswered(session.ref, epoch, [...messages]);
      if (serves !== undefined) await this.#store.markDerivedAnswered(session.ref, epoch, serves);
    } catch (error) {
      // Unmarked means that a repeat gets the first answer once more.
      if (!(error instanceof StoreUnavailableError))
        this.#log('answer_mark_failed', { ...session.ref }, error);
    } finally {
      const key = refKey(session.ref);
      const left = (this.#unstored.get(key) ?? 1) - 1;
      if (left > 0) this.#unstored.set(key, left);
      else this.#unstored.delete(key);
    }
  }
}
