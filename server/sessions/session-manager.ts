import { storeUnavailable } from '../../protocol/errors.ts';
import type { Bytes, DurationMs } from '../../protocol/units.ts';
import { AfterOutage } from './after-outage.ts';
import { DeadlineWatch } from './deadline-watch.ts';
import { AnswerMarks } from './answer-marks.ts';
import { DamageReports } from './damage-reports.ts';
import { Erasures } from './erasures.ts';
import { Housekeeping } from './housekeeping.ts';
import type { InstanceStore } from './instance-store.ts';
import type { LiveSession } from './live-session.ts';
import { Liveness } from './liveness.ts';
import { Nudges } from './nudges.ts';
import { OwnRecords } from './own-records.ts';
import { PendingLedger } from './pending.ts';
import { randomText } from './random-pool.ts';
import { Replayer } from './replayer.ts';
import { SessionLoader, type OpenMode } from './session-loader.ts';
import type { SessionManagerOptions } from './session-manager-options.ts';
import { SYSTEM_CLOCK, type SessionParts } from './session-parts.ts';
import { SessionPool } from './session-pool.ts';
import { refKey, type SessionRef } from './session-ref.ts';
import { StoreUnavailableError, type TaskList, type TaskQuery } from './session-store.ts';
import { SessionWatches, type WatchedLook } from './session-watches.ts';
import type { Session } from './session.ts';

export type { OpenMode };

const RESUME_MS: DurationMs = 600_000;

/**
 * The sessions of this process: one object per session, those in use pinned, the others in an LRU; loaded from the store
 * when they are missed, with the life that the store says is left.
 */
export class A2ASessionManager {
  readonly liveness: Liveness;
  readonly pending: PendingLedger;
  readonly marks: AnswerMarks;
  readonly instance: string;
  /** What the store knows of the instances and their tasks. Who of them is dead: {@link liveness}. */
  readonly registry: Omit<InstanceStore, 'beat' | 'leave' | 'noteTenant' | 'watch' | 'nudge' | 'onNudge'>;
  /** Whether the store is known to be away. */
  readonly isAway: () => boolean;
  readonly #parts: SessionParts;
  readonly #coherence: 'shared' | 'exclusive';
  /** Nobody else writes to the store, and a look at a session does not renew its life. */
  readonly #isAlone: boolean;
  readonly #pool: SessionPool;
  readonly #loader: SessionLoader;
  readonly #replayer: Replayer;
  readonly #afterOutage: AfterOutage;
  readonly #housekeeping: Housekeeping;
  readonly #watches: SessionWatches;
  readonly #nudges: Nudges;
  readonly #erasures: Erasures;

  constructor(options: SessionManagerOptions) {
    const { store, log, ttlMs, ttlRefresh, limits, counters } = options;
    const clock = options.clock ?? SYSTEM_CLOCK;
    const isAway = (this.isAway = options.isAway ?? (() => false));
    const mono = (): DurationMs => clock.mono();
    this.instance = options.instance ?? randomText(9);
    this.pending = new PendingLedger(options.pending, () => {
      log('pending_full', { ...options.pending });
    });
    const onErasure = (newest: number): void => {
      this.#erasures.heard(newest);
    };
    this.liveness = new Liveness(this.instance, store, options.deadMs, clock, onErasure);
    this.marks = new AnswerMarks(store, log);
    this.registry = store;
    this.#nudges = new Nudges(this.instance, store, isAway);
    this.#coherence = store.exclusive ? 'exclusive' : options.coherence;
    this.#isAlone = this.#coherence === 'exclusive' && ttlRefresh !== 'access';
    this.#pool = new SessionPool({ bounds: options.cache, mono, counters });
    const onStuck = (): void => {
      log('pending_stuck', { records: this.pending.records });
    };
    const onBack = (at: DurationMs): Promise<boolean> => this.#afterOutage.lookForLost(at);
    const mayStore = (): Promise<boolean> => this.#erasures.look();
    this.#replayer = new Replayer(this.pending, isAway, mono, onStuck, onBack, mayStore);
    this.#housekeeping = new Housekeeping(store, this.liveness, this.#pool.cache, isAway, log);
    this.#watches = new SessionWatches(store, this);
    const { resumeMs = RESUME_MS, ownMaxBytes: maxBytes, onDue, outage } = options;
    const given = { store, isAway, clock, ttlMs, ttlRefresh, limits, counters, log, onDue, outage, resumeMs };
    const { instance, pending } = this;
    const own = new OwnRecords({ maxBytes, mono });
    const damage = new DamageReports(counters, log);
    const made = { instance, pending, own, damage, deadlines: new DeadlineWatch(), seqs: { highest: 0 } };
    this.#parts = { ...given, ...made, quotas: options.quotas, recovery: { at: 0 } };
    this.#loader = new SessionLoader(this.#parts, this.#pool, this.marks);
    this.#afterOutage = new AfterOutage(this.#parts, this);
    this.#erasures = new Erasures(this.#parts, this.#pool, this.#loader, this.#housekeeping);
  }

