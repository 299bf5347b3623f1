import type { DurationMs } from '../../protocol/units.ts';
import type { Log } from '../observability/log-events.ts';
import type { LiveSession } from './live-session.ts';
import { refKey, type SessionRef } from './session-ref.ts';
import { StoreUnavailableError, type SessionStore } from './session-store.ts';

const BATCH_MS: DurationMs = 50;
/** How soon marks of messages that wait for the store are looked at again. */
const LATER_MS: DurationMs = 500;

/** The record number that a message has now, 0 when it is not there. It changes while the message waits for the store. */
export type NumberNow = () => number;

interface Marks {
  session: LiveSession;
  messages: Set<NumberNow>;
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

  /** The answer to a user message was handed to the client. */
  answered(session: LiveSession, message: NumberNow): void {
    session.journal.noteAnswered(message());
    this.#marksOf(session).messages.add(message);
  }

  /** The same for the session from which the message's home was derived. */
  derivedAnswered(session: LiveSession, serves: string): void {
    if (session.journal.derived.serves !== serves) return;
    session.journal.noteDerivedAnswered();
    this.#marksOf(session).serves = serves;
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // A number that is not final would mark somebody else's message.
    const batch = [...this.#waiting.values()].filter(({ session }) => session.persistence === 'stored');
    for (const { session } of batch) this.#waiting.delete(session);
    if (this.#waiting.size > 0) this.#flushIn(LATER_MS);
    // Also what an earlier batch is still about to say.
    const writes = batch.map((marks) => this.#write(marks));
    // Its value is nothing: the values of all batches before would be kept with it.
    this.#writing = Promise.all([this.#writing, ...writes]).then(() => undefined);
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
    let marks = this.#waiting.get(session);
    if (marks === undefined) {
      const key = refKey(session.ref);
      this.#unstored.set(key, (this.#unstored.get(key) ?? 0) + 1);
      marks = { session, messages: new Set(), serves: undefined };
      this.#waiting.set(session, marks);
    }
    this.#flushIn(BATCH_MS);
    return marks;
  }

  #flushIn(ms: DurationMs): void {
    this.#timer ??= setTimeout(() => void this.flush(), ms).unref();
  }

  async #write({ session, messages, serves }: Marks): Promise<void> {
    const { epoch } = session.journal.session;
    const numbers = [...messages].map((numberNow) => numberNow()).filter((n) => n > 0);
    for (const n of numbers) session.journal.answered.add(n);
    try {
      if (numbers.length > 0) await this.#store.markAnswered(session.ref, epoch, numbers);
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
