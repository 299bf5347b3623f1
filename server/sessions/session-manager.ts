import { randomBytes } from 'node:crypto';
import { ProtocolError, storeUnavailable } from '../../protocol/errors.ts';
import type { Bytes, DurationMs } from '../../protocol/units.ts';
import { DeadlineWatch } from './deadline-watch.ts';
import { AnswerMarks } from './answer-marks.ts';
import { DamageReports } from './damage-reports.ts';
import { Housekeeping } from './housekeeping.ts';
import { LiveSession } from './live-session.ts';
import { Liveness } from './liveness.ts';
import { PendingLedger } from './pending.ts';
import { Replayer } from './replayer.ts';
import { SessionCache } from './session-cache.ts';
import type { SessionManagerOptions } from './session-manager-options.ts';
import { refKey, type SessionRef } from './session-ref.ts';
import { SYSTEM_CLOCK, type SessionParts } from './session-parts.ts';
import { StoreUnavailableError } from './session-store.ts';

/** How long damage is taken as it was found. */
const LOOK_AGAIN_MS: DurationMs = 60_000;

/**
 * What is to be known about a session before it is used: `existing` must be there; `create` may be new, so it is looked
 * for; `new` is expected to be new (its id is random or derived), so a commit that creates it is tried without looking.
 */
export type OpenMode = 'existing' | 'create' | 'new';

/**
 * The sessions of this process: one object per session, those in use pinned, the others in an LRU; loaded from the store
 * when they are missed, with the life that the store says is left.
 */
export class A2ASessionManager {
  readonly liveness: Liveness;
  readonly pending: PendingLedger;
  readonly marks: AnswerMarks;
  readonly instance: string;
  readonly #parts: SessionParts;
  readonly #coherence: 'shared' | 'exclusive';
  readonly #maxInUse: number;
  readonly #cache: SessionCache;
  readonly #inUse = new Map<string, LiveSession>();
  readonly #loading = new Map<string, Promise<LiveSession | undefined>>();
  readonly #replayer: Replayer;
  readonly #housekeeping: Housekeeping;
  /** Sessions somebody holds; those that only wait for the store are bounded by the ledger. */
  #used = 0;

