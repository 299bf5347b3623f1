import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import { toIntent, type ChangeOptions, type ChangeOutcome, type Decide, type Intent } from './change.ts';
import type { ChangeQueue } from './change-queue.ts';
import { CommitManners } from './commit-manners.ts';
import type { FeedPosition } from './feed-position.ts';
import { JournalFollower } from './journal-feed.ts';
import type { DeadlineWatched } from './deadline-watch.ts';
import type { KeptBase } from './outage-journal.ts';
import type { AcknowledgedChange } from './own-records.ts';
import type { PendingSession } from './pending.ts';
import { admit } from './session-bounds.ts';
import { PATIENCE_MS, type SessionParts } from './session-parts.ts';
import { refKey, type SessionRef } from './session-ref.ts';
import { SessionDamagedError, StoreUnavailableError } from './session-store.ts';
import { SessionWork } from './session-work.ts';
import type { Session } from './session.ts';
import { StoredJournal } from './stored-journal.ts';

const NOBODY: readonly (() => void)[] = [];
const DEFAULTS: ChangeOptions = {};
type OnIdle = (session: LiveSession) => void;
type Handlers = Pick<Intent, 'settle' | 'fail'>;

/**
 * One session in this process: the stored layer, the changes on their way, and the one commit in flight. A change is
 * decided on the draft, committed at the head, and applied when the store has said ok; what the store does not take in
 * time is acknowledged from memory and offered again under the same identity until its fate is known.
 */
export class LiveSession implements PendingSession, DeadlineWatched {
  readonly ref: SessionRef;
  readonly key: string;
  readonly journal: StoredJournal;
  /** Monotonic moment of its making. */
  readonly since: DurationMs;
  /** How many hold it: a session in use stays outside the LRU. */
  uses = 0;
  /** False when the store was away as somebody last asked whether this copy is current: memory alone answers then. */
  isConfirmed = true;
  /** For what agents produce here: of whoever called last. */
  agentQuota: ChangeOptions['quota'] = undefined;
  readonly #parts: SessionParts;
  /** Absent while nothing changes. Set here alone. */
  work: SessionWork | undefined = undefined;
  /** Undefined where nobody else writes to the store. */
  readonly #manners: CommitManners | undefined;
  /** Another list whenever somebody comes or goes: those who are being told are not disturbed by it. */
  #observers = NOBODY;
  readonly #onIdle: OnIdle;
  /** Acknowledged records wait for a replay: nothing is offered to the store until then. */
  #held = false;
  #pumping: Promise<void> | undefined = undefined;
  #refreshing = 0;
  #damaged = false;
  /** When the store failed this session: then nobody waits for it for a moment, as a request waits once in all. */
  #failedAt: DurationMs = -Infinity;

  /** @param key {@link refKey}, where it is at hand */
  constructor(parts: SessionParts, ref: SessionRef, onIdle: OnIdle, key = refKey(ref)) {
    this.ref = ref;
    this.key = key;
    this.#parts = parts;
    this.#onIdle = onIdle;
    this.journal = new StoredJournal(parts, ref);
    // the clock is read once for both: it costs 0.2 us on some machines
    this.since = this.journal.expiresAt - parts.ttlMs;
    this.#manners = parts.store.exclusive ? undefined : new CommitManners();
  }

  /** What answers and listeners see: what is stored, and what was acknowledged from memory. */
  get view(): Session {
    return this.#hasDeferred ? this.#queue.drafts.acknowledged : this.journal.session;
  }
  /** What the next change is decided on: also what is still on its way to the store. */
  get draft(): Session {
    return this.#queue.draft;
  }
  get persistence(): 'stored' | 'deferred' {
    return this.#hasDeferred ? 'deferred' : 'stored';
  }
  /** A removed session under this id: a create has to name it. */
  get knowsTombstone(): boolean {
    return this.work !== undefined && this.work.base.tombstone !== '';
  }
  get isPending(): boolean {
    return this.work !== undefined && this.work.queue.intents.length > 0;
  }
  /** Its head cannot be read: memory is no better than the store. */
  get isDamaged(): boolean {
    return this.#damaged;
  }
  get isExpired(): boolean {
    return this.#parts.clock.mono() >= this.journal.expiresAt && !this.isPending;
  }

