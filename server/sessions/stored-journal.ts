import type { DurationMs } from '../../protocol/units.ts';
import { AnsweredMessages } from './answered-messages.ts';
import { LayeredMap } from './layered.ts';
import { RecentRecords } from './recent-records.ts';
import { Compaction } from './compaction.ts';
import { fromStoredJson, saysIdentity } from './stored-json.ts';
import { toDecided, type DecidedRecord, type Identity, type JournalRecord } from './records.ts';
import { Session } from './session.ts';
import { take } from './session-weight.ts';
import { contradicts, differ, parsePlace } from './record-place.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import type { Cursor, DerivedState, Expiry, JournalSnapshot, JournalTail } from './session-store.ts';

const NOT_DERIVED: DerivedState = { serves: '', answered: false };

/**
 * What came of taking in a tail. `superseded`: the session has ended or begun anew here meanwhile; `diverged`: the store
 * went back behind what is here.
 */
export type Absorbed = 'there' | 'gone' | 'diverged' | 'superseded';

/** The stored layer of a session: the fold up to the head, and what the store says beside the journal. */
export class StoredJournal {
  readonly #parts: SessionParts;
  readonly #ref: SessionRef;
  session: Session;
  /** Monotonic moment, rounded down, at which the copy is no longer to be trusted: the store's own remaining life. */
  expiresAt: DurationMs;
  /** Record numbers of user messages whose answer was delivered. */
  readonly answered = new AnsweredMessages();
  derived: DerivedState = NOT_DERIVED;
  /** Monotonic moment at which this process delivered the answer to the derived message; 0: it has not. */
  #derivedDeliveredAt: DurationMs = 0;
  /** For those who follow the session: made for the first of them. */
  #recent: RecentRecords | undefined = undefined;
  /** Counts how often the fold was begun anew: what was read before is then of another one. */
  generation = 0;
  /** Counts what was taken in from the store: what was decided before stood on less. */
  takenIn = 0;
  /** The store said that the session is gone, and it has not begun again since. */
  hasEnded = false;
  /** The store was found to have gone back behind this session: cursors of clients may name other records since. */
  hasGoneBack = false;
  /** False while the journal is read from its first record. */
  #isWhole = true;
  /** By instance: its last seq that stands in the journal. Its records stand there in the order of seq. */
  #seqs = new LayeredMap<string, number>();
  /** Numbers of records that were. Absent while there are none. */
  #reported: Set<number> | undefined = undefined;
  /** Records of this instance that came as others' do, by tail: it may be that nobody here knows that they were stored. */
  #found: DecidedRecord[][] | undefined = undefined;
  /** Whose the record at the head is was made out from what stands in front of it, across one that is not there. */
  #isGuessed = false;
  /** Made when a record says that others may be missing, or one is. */
  #compaction: Compaction | undefined = undefined;

  constructor(parts: SessionParts, ref: SessionRef) {
    this.#parts = parts;
    this.#ref = ref;
    this.session = new Session(ref, '');
    this.expiresAt = Math.floor(parts.clock.mono() + parts.ttlMs);
  }