  constructor(options: SessionManagerOptions) {
    const { store, log, ttlMs, ttlRefresh, limits, counters } = options;
    const clock = options.clock ?? SYSTEM_CLOCK;
    const isAway = options.isAway ?? (() => false);
    const mono = (): DurationMs => clock.mono();
    this.instance = options.instance ?? randomBytes(9).toString('base64url');
    this.pending = new PendingLedger(options.pending, () => {
      log('pending_full', { ...options.pending });
    });
    this.liveness = new Liveness(this.instance, store, options.deadMs, clock);
    this.marks = new AnswerMarks(store, log);
    this.#coherence = store.exclusive ? 'exclusive' : options.coherence;
    this.#maxInUse = options.cache.maxSessions;
    this.#cache = new SessionCache(options.cache, mono, () => {
      counters.evicted();
    });
    this.#replayer = new Replayer(this.pending, isAway, mono, () => {
      log('pending_stuck', { records: this.pending.records });
    });
    this.#housekeeping = new Housekeeping(store, this.#cache, isAway, log);
    const { instance, pending } = this;
    const given = { store, isAway, clock, ttlMs, ttlRefresh, limits, counters, log };
    const damage = new DamageReports(counters, log);
    this.#parts = {
      ...given,
      instance,
      pending,
      damage,
      deadlines: new DeadlineWatch(),
      seqs: { highest: 0 },
    };
  }

  /** Sessions held in memory: in use, and cached. */
  get stats(): { inUse: number; cached: number; cachedBytes: Bytes } {
    const { size: cached, bytes: cachedBytes } = this.#cache;
    return { inUse: this.#inUse.size, cached, cachedBytes };
  }

  async start(): Promise<void> {
    this.#replayer.start();
    this.#housekeeping.start();
    await this.liveness.start();
  }

  /** To be called when the store answers again after it was away. */
  storeIsBack(): void {
    this.#replayer.storeIsBack();
  }

  /**
   * A session, pinned until {@link release}.
   *
   * @returns undefined when `existing` was asked for and there is none
   * @throws {ProtocolError} STORE_UNAVAILABLE when that cannot be known, RESOURCE_EXHAUSTED when too many are in use
   * @throws {SessionDamagedError}
   */
  async open(ref: SessionRef, mode: OpenMode): Promise<LiveSession | undefined> {
    const key = refKey(ref);
    const session = this.#inUse.get(key) ?? this.#takeCached(key) ?? (await this.#load(key, ref, mode));
    if (session === undefined) return undefined;
    this.#pin(key, session);
    this.#housekeeping.tenantSeen(ref.tenant);
    if (mode !== 'existing' || session.view.exists) return session;
    // Somebody is about to create it, or it was removed: the store has the last word.
    return (await this.#catchUpOrRelease(session)) ? session : undefined;
  }

  /** A session that is in memory, pinned: for the time the store is away. */
  openCached(ref: SessionRef): LiveSession | undefined {
    const key = refKey(ref);
    const session = this.#inUse.get(key) ?? this.#takeCached(key);
    if (session === undefined) return undefined;
    session.isConfirmed = false;
    this.#pin(key, session);
    return session;
  }

  /** Like {@link open} with `existing`, and as fresh as the store: a cached copy asks what is after its head. */
  async openFresh(ref: SessionRef): Promise<LiveSession | undefined> {
    const key = refKey(ref);
    const cached = this.#inUse.get(key) ?? this.#takeCached(key);
    if (cached === undefined) return this.open(ref, 'existing');
    this.#pin(key, cached);
    return (await this.#catchUpOrRelease(cached)) ? cached : undefined;
  }

  /**
   * Brings a pinned session up to date. While the store is away memory answers.
   *
   * @returns whether the session is (still) there
   */
  async catchUp(session: LiveSession): Promise<boolean> {
    const renews = this.#parts.ttlRefresh === 'access';
    const isCurrent = this.#coherence === 'exclusive' && !renews && session.view.exists && !session.isExpired;
    session.isConfirmed = !this.#parts.isAway();
    if (!session.isConfirmed || isCurrent) return session.view.exists;
    try {
      return (await session.refresh(renews ? this.#parts.ttlMs : undefined)) || session.view.exists;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      session.isConfirmed = false;
      return session.view.exists;
    }
  }

  async #catchUpOrRelease(session: LiveSession): Promise<boolean> {
    let isThere = false;
    try {
      isThere = await this.catchUp(session);
    } finally {
      if (!isThere) this.release(session);
    }
    // Memory does not have it, and the store could not be asked.
    if (!isThere && !session.isConfirmed) throw storeUnavailable();
    return isThere;
  }

  pin(session: LiveSession): void {
    this.#pin(refKey(session.ref), session);
  }

  release(session: LiveSession): void {
    session.uses -= 1;
    if (session.uses > 0) return;
    this.#used -= 1;
    if (!session.isPending) this.#toCache(session);
  }

  /** @returns the full id of the task that a v0.1 client's own id names @throws {StoreUnavailableError} */
  resolveAlias(tenant: string, subject: string, clientTaskId: string): Promise<string | undefined> {
    return this.#parts.store.resolveAlias(tenant, subject, clientTaskId);
  }

  /** Deletes a session in the store and here. @returns whether there was one @throws {StoreUnavailableError} */
  async remove(ref: SessionRef): Promise<boolean> {
    const removed = await this.#parts.store.remove(ref, this.#parts.ttlMs);
    const key = refKey(ref);
    // What is being read now may have been read before.
    await this.#loading.get(key)?.catch(() => undefined);
    const inUse = this.#inUse.get(key);
    if (inUse === undefined) this.#cache.drop(key);
    else await this.#endInMemory(key, inUse);
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
    if (!this.#parts.isAway()) await this.#replayer.flush();
    await this.marks.flush();
    await this.liveness.close();
    this.#parts.deadlines.close();
    this.#cache.clear();
    return this.pending.records;
  }

  /** Lets a session in use learn that it was removed. */
  async #endInMemory(key: string, session: LiveSession): Promise<void> {
    this.#pin(key, session);
    try {
      await session.refresh();
    } catch (error) {
      // It is removed all the same: its next commit will say so.
      if (!(error instanceof StoreUnavailableError)) throw error;
    } finally {
      this.release(session);
    }
  }

  #takeCached(key: string): LiveSession | undefined {
    const session = this.#cache.take(key);
    // A session that could not be read in full may have been repaired since.
    const isOld = session?.view.readOnly === true && this.#parts.clock.mono() - session.since > LOOK_AGAIN_MS;
    if (session === undefined || session.isExpired || isOld) return undefined;
    this.#parts.counters.cache('hit');
    return session;
  }

  /** One load in flight per session. */
  async #load(key: string, ref: SessionRef, mode: OpenMode): Promise<LiveSession | undefined> {
    this.#parts.counters.cache('miss');
    if (this.#used + this.#loading.size >= this.#maxInUse && !this.#loading.has(key)) {
      throw new ProtocolError('RESOURCE_EXHAUSTED', {
        message: 'too many sessions are in use',
        httpStatus: 503,
        retryAfterMs: 1_000,
      });
    }
    let loading = this.#loading.get(key);
    if (loading === undefined) {
      const isMarked = this.marks.beforeRead(ref) ?? Promise.resolve();
      const find = () => (mode === 'new' ? this.#fresh(ref) : this.#read(ref));
      loading = isMarked.then(find).finally(() => {
        this.#loading.delete(key);
      });
      this.#loading.set(key, loading);
    }
    try {
      const loaded = await loading;
      return this.#settleOn(key, loaded ?? (mode === 'existing' ? undefined : this.#fresh(ref)));
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      if (mode === 'existing') throw storeUnavailable(error);
      // Provisional: created in the store later, and rebased when somebody else has done so meanwhile.
      const provisional = this.#fresh(ref);
      provisional.stopWaiting();
      return this.#settleOn(key, provisional);
    }
  }

  /** Of several who looked for a session at once the first decides which object it is. */
  #settleOn(key: string, session: LiveSession | undefined): LiveSession | undefined {
    const present = this.#inUse.get(key);
    if (present === undefined && session !== undefined) this.#inUse.set(key, session);
    return present ?? session;
  }

  #fresh(ref: SessionRef): LiveSession {
    return new LiveSession(this.#parts, ref, (session) => {
      this.#toCache(session);
    });
  }

  async #read(ref: SessionRef): Promise<LiveSession | undefined> {
    const session = this.#fresh(ref);
    const { ttlMs, ttlRefresh } = this.#parts;
    const isThere = await session.refresh(ttlRefresh === 'access' ? ttlMs : undefined);
    if (isThere) {
      this.#parts.counters.rehydrated();
      this.#parts.log('session_rehydrated', { ...ref, head: session.view.head });
    }
    return isThere || session.knowsTombstone ? session : undefined;
  }

  #pin(key: string, session: LiveSession): void {
    session.uses += 1;
    if (session.uses === 1) this.#used += 1;
    this.#inUse.set(key, session);
  }

  #toCache(session: LiveSession): void {
    const key = refKey(session.ref);
    if (this.#inUse.get(key) !== session) return;
    this.#inUse.delete(key);
    if (!session.isDamaged) this.#cache.put(key, session);
  }
}
