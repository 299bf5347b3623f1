import type { DurationMs } from '../../protocol/units.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { LeftSession, type SessionDoor } from './left-session.ts';
import type { KeptChange, KeptSession } from './outage-journal.ts';
import type { AcknowledgedChange } from './own-records.ts';
import { contradicts, parsePlace } from './record-place.ts';
import type { SessionParts } from './session-parts.ts';
import { refKey, type SessionRef } from './session-ref.ts';
import { SessionDamagedError, StoreUnavailableError, type Cursor } from './session-store.ts';

/** A session in which something was stored within the last minute, and where it stood then. */
interface StoredLately {
  readonly ref: SessionRef;
  readonly cursor: Cursor;
}

/** Sessions looked at side by side. */
const CONCURRENCY = 32;

/**
 * What has to be looked at once when the store answers again, and when a process starts: what the store may have lost, and
 * what an earlier process has left in the outage journal.
 */
export class AfterOutage {
  readonly #parts: SessionParts;
  readonly #door: SessionDoor;

  constructor(parts: SessionParts, door: SessionDoor) {
    this.#parts = parts;
    this.#door = door;
  }

  /** Takes up what an earlier process has acknowledged and not stored: from now on it is pending here. Never rejects. */
  async takeUpLeft(): Promise<void> {
    const { outage, log } = this.#parts;
    if (outage === undefined) return;
    const bySession = new Map<string, KeptSession[]>();
    const left = await outage.left();
    for (const kept of left) {
      const key = refKey(kept.ref);
      bySession.set(key, [...(bySession.get(key) ?? []), kept]);
    }
    let records = 0;
    for (const several of bySession.values()) records += await this.#takeUp(several);
    if (left.length > 0) log('outage_journal_read', { sessions: bySession.size, records });
  }

  /** @param several what instances have left of one session */
  async #takeUp(several: readonly KeptSession[]): Promise<number> {
    // One process after the other had the folder.
    const inOrder = several.toSorted((a, b) => a.turn - b.turn);
    let records = 0;
    const begun: AcknowledgedChange[] = [];
    for (const { ref, base, changes } of inOrder) {
      const young = this.#young(ref, changes);
      if (base.epoch === '') begun.push(...young);
      else records += new LeftSession(this.#parts, this.#door, ref, base.epoch, young).wait();
    }
    const last = inOrder.findLast(({ base }) => base.epoch === '');
    if (last === undefined || begun.length === 0) return records;
    // Begun while the store was away: all there is of it is here.
    const session = await this.#door.open(last.ref, 'new');
    if (session === undefined) return records;
    const { createEpoch } = inOrder.findLast(({ base }) => base.createEpoch !== '')?.base ?? last.base;
    records += session.takeUp(begun, { ...last.base, createEpoch });
    this.#door.release(session);
    return records;
  }

  /** What has not outlived its TTL, by the wall clock: no other tells the age of what another process did. */
  #young(ref: SessionRef, changes: readonly KeptChange[]): AcknowledgedChange[] {
    const { clock, ttlMs, outage, log, counters } = this.#parts;
    const [now, mono] = [clock.now(), clock.mono()];
    const young: AcknowledgedChange[] = [];
    let expired = 0;
    for (const { records, at, slides, decidedOn } of changes) {
      const ageMs = Math.max(0, now - at);
      if (ageMs < ttlMs) {
        young.push({ records, slides, since: mono - ageMs, decidedOn });
        continue;
      }
      expired += records.length;
      if (records[0] !== undefined) outage?.release(ref, records[0].identity);
    }
    if (expired > 0) {
      log('records_dropped', { ...ref, records: expired, why: 'expired' });
      counters.dropped(expired, 'expired');
    }
    return young;
  }

  /**
   * Looks whether the store still has what was stored here within the last minute: whoever was promoted may have lagged.
   * What is missing is then offered once more. One read for each session. Never rejects.
   *
   * @param backAt monotonic moment: what was stored since then is in the store as it is now
   * @returns whether all of them were looked at
   */
  async lookForLost(backAt: DurationMs): Promise<boolean> {
    const sessions = [...this.#parts.own.sessions(backAt)];
    // Those in memory first: whoever has to be loaded needs their room.
    const areHere = await sideBySide(sessions, (session) =>
      this.#try(session, () => this.#lookHere(session)),
    );
    const areThere = await sideBySide(sessions, (session) =>
      this.#try(session, () => this.#lookThere(session)),
    );
    return areHere && areThere;
  }

  /** @returns whether that is settled */
  async #try({ ref }: StoredLately, look: () => Promise<void>): Promise<boolean> {
    if (this.#parts.isAway()) return false;
    try {
      await look();
      return true;
    } catch (error) {
      if (error instanceof SessionDamagedError) return true;
      const isKnown = error instanceof StoreUnavailableError || error instanceof ProtocolError;
      if (!isKnown) this.#parts.log('session_persist_failed', { ...ref }, error);
      return !isKnown;
    }
  }

  async #lookHere({ ref }: StoredLately): Promise<void> {
    const session = this.#door.inMemory(ref);
    if (session === undefined) return;
    try {
      await session.refresh();
    } finally {
      this.#door.release(session);
    }
  }

  /** One that has left memory is loaded only when something in it is missing. */
  async #lookThere({ ref, cursor }: StoredLately): Promise<void> {
    const held = this.#door.inMemory(ref);
    if (held !== undefined) {
      this.#door.release(held);
      return;
    }
    const read = await this.#parts.store.read(ref, cursor);
    if (!read.found || read.cursor.epoch !== cursor.epoch) {
      this.#parts.own.forget(ref);
      return;
    }
    const w = parsePlace(cursor.w);
    const isOther = w !== undefined && contradicts({ head: cursor.head, w }, read.tail, read.cursor);
    if (read.after >= cursor.head && !isOther) return;
    const session = await this.#door.open(ref, 'existing');
    if (session !== undefined) this.#door.release(session);
  }
}

/** @returns whether every one of them is settled */
async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<boolean>): Promise<boolean> {
  let areSettled = true;
  const next = items.values();
  const worker = async (): Promise<void> => {
    for (const item of next) if (!(await work(item))) areSettled = false;
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, worker));
  return areSettled;
}