  get recent(): RecentRecords {
    return (this.#recent ??= new RecentRecords());
  }
  /** Nobody changes the session at the moment: what is made again when it is needed takes no memory until then. */
  rest(): void {
    if (this.#recent?.isFollowed === false) this.#recent = undefined;
    this.session.rest();
  }

  /** Forgets everything. */
  reset(epoch: string): void {
    this.session = new Session(this.#ref, epoch);
    this.#recent?.clear();
    this.#isGuessed = false;
    this.generation += 1;
    this.hasEnded = false;
    this.hasGoneBack = false;
    this.#seqs = new LayeredMap();
    this.answered.clear();
    this.#derivedDeliveredAt = 0;
    this.derived = NOT_DERIVED;
    this.#reported = undefined;
    this.#compaction?.clear();
  }

  /** There is no such session any more. */
  end(): void {
    this.reset('');
    this.hasEnded = true;
    this.#isWhole = true;
  }

  /** Takes the place of what is here: the same session, read anew beside it. */
  adopt(other: StoredJournal): void {
    const { epoch, exists } = this.session;
    const isSame = epoch === other.session.epoch;
    if (exists || !isSame) this.generation += 1;
    if (!isSame) this.#derivedDeliveredAt = 0;
    this.session = other.session;
    this.expiresAt = other.expiresAt;
    this.#recent?.clear(other.session.head);
    this.hasEnded = false;
    this.#isWhole = true;
    this.#seqs = new LayeredMap();
    for (const [instance, seq] of other.#seqs.entries()) this.#seqs.set(instance, seq);
    this.answered.adopt(other.answered, isSame);
    const { serves, answered } = this.derived;
    if (!(isSame && answered && serves === other.derived.serves)) this.derived = other.derived;
    this.#isGuessed = other.#isGuessed;
    this.#reported = other.#reported && new Set(other.#reported);
    this.#compaction?.clear();
  }

  /** Followers have to begin with what the session is now. */
  beginAnew(): void {
    this.generation += 1;
  }
  /** The answer to a user message was delivered by this process, now. */
  noteAnswered(message: number): void {
    this.answered.deliver(message, this.#parts.clock.mono());
  }
  /** The same for the message from which the session was derived. */
  noteDerivedAnswered(): void {
    if (!this.derived.answered) this.#derivedDeliveredAt = this.#parts.clock.mono();
    this.derived = { ...this.derived, answered: true };
  }

  /**
   * Whether a message had been answered when somebody asked. An answer that was delivered here only after that was in
   * flight at the same time.
   *
   * @param message its record number; 0: the one from which the session was derived
   */
  wasAnswered(message: number, askedAt: DurationMs): boolean {
    if (message !== 0) return this.answered.wasBy(message, askedAt);
    return this.derived.answered && this.#derivedDeliveredAt <= askedAt;
  }

  /** @returns the last seq of an instance that stands in the journal; 0 when none does */
  seqOf(instance: string): number {
    return this.#seqs.get(instance) ?? 0;
  }

  /** Whether a record stands in the journal: it must not be offered again. */
  has({ instance, seq }: Identity): boolean {
    return seq <= this.seqOf(instance);
  }

  /** The store says that an instance's records up to a seq stand in the journal. */
  noteStored({ instance, seq }: Identity): void {
    this.#seqs.set(instance, Math.max(seq, this.seqOf(instance)));
  }

  /** Applies what a commit of this instance stored behind `head`; a read may have brought some of it already. */
  applyOwn(head: number, records: readonly DecidedRecord[]): void {
    if (head === 0) this.#isWhole = true;
    let n = head;
    let before: DecidedRecord | undefined;
    for (const record of records) {
      n += 1;
      const { identity, body, bytes } = record;
      this.noteStored(identity);
      const says = saysIdentity(record, before);
      before = record;
      if (n === this.session.head + 1) this.#apply({ n, identity, body, skippable: false, bytes, says });
    }
    this.#compaction?.deleteSuperfluous(this.session.epoch);
  }

  /** Takes out the records of this instance that tails have brought, each list of one commit's length at most. */
  takeFound(): DecidedRecord[][] {
    const found = this.#found;
    this.#found = undefined;
    return found ?? [];
  }

  /** What a commit that was sent at a moment has done to the life of the session. */
  livesOn(expiry: Expiry, sentAt: DurationMs): void {
    const until = expiry.kind === 'keep' ? 0 : Math.floor(sentAt + expiry.ttlMs);
    this.expiresAt = expiry.kind === 'slide' ? until : Math.max(this.expiresAt, until);
  }

  /**
   * Applies what others stored and takes over what the store says beside the journal; reads on while there is more.
   *
   * @throws {StoreUnavailableError} @throws {SessionDamagedError} when reading on
   */
  async absorb(tail: JournalTail, snapshot: JournalSnapshot, readAt: DurationMs): Promise<Absorbed> {
    const { session } = this;
    const { head, w } = session;
    if (w !== undefined && !this.#isGuessed && contradicts({ head, w }, tail, snapshot.cursor))
      return 'diverged';
    // Marks of messages that waited for the store: others have their numbers now.
    this.answered.dropBehind(this.session.head);
    let next: { tail: JournalTail; snapshot: JournalSnapshot } = { tail, snapshot };
    for (;;) {
      if (session.head === 0) this.#isWhole = false;
      const fits = this.#applyTail(next.tail.records);
      if (head > 0 && this.#isElsewhere(next.snapshot.cursor)) return 'diverged';
      this.#takeSnapshot(next.snapshot, readAt);
      if (fits && !next.tail.more) {
        this.#isWhole = true;
        for (const n of this.#compaction?.takeLost(this.session) ?? []) {
          this.#reportDamage(n, 'missing');
          this.session.readOnly = true;
        }
        this.#compaction?.deleteSuperfluous(this.session.epoch);
        return 'there';
      }
      const asked = session.cursor;
      const read = await this.#parts.store.read(this.#ref, asked);
      if (this.session !== session) return 'superseded';
      // Another epoch is another session: what waits here is not for it.
      if (!read.found || read.cursor.epoch !== session.epoch) return 'gone';
      // Not than where this copy stands by now: somebody else may have been reading on as well.
      if (read.after < asked.head) return 'diverged';
      next = { tail: read.tail, snapshot: read };
    }
  }

  /** @returns false when a record between the head that is here and the tail is missing */
  #applyTail(records: JournalTail['records']): boolean {
    let found: DecidedRecord[] | undefined;
    for (const { n, json } of records) {
      if (n <= this.session.head) continue;
      if (n !== this.session.head + 1) return false;
      this.takenIn += 1;
      const record = fromStoredJson(n, json, this.session.w);
      if (record === undefined) {
        if (json === null) {
          this.#compacting().isMissing(n);
          this.session.applyMissing(n);
        } else {
          this.#reportDamage(n, 'not a readable record');
          this.session.applyDamaged(n);
        }
        // Whose it was is not known: a guess may be what waits here, which would count as stored and be lost.
        this.#isGuessed = true;
        this.#recent?.push(n, undefined);
        continue;
      }
      if (record.body === undefined && !record.skippable) this.#reportDamage(n, 'unknown record type');
      this.#apply(record);
      if (this.#isGuessed) continue;
      if (this.#isWhole && record.body !== undefined && record.identity.instance === this.#parts.instance) {
        if (found === undefined) (this.#found ??= []).push((found = []));
        found.push(toDecided(record.identity, record.body));
      }
      if (this.session.w !== undefined) this.noteStored(this.session.w);
    }
    return true;
  }

  #apply(record: JournalRecord): void {
    const freed = take(this.session, record);
    if (record.says === true) this.#isGuessed = false;
    // Of others' only what is met again when the session is loaded: whoever wrote it may not have come to deleting.
    const { body, identity } = record;
    if (body?.t === 'compacted' && (!this.#isWhole || identity.instance === this.#parts.instance))
      this.#compacting().applied(body, freed);
    this.#recent?.push(record.n, record);
  }

  #compacting(): Compaction {
    return (this.#compaction ??= new Compaction(this.#parts, this.#ref));
  }

  /** The store stands at the same number, and not where this copy does. A journal from its first record is as it is. */
  #isElsewhere(cursor: Cursor): boolean {
    const [here, there] = [this.session.w, parsePlace(cursor.w)];
    if (cursor.head !== this.session.head || here === undefined || there === undefined) return false;
    return !this.#isGuessed && differ(here, there);
  }

  #takeSnapshot(snapshot: JournalSnapshot, readAt: DurationMs): void {
    if (this.session.head === snapshot.cursor.head) {
      const place = parsePlace(snapshot.cursor.w);
      if (this.#isGuessed && place !== undefined) this.noteStored(place);
      this.session.w = place ?? this.session.w;
      this.#isGuessed = false;
    }
    this.expiresAt = Math.floor(readAt + snapshot.remainingMs);
    for (const n of snapshot.answered) this.answered.add(n);
    if (!this.derived.answered || this.derived.serves !== snapshot.derived.serves)
      this.derived = snapshot.derived;
  }

  /** Once per record and copy in memory, not once per read. */
  #reportDamage(n: number, what: string): void {
    if (this.#reported?.has(n) === true) return;
    (this.#reported ??= new Set<number>()).add(n);
    this.#parts.counters.damaged();
    const key = this.#parts.store.keyOf(this.#ref);
    this.#parts.log('record_damaged', { ...this.#ref, key, field: String(n), what });
  }
}
