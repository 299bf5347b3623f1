import type { DurationMs } from '../../protocol/units.ts';
import { RecentRecords } from './recent-records.ts';
import { Compaction } from './compaction.ts';
import { fromStoredJson, parseIdentity, saysIdentity } from './records.ts';
import type { DecidedRecord, JournalRecord } from './records.ts';
import { Session } from './session.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import type { DerivedState, Expiry, JournalSnapshot, JournalTail } from './session-store.ts';

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
  /** Monotonic moments at which this process delivered answers, by message; 0 is the one to the derived message. */
  readonly #deliveredAt = new Map<number, DurationMs>();
  /** For those who follow the session. */
  readonly recent = new RecentRecords();
  /** Counts how often the fold was begun anew: what was read before is then of another one. */
  generation = 0;
  /** The store said that the session is gone, and it has not begun again since. */
  hasEnded = false;
  /** False while a session is read in several portions: half of it is not what it is. */
  isWhole = true;
  /** By instance: its last seq that stands in the journal. Its records stand there in the order of seq. */
  readonly #seqs = new Map<string, number>();
  readonly #reported = new Set<number>();
  readonly #compaction: Compaction;

  constructor(parts: SessionParts, ref: SessionRef) {
    this.#parts = parts;
    this.#ref = ref;
    this.#compaction = new Compaction(parts, ref);
    this.session = new Session(ref, '');
    this.expiresAt = parts.clock.mono() + parts.ttlMs;
  }

  /** Forgets everything; `ownSeq` stays, because a seq is never used twice. */
  reset(epoch: string): void {
    this.session = new Session(this.#ref, epoch);
    this.recent.clear();
    this.generation += 1;
    this.hasEnded = false;
    this.#seqs.clear();
    this.answered.clear();
    this.#deliveredAt.clear();
    this.derived = NOT_DERIVED;
    this.#reported.clear();
    this.#compaction.clear();
  }

  /** There is no such session any more. */
  end(): void {
    this.reset('');
    this.hasEnded = true;
    this.isWhole = true;
  }

  /** The answer to a user message was delivered by this process, now. */
  noteAnswered(message: number): void {
    if (!this.answered.has(message)) this.#deliveredAt.set(message, this.#parts.clock.mono());
    this.answered.add(message);
  }

  /** The same for the message from which the session was derived. */
  noteDerivedAnswered(): void {
    if (!this.derived.answered) this.#deliveredAt.set(0, this.#parts.clock.mono());
    this.derived = { ...this.derived, answered: true };
  }

  /**
   * Whether a message had been answered when somebody asked. An answer that was delivered here only after that was in
   * flight at the same time.
   *
   * @param message its record number; 0: the one from which the session was derived
   */
  wasAnswered(message: number, askedAt: DurationMs): boolean {
    const isAnswered = message === 0 ? this.derived.answered : this.answered.has(message);
    return isAnswered && (this.#deliveredAt.get(message) ?? 0) <= askedAt;
  }

  /** @returns the last seq of an instance that stands in the journal; 0 when none does */
  seqOf(instance: string): number {
    return this.#seqs.get(instance) ?? 0;
  }

  /** Applies what a commit of this instance stored behind `head`; a read may have brought some of it already. */
  applyOwn(head: number, records: readonly DecidedRecord[]): void {
    if (head === 0) this.isWhole = true;
    records.forEach((record, i) => {
      const n = head + 1 + i;
      this.ownSeq = Math.max(this.ownSeq, record.identity.seq);
      const { identity, body, bytes } = record;
      const says = saysIdentity(record, records[i - 1]);
      if (n === this.session.head + 1) this.#apply({ n, identity, body, skippable: false, bytes, says });
    });
    this.#compaction.deleteSuperfluous(this.session.epoch);
  }

  /** What a commit that was sent at a moment has done to the life of the session. */
  livesOn(expiry: Expiry, sentAt: DurationMs): void {
    if (expiry.kind === 'slide') this.expiresAt = sentAt + expiry.ttlMs;
    if (expiry.kind === 'lengthen') this.expiresAt = Math.max(this.expiresAt, sentAt + expiry.ttlMs);
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
      if (this.session.head === 0) this.isWhole = false;
      const fits = this.#applyTail(next.tail.records);
      this.#takeSnapshot(next.snapshot, readAt);
      if (fits && !next.tail.more) {
        this.isWhole = true;
        for (const n of this.#compaction.takeLost(this.session)) {
          this.#reportDamage(n, 'missing');
          this.session.readOnly = true;
        }
        this.#compaction.deleteSuperfluous(this.session.epoch);
        return true;
      }
      if (this.session.epoch !== next.snapshot.cursor.epoch) this.reset(next.snapshot.cursor.epoch);
      const asked = this.session.cursor;
      const read = await this.#parts.store.read(this.#ref, asked);
      // Another epoch is another session: what waits here is not for it.
      if (!read.found || read.cursor.epoch !== this.session.epoch) return false;
      // Not than where this copy stands by now: somebody else may have been reading on as well.
      if (read.after < asked.head) this.reset(read.cursor.epoch);
      next = { tail: read.tail, snapshot: read };
    }
  }

  /** @returns false when a record between the head that is here and the tail is missing */
  #applyTail(records: JournalTail['records']): boolean {
    for (const { n, json } of records) {
      if (n <= this.session.head) continue;
      if (n !== this.session.head + 1) return false;
      if (json === null) {
        // Whose it was is not known, and is not to be taken for ours.
        this.#compaction.isMissing(n);
        this.session.applyMissing(n);
        this.recent.push(n, undefined);
        continue;
      }
      const record = fromStoredJson(n, json, this.session.w);
      if (record === undefined) {
        this.#reportDamage(n, 'not a readable record');
        this.session.applyDamaged(n);
        this.recent.push(n, undefined);
      } else {
        if (record.body === undefined && !record.skippable) this.#reportDamage(n, 'unknown record type');
        this.#apply(record);
      }
      const w = this.session.w;
      if (w?.instance === this.#parts.instance) this.ownSeq = Math.max(this.ownSeq, w.seq);
    }
    return true;
  }

  #apply(record: JournalRecord): void {
    const { bytes } = this.session;
    this.session.apply(record);
    // Of others' only what is met again when the session is loaded: whoever wrote it may not have come to deleting.
    if (!this.isWhole || record.identity.instance === this.#parts.instance)
      this.#compaction.applied(record, bytes + record.bytes - this.session.bytes);
    this.recent.push(record.n, record);
    this.#seqs.set(record.identity.instance, record.identity.seq);
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