  /** Follows one task, told by its local id, from where the session or somebody stood before. To be closed. */
  follow(task: string, from?: FeedPosition): JournalFollower {
    const { ref, journal } = this;
    const observe = (listener: () => void) => this.observe(listener);
    const source = { parts: this.#parts, ref, journal, drafts: this.#queue.drafts, observe };
    return new JournalFollower(source, task, from);
  }

  /** The listener is called after every change of what {@link view} shows. @returns how to stop */
  observe(listener: () => void): () => void {
    // one alone is the usual number: neither a spread, which has room for 17 more, nor a search for it
    this.#observers = this.#observers === NOBODY ? [listener] : [...this.#observers, listener];
    return () => {
      const isOnly = this.#observers.length === 1 && this.#observers[0] === listener;
      const others = isOnly ? NOBODY : this.#observers.filter((other) => other !== listener);
      this.#observers = others.length === 0 ? NOBODY : others;
    };
  }

  /**
   * @throws {ProtocolError} what `decide` throws, RESOURCE_EXHAUSTED, SESSION_BUSY, SESSION_DAMAGED
   * @throws {AliasTakenError}
   */
  change(decide: Decide, options: ChangeOptions = DEFAULTS): Promise<ChangeOutcome> {
    // in an executor, so that what is thrown becomes a rejection
    return new Promise<ChangeOutcome>((settle, fail) => {
      this.changeUnawaited(decide, options, { settle, fail });
    });
  }

  /**
   * {@link change} without its promise, of which each event of an executor would need two. The first word counts: both may
   * be called at once, in the middle of other changes, and again when what was deferred is stored. Throws what it decides.
   */
  changeUnawaited(decide: Decide, options: ChangeOptions, { settle, fail }: Handlers): void {
    if (this.#damaged || this.journal.session.readOnly)
      throw new ProtocolError('SESSION_DAMAGED', { retryAfterMs: 60_000 });
    const intent = toIntent(decide, options, this.#parts.clock.mono(), settle, fail);
    if (!this.#add(intent)) settle('unchanged');
    else if (!this.#mayWait(intent)) this.#deferNow(intent);
    else {
      this.work?.stride.added(intent);
      void this.#startPump();
    }
  }

  #add(intent: Intent): boolean {
    try {
      return this.#queue.add(intent);
    } catch (error) {
      intent.options.onRefused?.(error);
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
    const records = this.#working().takeUp(changes, base);
    // What was begun may have been erased since: that is looked for before a replay, and nothing is offered until then.
    this.#held ||= base !== undefined && records > 0;
    if (records > 0) this.changed();
    return records;
  }

  /** Offers what waits to the store again. Never throws. */
  async replay(): Promise<void> {
    await this.#pumping;
    if (!this.#hasDeferred) return;
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
    this.#refreshing += 1;
    try {
      const isThere = await this.#working().base.catchUp(renewTtlMs);
      this.#damaged = false;
      return isThere;
    } catch (error) {
      if (error instanceof StoreUnavailableError) this.stopWaiting();
      if (error instanceof SessionDamagedError) this.#parts.damage.met(this.ref, error);
      throw error;
    } finally {
      this.#refreshing -= 1;
    }
  }

  /** The store has failed whoever is about to change the session: for a moment changes are acknowledged from memory. */
  stopWaiting(): void {
    this.#failedAt = this.#parts.clock.mono();
  }

  /** Nobody holds it. What it has for changes alone is made again for the next one. */
  rest(): void {
    if (this.#observers.length > 0 || this.#refreshing > 0 || this.#pumping !== undefined) return;
    if (this.work?.isOver === true) this.work = undefined;
    this.journal.rest();
  }

  #working(): SessionWork {
    return (this.work ??= new SessionWork(this.#parts, this.ref, this.journal, this, this.#manners));
  }

  get #queue(): ChangeQueue {
    return this.#working().queue;
  }
  get #hasDeferred(): boolean {
    return this.work !== undefined && this.work.queue.hasDeferred;
  }

  #mayWait(intent: Intent): boolean {
    if (this.#held || (this.#parts.isAway() && this.#pumping === undefined)) return false;
    const wasBefore = this.#failedAt < this.#parts.recovery.at;
    return (wasBefore || intent.since >= this.#failedAt + PATIENCE_MS) && intent.since < intent.deadline;
  }

  /** Deferred before it was ever offered: the one place where a full ledger can still say no. */
  #deferNow(intent: Intent): void {
    this.#queue.slim(intent);
    try {
      admit(intent.records, this.#parts.pending);
    } catch (error) {
      this.#queue.withdraw(intent);
      intent.fail(error);
      return;
    }
    this.#hold();
  }

  #hold(): void {
    this.#queue.defer();
    this.#held = this.#hasDeferred;
    this.changed();
  }

  /**
   * A turn of the microtask queue later: what is decided together is committed together, and one that finds nothing to
   * do has not ended before it is known that it runs.
   */
  #startPump(): Promise<void> {
    return (this.#pumping ??= this.#pump());
  }

  async #pump(): Promise<void> {
    await Promise.resolve();
    const { queue, sync, stride } = this.#working();
    sync.begin();
    this.#parts.deadlines.add(this);
    try {
      while (queue.intents.length > 0 && !this.#held) {
        if (this.#parts.isAway()) this.#hold();
        else if (!(await sync.commit())) this.#hold();
        else if (stride.isWorth(queue.intents)) await stride.rest();
      }
    } catch (error) {
      this.#commitFailed(error);
    } finally {
      this.#parts.deadlines.delete(this);
      this.#pumping = undefined;
      this.changed();
      if (this.uses === 0 && !this.isPending) {
        this.rest();
        this.#onIdle(this);
      }
    }
  }

  checkDeadline(): void {
    if (this.#parts.clock.mono() < this.#queue.earliestDeadline) return;
    this.#queue.defer();
    this.changed();
  }

  #commitFailed(error: unknown): void {
    if (error instanceof StoreUnavailableError) {
      this.#parts.counters.commit('unavailable');
      this.#hold();
    } else if (error instanceof SessionDamagedError) {
      this.#damaged = true;
      this.#parts.damage.met(this.ref, error);
      this.#working().base.dropDeferred('damaged');
      this.#queue.rejectLive(new ProtocolError('SESSION_DAMAGED', { retryAfterMs: 60_000, cause: error }));
    } else {
      this.#parts.counters.commit('error');
      this.#parts.log('session_persist_failed', { ...this.ref }, error);
      this.#queue.rejectLive(error);
      if (this.#hasDeferred) this.#hold();
    }
  }

  changed(): void {
    for (const listener of this.#observers) listener();
  }
}