  /** Sessions held in memory: in use, and cached. And what is kept in case the store goes back. */
  get stats(): { inUse: number; cached: number; cachedBytes: Bytes; recentBytes: Bytes } {
    return { ...this.#pool.stats, recentBytes: this.#parts.own.bytes };
  }

  async start(): Promise<void> {
    await this.#afterOutage.takeUpLeft();
    this.#nudges.onOrder(() => {
      this.#erasures.heard();
    });
    this.#replayer.start();
    this.#housekeeping.start();
    await this.liveness.start();
  }

  /** To be called when the store answers again after it was away. @param isPart the rest of it never was */
  storeIsBack(isPart = false): void {
    if (!isPart) this.#parts.recovery.at = this.#parts.clock.mono();
    if (!isPart) this.liveness.storeChanged();
    if (!isPart) void this.#housekeeping.noteLeft();
    this.#replayer.storeIsBack(isPart);
  }

  /**
   * A session, pinned until {@link release}.
   *
   * @returns undefined when `existing` was asked for and there is none
   * @throws {ProtocolError} STORE_UNAVAILABLE when that cannot be known, RESOURCE_EXHAUSTED when too many are in use
   * @throws {SessionDamagedError}
   */
  async open(ref: SessionRef, mode: OpenMode): Promise<LiveSession | undefined> {
    const session = this.openAtOnce(ref, mode) ?? this.#pinned(await this.#loader.load(ref, mode));
    if (session === undefined || mode !== 'existing' || session.view.exists) return session;
    // Somebody is about to create it, or it was removed: the store has the last word.
    return this.#catchUpOrRelease(session);
  }

  /** As far as there is nothing to wait for; undefined: see {@link open}. @throws {ProtocolError} RESOURCE_EXHAUSTED */
  openAtOnce(ref: SessionRef, mode: OpenMode): LiveSession | undefined {
    const key = refKey(ref);
    return this.#pinned(this.#pool.find(key) ?? this.#loader.begin(ref, key, mode));
  }

  #pinned(session: LiveSession | undefined): LiveSession | undefined {
    if (session === undefined) return undefined;
    this.#pool.pin(session);
    this.#housekeeping.tenantSeen(session.ref.tenant);
    return session;
  }

  /** A session that is in memory, pinned: for the time the store is away. */
  openCached(ref: SessionRef): LiveSession | undefined {
    const session = this.inMemory(ref);
    if (session !== undefined) session.isConfirmed = false;
    return session;
  }

  /** A session that is in memory, pinned. */
  inMemory(ref: SessionRef): LiveSession | undefined {
    const session = this.#pool.find(refKey(ref));
    if (session !== undefined) this.#pool.pin(session);
    return session;
  }

  /** A session in memory, pinned, that is as fresh as the store for certain: nobody else writes to it. */
  openCurrent(ref: SessionRef): LiveSession | undefined {
    const cached = this.#isAlone ? this.inMemory(ref) : undefined;
    if (cached === undefined || this.#isCurrent(cached)) return cached;
    this.release(cached);
    return undefined;
  }

  /** Like {@link open} with `existing`, and as fresh as the store: a cached copy asks what is after its head. */
  openFresh(ref: SessionRef): Promise<LiveSession | undefined> {
    const cached = this.inMemory(ref);
    return cached === undefined ? this.open(ref, 'existing') : this.#catchUpOrRelease(cached);
  }

  /** Brings a pinned session up to date. While the store is away memory answers. @returns whether it is (still) there */
  async catchUp(session: LiveSession): Promise<boolean> {
    if (this.#isCurrent(session) || !session.isConfirmed) return session.view.exists;
    const { ttlRefresh, ttlMs } = this.#parts;
    try {
      return (await session.refresh(ttlRefresh === 'access' ? ttlMs : undefined)) || session.view.exists;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      session.isConfirmed = false;
      return session.view.exists;
    }
  }

  /** @returns whether it is there, and nobody has to be asked. Notes whether the store could be */
  #isCurrent(session: LiveSession): boolean {
    session.isConfirmed = !this.#parts.isAway();
    return this.#isAlone && session.isConfirmed && session.view.exists && !session.isExpired;
  }

  async #catchUpOrRelease(session: LiveSession): Promise<LiveSession | undefined> {
    let isThere = false;
    try {
      isThere = await this.catchUp(session);
    } finally {
      if (!isThere) this.release(session);
    }
    // Memory does not have it, and the store could not be asked.
    if (!isThere && !session.isConfirmed) throw storeUnavailable();
    return isThere ? session : undefined;
  }

  pin(session: LiveSession): void {
    this.#pool.pin(session);
  }

  release(session: LiveSession): void {
    this.#pool.release(session);
  }

  /** @returns the full id of the task that a v0.1 client's own id names @throws {StoreUnavailableError} */
  resolveAlias(tenant: string, subject: string, clientTaskId: string): Promise<string | undefined> {
    return this.#parts.store.resolveAlias(tenant, subject, clientTaskId);
  }

  /** From the store's indexes; what was acknowledged from memory is not in them. @throws {StoreUnavailableError} */
  listTasks(tenant: string, query: TaskQuery): Promise<TaskList> {
    return this.#parts.store.listTasks(tenant, query);
  }

  /** A session as it is in memory, to be looked at and at once: nothing is loaded, pinned or kept for it. */
  peek(ref: SessionRef): Session | undefined {
    return this.#pool.peek(refKey(ref))?.view;
  }

  /** As the store has it now, for one look. See {@link SessionLoader.glance}. */
  glance(ref: SessionRef): Promise<Session | undefined> {
    return this.#loader.glance(ref);
  }

  /**
   * Keeps a session up to date while somebody here wants to know what other instances write to it. Where nobody else
   * writes it does nothing.
   *
   * @param session pinned until the watch has ended @returns how to end it; idempotent
   */
  watch(session: LiveSession): () => void {
    return this.#coherence === 'exclusive' ? () => undefined : this.#watches.watch(session);
  }

  /** What the last read of a watched session has brought. */
  lookOf(session: LiveSession): WatchedLook | undefined {
    return this.#watches.lookOf(session);
  }

  /** Asks another instance to look at a session at once. Only a hint. Never rejects. */
  nudge(instance: string, ref: SessionRef): Promise<void> {
    return this.#nudges.send(instance, ref);
  }

  /** Hears the nudges for this instance. @returns how to stop */
  onNudge(listener: (ref: SessionRef) => void): () => void {
    return this.#nudges.listen(listener);
  }

  /** Takes sessions whose webhooks are due: see `SessionStore`. @throws {StoreUnavailableError} */
  claimDue(tenant: string, limit: number, holdMs: DurationMs, only?: string): Promise<readonly string[]> {
    return this.#parts.store.claimDue(tenant, limit, holdMs, only);
  }

  /** Goes on holding a session that was taken so. @throws {StoreUnavailableError} */
  holdDue(ref: SessionRef, holdMs: DurationMs): Promise<void> {
    return this.#parts.store.holdDue(ref, holdMs);
  }

  /** Deletes a session in the store and here. @returns whether there was one @throws {StoreUnavailableError} */
  async remove(ref: SessionRef): Promise<boolean> {
    const removed = await this.#parts.store.remove(ref, this.#parts.ttlMs);
    await this.#erasures.removed(ref);
    return removed === 'removed';
  }

  /** Waits until nothing is pending any more, at most for so long. */
  drain(withinMs: DurationMs): Promise<void> {
    return this.#replayer.drain(withinMs);
  }

  /** Stores what is pending, if the store lets it, and says goodbye. @returns how many acknowledged records are lost */
  async close(): Promise<number> {
    this.#housekeeping.close();
    this.#replayer.close();
    this.#watches.close();
    this.#nudges.close();
    if (!this.#parts.isAway()) await this.#replayer.flush();
    await this.marks.flush();
    await this.liveness.close();
    this.#parts.deadlines.close();
    this.#parts.own.close();
    this.#pool.cache.clear();
    return this.pending.records;
  }
}
