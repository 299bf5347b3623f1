import type { DurationMs } from '../../protocol/units.ts';
import { fromStoredJson, parseIdentity, type DecidedRecord } from './records.ts';
import { Session } from './session.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import type { DerivedState, JournalSnapshot, JournalTail } from './session-store.ts';

const NOT_DERIVED: DerivedState = { serves: '', answered: false };

/** The stored layer of a session: the fold up to the head, and what the store says beside the journal. */
export class StoredJournal {
  readonly #parts: SessionParts;
  readonly #ref: SessionRef;
  session: Session;
  /** Last seq of this instance that is in the store: anything up to it must not be offered again. */
  ownSeq = 0;
  /** Monotonic moment at which the memory copy is no longer to be trusted: the store's own remaining life. */
  expiresAt: DurationMs;
  /** Record numbers of user messages whose answer was delivered. */
  readonly answered = new Set<number>();
  derived: DerivedState = NOT_DERIVED;
  readonly #reported = new Set<number>();

  constructor(parts: SessionParts, ref: SessionRef) {
    this.#parts = parts;
    this.#ref = ref;
    this.session = new Session(ref, '');
    this.expiresAt = parts.clock.mono() + parts.ttlMs;
  }

  /** Forgets everything; `ownSeq` stays, because a seq is never used twice. */
  reset(epoch: string): void {
    this.session = new Session(this.#ref, epoch);
    this.answered.clear();
    this.derived = NOT_DERIVED;
    this.#reported.clear();
  }

  /** Applies what a commit of this instance stored behind `head`; a read may have brought some of it already. */
  applyOwn(head: number, records: readonly DecidedRecord[]): void {
    records.forEach((record, i) => {
      const n = head + 1 + i;
      this.ownSeq = Math.max(this.ownSeq, record.identity.seq);
      if (n === this.session.head + 1) {
        this.session.apply({
          n,
          identity: record.identity,
          body: record.body,
          skippable: false,
          bytes: record.bytes,
        });
      }
    });
  }

  /**
   * Applies what others stored and takes over what the store says beside the journal; reads on while there is more.
   *
   * @returns whether the session is still there
   * @throws {StoreUnavailableError} @throws {SessionDamagedError} when reading on
   */
  async absorb(tail: JournalTail, snapshot: JournalSnapshot, readAt: DurationMs): Promise<boolean> {
    // Marks of messages that waited for the store: others have their numbers now.
    for (const n of this.answered) if (n > this.session.head) this.answered.delete(n);
    let next: { tail: JournalTail; snapshot: JournalSnapshot } = { tail, snapshot };
    for (;;) {
      const fits = this.#applyTail(next.tail.records);
      this.#takeSnapshot(next.snapshot, readAt);
      if (fits && !next.tail.more) return true;
      if (!fits) this.reset(next.snapshot.cursor.epoch);
      const read = await this.#parts.store.read(this.#ref, this.session.cursor);
      // Another epoch is another session: what waits here is not for it.
      if (!read.found || read.cursor.epoch !== this.session.epoch) return false;
      if (read.after < this.session.head) this.reset(read.cursor.epoch);
      next = { tail: read.tail, snapshot: read };
    }
  }

  /** @returns false when a record between the head that is here and the tail is missing */
  #applyTail(records: JournalTail['records']): boolean {
    for (const { n, json } of records) {
      if (n <= this.session.head) continue;
      if (n !== this.session.head + 1) return false;
      const before = this.session.w;
      const record = fromStoredJson(n, json, before);
      if (record === undefined) {
        this.#reportDamage(n, json === null ? 'missing' : 'not a readable record');
        this.session.applyDamaged(n, before && { instance: before.instance, seq: before.seq + 1 });
      } else {
        if (record.body === undefined && !record.skippable) this.#reportDamage(n, 'unknown record type');
        this.session.apply(record);
      }
      const w = this.session.w;
      if (w?.instance === this.#parts.instance) this.ownSeq = Math.max(this.ownSeq, w.seq);
    }
    return true;
  }

  #takeSnapshot(snapshot: JournalSnapshot, readAt: DurationMs): void {
    if (this.session.head === snapshot.cursor.head)
      this.session.w = parseIdentity(snapshot.cursor.w) ?? this.session.w;
    this.expiresAt = readAt + snapshot.remainingMs;
    for (const n of snapshot.answered) this.answered.add(n);
    if (!this.derived.answered || this.derived.serves !== snapshot.derived.serves)
      this.derived = snapshot.derived;
  }

  /** Once per record and copy in memory, not once per read. */
  #reportDamage(n: number, what: string): void {
    if (this.#reported.has(n)) return;
    this.#reported.add(n);
    this.#parts.counters.damaged();
    const { tenant, sessionId } = this.#ref;
    const key = this.#parts.store.keyOf(this.#ref);
    this.#parts.log('record_damaged', { tenant, sessionId, key, field: String(n), what });
  }
}
