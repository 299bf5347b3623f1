import type { DurationMs } from '../../protocol/units.ts';
import { readSpace, spaceOf } from '../security/space.ts';
import type { CarriedOut, ErasureOrder, ErasureTarget } from './erasure-store.ts';
import type { Housekeeping } from './housekeeping.ts';
import type { LiveSession } from './live-session.ts';
import type { SessionLoader } from './session-loader.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionPool } from './session-pool.ts';
import { refKey, type SessionRef } from './session-ref.ts';
import { SessionDamagedError, StoreUnavailableError } from './session-store.ts';

/** Sessions asked after side by side. */
const CONCURRENCY = 32;
/** Whoever has given an order waits no longer for an answer. */
const ANSWER_WITHIN_MS: DurationMs = 60_000;

async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const next = items.values();
  const worker = async (): Promise<void> => {
    for (const item of next) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, worker));
}

/** What cannot be read is there: one such session must not keep all others from being stored. */
async function unlessDamaged(isThere: () => Promise<boolean>): Promise<boolean> {
  try {
    return await isThere();
  } catch (error) {
    if (error instanceof SessionDamagedError) return true;
    throw error;
  }
}

/** Whether sessions at a ref may be meant: where sessions are a tenant's, whose one is does not show. */
export function isPlaceOf({ tenant, subject, sessionId }: ErasureTarget, ref: SessionRef): boolean {
  if (sessionId !== undefined && sessionId !== ref.sessionId) return false;
  const place = readSpace(ref.tenant);
  if (place.tenant !== tenant) return false;
  return (
    subject === undefined ||
    place.subject === undefined ||
    ref.tenant === spaceOf('subject', { tenant, subject })
  );
}

/**
 * Carries out in this instance what was erased in the store: what is held here of the sessions, in memory and in the outage
 * journal, is given up. Orders come with the beat, with a nudge, and are looked for before anything that waits is stored.
 */
export class Erasures {
  readonly #parts: SessionParts;
  readonly #pool: SessionPool;
  readonly #loader: SessionLoader;
  readonly #housekeeping: Housekeeping;
  /** The newest that was carried out. */
  #done = 0;
  #looking: Promise<boolean> | undefined;
  /** Heard of while it was looking. */
  #isDue = false;
  /** It was told that it cannot be done. */
  #hasFailed = false;

  constructor(parts: SessionParts, pool: SessionPool, loader: SessionLoader, housekeeping: Housekeeping) {
    this.#parts = parts;
    this.#pool = pool;
    this.#loader = loader;
    this.#housekeeping = housekeeping;
  }

  /** @param newest number of the newest order; absent: there is a new one */
  heard(newest = Infinity): void {
    // A lower one: the store went back, and what is ordered since is numbered from there.
    if (newest > 0 && newest !== this.#done) void this.look();
  }

  /** Carries out every order that was not yet. Never rejects. @returns whether all that there are have been */
  look(): Promise<boolean> {
    this.#isDue = true;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<boolean> {
    try {
      while (this.#isDue) {
        this.#isDue = false;
        for (const order of await this.#parts.store.erasuresAfter(this.#done)) {
          await this.#answer(order, await this.#carryOut(order));
          this.#done = order.number;
          // There may be more than one answer has room for.
          this.#isDue = true;
        }
      }
      this.#hasFailed = false;
      return true;
    } catch (error) {
      // The next beat that comes through says it again.
      const isNews = !this.#hasFailed && !(error instanceof StoreUnavailableError);
      if (isNews) this.#parts.log('erasure_failed', {}, error);
      this.#hasFailed ||= isNews;
      return false;
    }
  }

  async #answer({ number, ageMs, target }: ErasureOrder, what: CarriedOut): Promise<void> {
    const { store, instance, log } = this.#parts;
    const isAwaited = ageMs < ANSWER_WITHIN_MS;
    // A process that begins finds all that are kept, and has nothing of them.
    if (!isAwaited && what.sessions + what.records === 0) return;
    log('erasure_carried_out', { ...target, number, ...what });
    if (isAwaited) await store.erasureCarriedOut(number, instance, what);
  }

  /** May be repeated. @throws {StoreUnavailableError} */
  async #carryOut({ target, ageMs }: ErasureOrder): Promise<CarriedOut> {
    const { clock, pending, own, store, outage } = this.#parts;
    const before = clock.mono() - ageMs;
    const waiting = pending.records;
    if (target.sessionId === undefined)
      this.#housekeeping.forget((tenant) => isPlaceOf(target, { tenant, sessionId: '' }));
    for (const left of [...pending.sessions])
      if (this.#pool.inUse(refKey(left.ref)) !== left && isPlaceOf(target, left.ref)) await left.replay();
    let sessions = 0;
    await sideBySide(
      this.#pool.all().filter(({ ref }) => isPlaceOf(target, ref)),
      async (session) => {
        if (await this.#isGone(session, target, before)) sessions += 1;
      },
    );
    // Those that have left memory since, and are kept in case the store goes back.
    await sideBySide(
      [...own.sessions(Infinity)].filter(({ ref }) => isPlaceOf(target, ref)),
      async ({ ref, cursor }) => {
        if (!(await unlessDamaged(async () => (await store.read(ref, cursor)).found))) own.forget(ref);
      },
    );
    const records = Math.max(0, waiting - pending.records);
    if (records > 0) await outage?.overwrite();
    return { sessions, records };
  }

  /** @param before monotonic moment of the order */
  async #isGone({ key }: LiveSession, target: ErasureTarget, before: DurationMs): Promise<boolean> {
    const session = this.#pool.find(key);
    if (session === undefined) return false;
    this.#pool.pin(session);
    try {
      // Begun while the store was away: it is not there to be asked after.
      if (session.work?.giveUpBegun(target.subject, before) === true) return true;
      const existed = session.view.exists;
      return existed && !(await unlessDamaged(() => session.refresh()));
    } finally {
      this.#pool.release(session);
    }
  }

  /** A session was removed from the store: takes it out of memory, and lets those who use it learn of it. */
  async removed(ref: SessionRef): Promise<void> {
    const key = refKey(ref);
    // What is being read now may have been read before.
    await this.#loader.settled(ref);
    const inUse = this.#pool.inUse(key);
    if (inUse === undefined) {
      this.#pool.cache.drop(key);
      return;
    }
    this.#pool.pin(inUse);
    try {
      await inUse.refresh();
    } catch (error) {
      // It is removed all the same: its next commit will say so.
      if (!(error instanceof StoreUnavailableError)) throw error;
    } finally {
      this.#pool.release(inUse);
    }
  }
}
