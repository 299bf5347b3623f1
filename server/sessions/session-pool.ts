import { ProtocolError } from '../../protocol/errors.ts';
import type { Bytes, DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from './live-session.ts';
import { SessionCache } from './session-cache.ts';
import type { SessionCounters } from './session-parts.ts';

/** How long damage is taken as it was found. */
const LOOK_AGAIN_MS: DurationMs = 60_000;

export interface SessionPoolOptions {
  /** `maxSessions` bounds those in use too, apart from those that only wait for the store. */
  readonly bounds: { readonly maxSessions: number; readonly maxBytes: Bytes };
  readonly mono: () => DurationMs;
  readonly counters: Pick<SessionCounters, 'cache' | 'evicted'>;
}

/**
 * The sessions in memory, by their keys: one object per session, those in use pinned, the others in an LRU.
 */
export class SessionPool {
  readonly cache: SessionCache;
  readonly #maxInUse: number;
  readonly #mono: () => DurationMs;
  readonly #counters: SessionPoolOptions['counters'];
  readonly #inUse = new Map<string, LiveSession>();
  /** Sessions somebody holds; those that only wait for the store are bounded by the ledger. */
  #used = 0;

  constructor({ bounds, mono, counters }: SessionPoolOptions) {
    this.#maxInUse = bounds.maxSessions;
    this.#mono = mono;
    this.#counters = counters;
    this.cache = new SessionCache(bounds, mono, () => {
      counters.evicted();
    });
  }

  get stats(): { inUse: number; cached: number; cachedBytes: Bytes } {
    const { size: cached, bytes: cachedBytes } = this.cache;
    return { inUse: this.#inUse.size, cached, cachedBytes };
  }

  /** Of all sessions in memory. */
  all(): LiveSession[] {
    return [...this.#inUse.values(), ...this.cache.all()];
  }

  inUse(key: string): LiveSession | undefined {
    return this.#inUse.get(key);
  }

  /** One in use, or out of the LRU; to be pinned by the caller. */
  find(key: string): LiveSession | undefined {
    const inUse = this.#inUse.get(key);
    if (inUse !== undefined) return inUse;
    const session = this.cache.take(key);
    if (session === undefined || !this.#isGood(session)) return undefined;
    this.#counters.cache('hit');
    return session;
  }

  /** A look that changes nothing, neither pins nor what is evicted next. */
  peek(key: string): LiveSession | undefined {
    const session = this.#inUse.get(key) ?? this.cache.peek(key);
    return session !== undefined && this.#isGood(session) && !session.isDamaged ? session : undefined;
  }

  #isGood(session: LiveSession): boolean {
    // A session that could not be read in full may have been repaired since.
    const isOld = session.view.readOnly && this.#mono() - session.since > LOOK_AGAIN_MS;
    return !session.isExpired && !isOld;
  }

  /** @param loading how many are on their way @throws {ProtocolError} RESOURCE_EXHAUSTED */
  checkRoom(loading: number): void {
    if (this.#used + loading < this.#maxInUse) return;
    throw new ProtocolError('RESOURCE_EXHAUSTED', {
      message: 'too many sessions are in use',
      httpStatus: 503,
      retryAfterMs: 1_000,
    });
  }

  /** Of several who looked for a session at once the first decides which object it is. */
  settleOn(key: string, session: LiveSession | undefined): LiveSession | undefined {
    const present = this.#inUse.get(key);
    if (present === undefined && session !== undefined) this.#inUse.set(key, session);
    return present ?? session;
  }

  pin(session: LiveSession): void {
    session.uses += 1;
    if (session.uses > 1) return;
    this.#used += 1;
    this.#inUse.set(session.key, session);
  }

  release(session: LiveSession): void {
    session.uses -= 1;
    if (session.uses > 0) return;
    this.#used -= 1;
    if (!session.isPending) this.retreat(session);
  }

  /** Nobody uses it any more: into the LRU, newly weighed. */
  retreat(session: LiveSession): void {
    const { key } = session;
    session.rest();
    if (this.#inUse.get(key) !== session) return;
    this.#inUse.delete(key);
    if (!session.isDamaged) this.cache.put(key, session);
  }
}
