import { LRUCache } from 'lru-cache';
import type { Bytes, DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from './live-session.ts';
import { weightOf } from './session-weight.ts';

/** Sessions that nobody uses at the moment: bounded by count and by bytes, each until its store expiry and no longer. */
export class SessionCache {
  readonly #cache: LRUCache<string, LiveSession>;
  readonly #mono: () => DurationMs;

  constructor(bounds: { maxSessions: number; maxBytes: Bytes }, mono: () => DurationMs, onEvict: () => void) {
    this.#mono = mono;
    this.#cache = new LRUCache({
      max: bounds.maxSessions,
      maxSize: bounds.maxBytes,
      sizeCalculation: ({ journal }) => weightOf(journal.session),
      // lru-cache takes a ttl of 0 for "never": an entry is put in only while it has life left.
      ttl: 1,
      ttlResolution: 0,
      perf: { now: mono },
      dispose: (_session, _key, reason) => {
        if (reason === 'evict') onEvict();
      },
    });
  }

  get size(): number {
    return this.#cache.size;
  }
  get bytes(): Bytes {
    return this.#cache.calculatedSize;
  }

  /** Takes a session out, because somebody is about to use it. */
  take(key: string): LiveSession | undefined {
    const session = this.#cache.get(key);
    if (session !== undefined) this.#cache.delete(key);
    return session;
  }

  /** Looks without taking it out, and without making it more recent. */
  peek(key: string): LiveSession | undefined {
    return this.#cache.peek(key);
  }

  /** Puts a session in, newly weighed. */
  put(key: string, session: LiveSession): void {
    const remainingMs = Math.ceil(session.journal.expiresAt - this.#mono());
    if (remainingMs > 0 && session.journal.session.exists)
      this.#cache.set(key, session, { ttl: remainingMs });
  }

  all(): LiveSession[] {
    return [...this.#cache.values()];
  }

  drop(key: string): void {
    this.#cache.delete(key);
  }

  /** Expired sessions go when they are met, and here. */
  purge(): void {
    this.#cache.purgeStale();
  }

  clear(): void {
    this.#cache.clear();
  }
}
