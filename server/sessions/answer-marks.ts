import type { DurationMs } from '../../protocol/units.ts';
import type { Log } from '../observability/log-events.ts';
import type { LiveSession } from './live-session.ts';
import { refKey, type SessionRef } from './session-ref.ts';
import { StoreUnavailableError, type AnsweredMark, type SessionStore } from './session-store.ts';

const BATCH_MS: DurationMs = 50;
/** How soon marks of messages that wait for the store are looked at again. */
const LATER_MS: DurationMs = 500;

/** The record number that a message has now, 0 when it is not there. It changes while the message waits for the store. */
export type NumberNow = () => number;

interface Marks {
  readonly session: LiveSession;
  readonly key: string;
  readonly messages: NumberNow[];
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
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: SessionStore, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** The answer to a user message was handed to the client. */
  answered(session: LiveSession, message: NumberNow): void {
    session.journal.noteAnswered(message());
    this.#marksOf(session).messages.push(message);
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
    const batch: Marks[] = [];
    for (const marks of this.#waiting.values()) {
      // A number that is not final would mark somebody else's message.
      if (marks.session.persistence !== 'stored') continue;
      this.#waiting.delete(marks.session);
      batch.push(marks);
    }
    if (this.#waiting.size > 0) this.#flushIn(LATER_MS);
    // Also what an earlier batch is still about to say.
    if (batch.length > 0) this.#writing = Promise.all([this.#writing, this.#write(batch)]).then(nothing);
    await this.#writing;
  }

  /** A session that is read anew must find its marks there. @returns undefined when nothing has to be waited for */
  beforeRead(ref: SessionRef, key = refKey(ref)): Promise<void> | undefined {
    return this.#unstored.has(key) ? this.flush() : undefined;
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
      const { key } = session;
      this.#unstored.set(key, (this.#unstored.get(key) ?? 0) + 1);
      marks = { session, key, messages: [], serves: undefined };
      this.#waiting.set(session, marks);
    }
    this.#flushIn(BATCH_MS);
    return marks;
  }

  #flushIn(ms: DurationMs): void {
    this.#timer ??= setTimeout(() => void this.flush(), ms).unref();
  }

  async #write(batch: readonly Marks[]): Promise<void> {
    const marks: AnsweredMark[] = [];
    for (const { session, messages, serves } of batch) {
      const { journal } = session;
      const numbers = new Set<number>();
      for (const numberNow of messages) {
        const n = numberNow();
        if (n <= 0) continue;
        numbers.add(n);
        journal.answered.add(n);
      }
      if (numbers.size > 0 || serves !== undefined)
        marks.push({ ref: session.ref, epoch: journal.session.epoch, messages: [...numbers], serves });
    }
    if (marks.length > 0) await this.#mark(marks);
    for (const { key } of batch) {
      const left = (this.#unstored.get(key) ?? 1) - 1;
      if (left > 0) this.#unstored.set(key, left);
      else this.#unstored.delete(key);
    }
  }

  async #mark(marks: readonly AnsweredMark[]): Promise<void> {
    try {
      await this.#store.markAnswered(marks);
    } catch (error) {
      // Unmarked means that a repeat gets the first answer once more.
      if (error instanceof StoreUnavailableError) return;
      const [first, ...others] = marks;
      if (others.length === 0) this.#log('answer_mark_failed', { ...first?.ref }, error);
      // One of them is damaged: each is marked on its own, to say which.
      else for (const mark of marks) await this.#mark([mark]);
    }
  }
}

const nothing = (): void => undefined;
