import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { ChangeOptions, ChangeOutcome, Decide, Intent } from './change.ts';
import { ChangeQueue } from './change-queue.ts';
import type { FeedPosition } from './feed-position.ts';
import { JournalFollower } from './journal-feed.ts';
import { KeptChanges } from './kept-changes.ts';
import type { KeptBase } from './outage-journal.ts';
import type { AcknowledgedChange } from './own-records.ts';
import type { PendingSession } from './pending.ts';
import { endsTask } from './session-bounds.ts';
import { PATIENCE_MS, type SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import { SessionDamagedError, StoreUnavailableError } from './session-store.ts';
import { SessionCatchUp } from './session-catch-up.ts';
import { SessionSync } from './session-sync.ts';
import type { Session } from './session.ts';
import { StoredJournal } from './stored-journal.ts';

/**
 * One session in this process: the stored layer, the changes on their way, and the one commit in flight. A change is
 * decided on the draft, committed at the head, and applied when the store has said ok; what the store does not take in
 * time is acknowledged from memory and offered again under the same identity until its fate is known.
 */
export class LiveSession implements PendingSession {
  readonly ref: SessionRef;
  readonly journal: StoredJournal;
  /** Monotonic moment of its making. */
  readonly since: DurationMs;
  /** How many hold it: a session in use stays outside the LRU. */
  uses = 0;
  /** False when the store was away as somebody last asked whether this copy is current: memory alone answers then. */
  isConfirmed = true;
  readonly #parts: SessionParts;
  readonly #queue: ChangeQueue;
  readonly #base: SessionCatchUp;
  readonly #sync: SessionSync;
  readonly #observers = new Set<() => void>();
  readonly #onIdle: (session: LiveSession) => void;
  readonly #checkDeadline: () => void;
  /** Acknowledged records wait for a replay: nothing is offered to the store until then. */
  #held = false;
  #pumping: Promise<void> | undefined;
  #damaged = false;
  /** Until then nobody waits for the store: it has just failed this session, and a request waits once in all. */
  #impatientUntil: DurationMs = 0;

  constructor(parts: SessionParts, ref: SessionRef, onIdle: (session: LiveSession) => void) {
    this.ref = ref;
    this.#parts = parts;
    this.#onIdle = onIdle;
    this.since = parts.clock.mono();
    this.journal = new StoredJournal(parts, ref);
    const changed = (): void => {
      this.#changed();
    };
    const kept = new KeptChanges(parts, ref, () => this.#base.standing);
    this.#queue = new ChangeQueue(parts, this.journal, this, kept, changed);
    this.#base = new SessionCatchUp(parts, ref, this.journal, this.#queue, changed);
    this.#sync = new SessionSync(parts, ref, this.journal, this.#queue, this.#base, changed);
    this.#checkDeadline = () => {
      if (parts.clock.mono() < this.#queue.earliestDeadline) return;
      this.#queue.defer();
      this.#changed();
    };
  }

  /** What answers and listeners see: what is stored, and what was acknowledged from memory. */
  get view(): Session {
    return this.#queue.hasDeferred ? this.#queue.drafts.acknowledged : this.journal.session;
  }
  /** What the next change is decided on: also what is still on its way to the store. */
  get draft(): Session {
    return this.#queue.draft;
  }
  get persistence(): 'stored' | 'deferred' {
    return this.#queue.hasDeferred ? 'deferred' : 'stored';
  }
  /** A removed session under this id: a create has to name it. */
  get knowsTombstone(): boolean {
    return this.#base.tombstone !== '';
  }
  get isPending(): boolean {
    return this.#queue.length > 0;
  }
  /** Its head cannot be read: memory is no better than the store. */
  get isDamaged(): boolean {
    return this.#damaged;
  }
  get isExpired(): boolean {
    return this.#parts.clock.mono() >= this.journal.expiresAt && !this.isPending;
  }

  /**
   * Follows one task, from where the session stands now or from where somebody stood before. To be closed.
   *
   * @param task local id
   */
  follow(task: string, from?: FeedPosition): JournalFollower {
    const { ref, journal } = this;
    const observe = (listener: () => void): (() => void) => this.observe(listener);
    const source = { parts: this.#parts, ref, journal, drafts: this.#queue.drafts, observe };
    return new JournalFollower(source, task, from);
  }

  /** The listener is called after every change of what {@link view} shows. @returns how to stop */
  observe(listener: () => void): () => void {
    this.#observers.add(listener);
    return () => this.#observers.delete(listener);
  }

  /**
   * @throws {ProtocolError} what `decide` throws, RESOURCE_EXHAUSTED, SESSION_BUSY, SESSION_DAMAGED
   * @throws {AliasTakenError}
   */
  async change(decide: Decide, options: ChangeOptions = {}): Promise<ChangeOutcome> {
    if (this.#damaged || this.journal.session.readOnly)
      throw new ProtocolError('SESSION_DAMAGED', { retryAfterMs: 60_000 });
    return new Promise<ChangeOutcome>((settle, fail) => {
      const intent = this.#add(decide, options, { settle, fail });
      if (intent === undefined) settle('unchanged');
      else if (!this.#mayWait(intent)) this.#deferNow(intent);
      else void this.#startPump();
    });
  }

  #add(
    decide: Decide,
    options: ChangeOptions,
    handlers: Pick<Intent, 'settle' | 'fail'>,
  ): Intent | undefined {
    try {
      return this.#queue.add(decide, options, handlers);
    } catch (error) {
      options.onRefused?.(error);
      throw error;
    }
  }

  /**
   * Takes up what an instance that is gone has acknowledged: to be offered under its identities.
   *
   * @param base what it knew of an attempt to begin the session; absent when the session is there
   * @returns how many records are not stored yet
   */
  takeUp(changes: readonly AcknowledgedChange[], base?: KeptBase): number {
    if (base !== undefined) this.#base.goOn(base);
    const records = this.#queue.offerAgain(changes, true);
    if (records === 0) return 0;
    this.#base.decideAgain();
    this.#changed();
    return records;
  }

  /** Offers what waits to the store again. Never throws. */
  async replay(): Promise<void> {
    await this.#pumping;
    if (!this.#queue.hasDeferred) return;
    this.#held = false;
    await this.#startPump();
  }

  /**
   * Catches up with the store: one round trip.
   *
   * @returns whether the session is there
   * @throws {StoreUnavailableError} @throws {SessionDamagedError}
   */
  async refresh(renewTtlMs?: DurationMs): Promise<boolean> {
    try {
      const isThere = await this.#base.catchUp(renewTtlMs);
      this.#damaged = false;
      return isThere;
    } catch (error) {
      if (error instanceof StoreUnavailableError) this.stopWaiting();
      if (error instanceof SessionDamagedError) this.#parts.damage.met(this.ref, error);
      throw error;
    }
  }

  /** The store has failed whoever is about to change the session: for a moment changes are acknowledged from memory. */
  stopWaiting(): void {
    this.#impatientUntil = this.#parts.clock.mono() + PATIENCE_MS;
  }

  #mayWait(intent: Intent): boolean {
    if (this.#held || (this.#parts.isAway() && this.#pumping === undefined)) return false;
    const mono = this.#parts.clock.mono();
    return mono >= this.#impatientUntil && mono < intent.deadline;
  }

  /** Deferred before it was ever offered: the one place where a full ledger can still say no. */
  #deferNow(intent: Intent): void {
    this.#queue.slim(intent);
    try {
      const bytes = intent.records.reduce((sum, record) => sum + record.bytes, 0);
      // What only ends a task always has room: refusing it would leave the task working.
      const isNew = intent.records.some(({ body }) => body.t === 'message');
      if (!intent.records.every(({ body }) => endsTask(body)))
        this.#parts.pending.admit(intent.records.length, bytes, isNew);
    } catch (error) {
      this.#queue.withdraw(intent);
      intent.fail(error);
      return;
    }
    this.#hold();
  }

  #hold(): void {
    this.#queue.defer();
    this.#held = this.#queue.hasDeferred;
    this.#changed();
  }

  /**
   * A turn of the microtask queue later: what is decided together is committed together, and one that finds nothing to
   * do has not ended before it is known that it runs.
   */
  #startPump(): Promise<void> {
    return (this.#pumping ??= Promise.resolve().then(() => this.#pump()));
  }

  async #pump(): Promise<void> {
    this.#sync.begin();
    this.#parts.deadlines.add(this.#checkDeadline);
    try {
      while (this.#queue.length > 0 && !this.#held) {
        if (this.#parts.isAway()) this.#hold();
        else if (!(await this.#sync.commit())) this.#hold();
      }
    } catch (error) {
      this.#commitFailed(error);
    } finally {
      this.#parts.deadlines.delete(this.#checkDeadline);
      this.#pumping = undefined;
      this.#changed();
      if (this.uses === 0 && !this.isPending) this.#onIdle(this);
    }
  }

  #commitFailed(error: unknown): void {
    if (error instanceof StoreUnavailableError) {
      this.#parts.counters.commit('unavailable');
      this.#hold();
    } else if (error instanceof SessionDamagedError) {
      this.#damaged = true;
      this.#parts.damage.met(this.ref, error);
      this.#base.dropDeferred('damaged');
      this.#queue.rejectLive(new ProtocolError('SESSION_DAMAGED', { retryAfterMs: 60_000, cause: error }));
    } else {
      this.#parts.counters.commit('error');
      this.#parts.log('session_persist_failed', { ...this.ref }, error);
      this.#queue.rejectLive(error);
      if (this.#queue.hasDeferred) this.#hold();
    }
  }

  #changed(): void {
    for (const listener of [...this.#observers]) listener();
  }
}
