import { storeUnavailable } from '../../protocol/errors.ts';
import type { AnswerMarks } from './answer-marks.ts';
import { LiveSession } from './live-session.ts';
import { OwnRecords } from './own-records.ts';
import { within } from './patience.ts';
import { PATIENCE_MS, type SessionParts } from './session-parts.ts';
import type { SessionPool } from './session-pool.ts';
import { refKey, type SessionRef } from './session-ref.ts';
import { StoreUnavailableError } from './session-store.ts';
import type { Session } from './session.ts';

/**
 * What is to be known about a session before it is used: `existing` must be there; `create` may be new, so it is looked
 * for; `new` is expected to be new (its id is random or derived), so a commit that creates it is tried without looking.
 */
export type OpenMode = 'existing' | 'create' | 'new';

/** Brings sessions that are not in memory from the store into the pool: one load in flight per session. */
export class SessionLoader {
  readonly #parts: SessionParts;
  readonly #pool: SessionPool;
  readonly #marks: AnswerMarks;
  readonly #onIdle = (session: LiveSession): void => {
    this.#pool.retreat(session);
  };
  readonly #loading = new Map<string, Promise<LiveSession | undefined>>();

  constructor(parts: SessionParts, pool: SessionPool, marks: AnswerMarks) {
    this.#parts = parts;
    this.#pool = pool;
    this.#marks = marks;
  }

  /**
   * A session that is expected to be new, and that nobody is looking for: it needs no look at the store.
   *
   * @param key of the session
   * @returns undefined when it has to be loaded @throws {ProtocolError} RESOURCE_EXHAUSTED
   */
  begin(ref: SessionRef, key: string, mode: OpenMode): LiveSession | undefined {
    if (mode !== 'new' || this.#loading.has(key) || this.#marks.beforeRead(ref, key) !== undefined)
      return undefined;
    this.#parts.counters.cache('miss');
    this.#pool.checkRoom(this.#loading.size);
    return this.#pool.settleOn(key, this.#fresh(ref, key));
  }

  /** @throws {ProtocolError} STORE_UNAVAILABLE, RESOURCE_EXHAUSTED @throws {SessionDamagedError} */
  async load(ref: SessionRef, mode: OpenMode): Promise<LiveSession | undefined> {
    const key = refKey(ref);
    this.#parts.counters.cache('miss');
    let loading = this.#loading.get(key);
    if (loading === undefined) {
      this.#pool.checkRoom(this.#loading.size);
      const find = () => (mode === 'new' ? this.#fresh(ref) : this.#read(ref));
      loading = this.#afterMarks(ref, find).finally(() => {
        this.#loading.delete(key);
      });
      this.#loading.set(key, loading);
    }
    try {
      const loaded = await loading;
      return this.#pool.settleOn(key, loaded ?? (mode === 'existing' ? undefined : this.#fresh(ref)));
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      if (mode === 'existing') throw storeUnavailable(error);
      // Provisional: created in the store later, and rebased when somebody else has done so meanwhile.
      const provisional = this.#fresh(ref);
      provisional.stopWaiting();
      return this.#pool.settleOn(key, provisional);
    }
  }

  /** A read that has to wait for marks to be written waits no longer with them than without. */
  #afterMarks<T>(ref: SessionRef, find: () => T | Promise<T>): Promise<T> {
    const { clock } = this.#parts;
    const isMarked = this.#marks.beforeRead(ref);
    if (isMarked === undefined) return Promise.resolve().then(find);
    return within(clock, clock.mono() + PATIENCE_MS, isMarked.then(find));
  }

  /** Waits until what is being read now has been read. Never throws. */
  async settled(ref: SessionRef): Promise<void> {
    await this.#loading.get(refKey(ref))?.catch(() => undefined);
  }

  /**
   * A session as the store has it now, for one look: it stays out of memory afterwards, and its life is not renewed.
   *
   * @throws {StoreUnavailableError} @throws {SessionDamagedError}
   */
  async glance(ref: SessionRef): Promise<Session | undefined> {
    // What is missing in it is for the one in the pool to offer again.
    const own = new OwnRecords({ maxBytes: 0, mono: () => 0 });
    const session = new LiveSession({ ...this.#parts, own }, ref, () => undefined);
    return (await session.refresh()) ? session.view : undefined;
  }

  #fresh(ref: SessionRef, key?: string): LiveSession {
    return new LiveSession(this.#parts, ref, this.#onIdle, key);
  }

  async #read(ref: SessionRef): Promise<LiveSession | undefined> {
    const session = this.#fresh(ref);
    const { ttlMs, ttlRefresh, clock, counters } = this.#parts;
    const since = clock.mono();
    const isThere = await session.refresh(ttlRefresh === 'access' ? ttlMs : undefined);
    if (isThere) {
      counters.rehydrated(clock.mono() - since);
      this.#parts.log('session_rehydrated', { ...ref, head: session.view.head });
    }
    return isThere || session.knowsTombstone ? session : undefined;
  }
}
