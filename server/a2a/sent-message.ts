import type { ChangeOutcome } from '../sessions/change.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { StoredMessage } from '../sessions/records.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { Persistence } from './call.ts';
import { isSameMessage } from './message-identity.ts';
import type { Placed } from './place-message.ts';

interface SentFacts {
  readonly placed: Placed;
  readonly outcome: ChangeOutcome;
  /** The session's id was made from this message. */
  readonly derived: boolean;
  /** The message as it is stored. */
  readonly stored: StoredMessage;
}

/** A message that stands in its session, and the task that is to answer it. */
export class SentMessage {
  readonly session: LiveSession;
  readonly local: string;
  readonly how: Placed['how'];
  readonly #parts: A2AParts;
  readonly #facts: SentFacts;

  constructor(parts: A2AParts, session: LiveSession, facts: SentFacts) {
    this.#parts = parts;
    this.session = session;
    this.local = facts.placed.local;
    this.how = facts.placed.how;
    this.#facts = facts;
  }

  get taskId(): string {
    return joinTaskId(this.session.ref.sessionId, this.local);
  }

  get persistence(): Persistence {
    const isDeferred = this.#facts.outcome === 'deferred' || this.session.persistence === 'deferred';
    return isDeferred ? 'deferred' : 'stored';
  }

  /** Its record number. Asked again each time: a message that waited for the store gets its number when it is stored. */
  readonly said = (): number => this.#number() || (this.#facts.placed.message ?? 0);

  /**
   * Runs the agent, if this message is what it is to be run for. To be called once.
   *
   * @param isRevealed the client is told of the task in any case: it cannot turn into a bare message
   */
  start(isRevealed: boolean): void {
    if (this.how === 'new' || this.how === 'resumed')
      this.#parts.runner.start(this.session, this.local, isRevealed);
  }

  /** To be called when the client has its answer: the same message sent again is a new one then. */
  answered(): void {
    this.#parts.sessions.marks.answered(this.session, this.said);
  }

  /** The same, when what answers it has reached the client in full. */
  readonly delivered = (): void => {
    this.answered();
    if (this.#facts.derived) this.#parts.sessions.marks.derivedAnswered(this.session, '');
  };

  #number(): number {
    const history = this.session.view.task(this.local)?.history;
    if (history === undefined) return 0;
    const { stored } = this.#facts;
    for (let i = history.length - 1; i >= 0; i -= 1) {
      const entry = history.at(i);
      if (entry?.message === stored) return entry.n;
    }
    // Read anew from the store since.
    for (const entry of history.newestFirst()) {
      if (isSameMessage(entry.message, stored)) return entry.n;
    }
    return 0;
  }
}
