import { randomBytes } from 'node:crypto';
import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import { AliasTakenError } from './alias-taken-error.ts';
import type { ChangeQueue } from './change-queue.ts';
import { toCommitRequest, toExpiry } from './commit-request.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import type {
  CommitRequest,
  CommitResult,
  Cursor,
  JournalSnapshot,
  JournalTail,
  Tombstone,
} from './session-store.ts';
import type { StoredJournal } from './stored-journal.ts';

/** After this many lost races, or this long, a change is refused with retry advice. */
const MOVED_MAX = 16;
const MOVED_MAX_MS: DurationMs = 2_000;

/** What one session says to the store and what it makes of the answers: reads, commits, lost races, the end of a session. */
export class SessionSync {
  readonly #parts: SessionParts;
  readonly #ref: SessionRef;
  readonly #journal: StoredJournal;
  readonly #queue: ChangeQueue;
  readonly #changed: () => void;
  #tombstone = '';
  #createEpoch: string | undefined;
  #races = { count: 0, since: 0 };
  #inFlight = false;
  /** A read moved the stored layer under a commit in flight: what is queued behind it has to be decided again. */
  #isStale = false;

  constructor(
    parts: SessionParts,
    ref: SessionRef,
    journal: StoredJournal,
    queue: ChangeQueue,
    changed: () => void,
  ) {
    this.#parts = parts;
    this.#ref = ref;
    this.#journal = journal;
    this.#queue = queue;
    this.#changed = changed;
  }

  /** A removed session under this id: a create has to name it. */
  get knowsTombstone(): boolean {
    return this.#tombstone !== '';
  }

  /** Races are counted anew for each stretch of commits. */
  begin(): void {
    this.#races = { count: 0, since: this.#parts.clock.mono() };
  }

  /**
   * One read, and more where its tail is long.
   *
   * @param known where this copy stands; undefined reads from the first record
   * @returns whether the session is there
   * @throws {StoreUnavailableError} @throws {SessionDamagedError}
   */
  async readFrom(known: Cursor | undefined, renewTtlMs?: DurationMs): Promise<boolean> {
    const readAt = this.#parts.clock.mono();
    const read = await this.#parts.store.read(this.#ref, known, renewTtlMs);
    if (!read.found) {
      this.#tombstone = read.tombstone?.epoch ?? '';
      // What a commit has made since the read was sent is newer than the read's word.
      if (this.#journal.session.cursor.epoch === known?.epoch) this.#becomeGone(read.tombstone);
      return this.#journal.session.exists;
    }
    const { session } = this.#journal;
    if (session.exists && session.epoch !== read.cursor.epoch) this.#becomeGone(undefined);
    else if (known !== undefined && read.after < known.head) this.#wentBack(read.cursor.epoch);
    const { exists, epoch, head } = this.#journal.session;
    if (!exists) this.#journal.reset(read.cursor.epoch);
    const isThere = await this.#absorb(read, readAt);
    if (this.#journal.session.head !== head || this.#journal.session.epoch !== epoch) this.#moved(!exists);
    return isThere;
  }

  /** The stored layer moved because of a read. @param merging a session begun here turned out to be there already */
  #moved(merging: boolean): void {
    if (this.#queue.length === 0) return;
    if (this.#inFlight) this.#isStale = true;
    else this.#redecide(merging);
  }

  #redecide(merging = false): void {
    this.#isStale = false;
    if (merging) this.#createEpoch = undefined;
    this.#queue.redecide(merging);
  }

  async #absorb(
    read: JournalSnapshot & { readonly tail: JournalTail },
    readAt: DurationMs,
  ): Promise<boolean> {
    const isThere = await this.#journal.absorb(read.tail, read, readAt);
    // Commits go in the order of seq and whole: what stands there says that everything before it does.
    this.#queue.storedUpTo(this.#journal.ownSeq);
    if (!isThere) this.#becomeGone(undefined);
    this.#changed();
    return isThere;
  }

  /**
   * Offers the oldest changes once and takes in the answer, whatever it is.
   *
   * @returns false when what is left had better wait
   * @throws {StoreUnavailableError} when its outcome is unknown @throws {SessionDamagedError}
   */
  async commit(): Promise<boolean> {
    if (this.#isStale) this.#redecide();
    const batch = this.#queue.take();
    if (batch.intents.length === 0) return true;
    const create = this.#journal.session.exists ? undefined : this.#beginEpoch();
    const slides =
      batch.intents.some(({ options }) => options.slides ?? true) && this.#parts.ttlRefresh !== 'fixed';
    const sentAt = this.#parts.clock.mono();
    const waitedSince = this.#queue.newestDeferred;
    const age = waitedSince === undefined ? undefined : sentAt - waitedSince;
    const expiry = toExpiry(this.#parts.ttlMs, slides, create !== undefined, age);
    if (expiry === undefined) {
      this.dropDeferred('expired');
      this.#redecide();
      return true;
    }
    const stored = this.#journal.session;
    const request = toCommitRequest(this.#parts.instance, stored, batch, expiry, create);
    const result = await this.#send(request);
    this.#parts.counters.commit(result.outcome);
    if (result.outcome !== 'ok') return this.#notOk(result, sentAt);
    if (this.#journal.session === stored) this.#journal.applyOwn(request.expected.head, batch.records);
    // A read came between and began anew; it may or may not have seen this commit.
    else if (batch.records.length > 0) await this.readFrom(undefined);
    if (expiry.kind === 'slide') this.#journal.expiresAt = sentAt + expiry.ttlMs;
    if (expiry.kind === 'lengthen')
      this.#journal.expiresAt = Math.max(this.#journal.expiresAt, sentAt + expiry.ttlMs);
    this.#createEpoch = undefined;
    this.#tombstone = '';
    this.#queue.stored(batch);
    if (this.#isStale) this.#redecide();
    this.#changed();
    return true;
  }

  async #send(request: CommitRequest): Promise<CommitResult> {
    this.#inFlight = true;
    try {
      return await this.#parts.store.commit(this.#ref, request);
    } finally {
      this.#inFlight = false;
    }
  }

  /** The same epoch for every attempt, so that a create whose answer was lost is known again. */
  #beginEpoch(): { epoch: string; tombstone: string } {
    if (this.#createEpoch === undefined) {
      this.#createEpoch = randomBytes(12).toString('base64url');
      this.#journal.reset(this.#createEpoch);
      this.#queue.invalidate();
    }
    return { epoch: this.#createEpoch, tombstone: this.#tombstone };
  }

  async #notOk(result: Exclude<CommitResult, { outcome: 'ok' }>, sentAt: DurationMs): Promise<boolean> {
    switch (result.outcome) {
      case 'stored':
        this.#createEpoch = undefined;
        this.#journal.ownSeq = Math.max(this.#journal.ownSeq, result.upTo);
        await this.#absorb(result, sentAt);
        this.#redecide();
        break;
      case 'moved':
        await this.#absorb(result, sentAt);
        this.#lostRace();
        this.#redecide();
        break;
      case 'exists':
        this.#createEpoch = undefined;
        this.#journal.reset(result.cursor.epoch);
        await this.#absorb(result, sentAt);
        this.#redecide(true);
        break;
      case 'gone':
        this.#becomeGone(result.tombstone);
        this.#lostRace();
        this.#redecide();
        break;
      case 'diverged':
        this.#wentBack(this.#journal.session.epoch);
        this.#lostRace();
        await this.readFrom(undefined);
        this.#redecide();
        break;
      case 'aliased':
        this.#queue.rejectLive(new AliasTakenError(result.taskId), (intent) =>
          intent.records.some(({ body }) => body.t === 'task' && body.alias === result.clientTaskId),
        );
        this.#lostRace();
        this.#redecide();
        break;
      case 'refused':
        this.#queue.rejectLive(
          new ProtocolError('RESOURCE_EXHAUSTED', { metadata: { bound: result.limit } }),
        );
        this.#changed();
        return false;
    }
    this.#changed();
    return true;
  }

  #lostRace(): void {
    const mono = this.#parts.clock.mono();
    this.#races.count += 1;
    if (this.#races.count < MOVED_MAX && mono - this.#races.since <= MOVED_MAX_MS) return;
    this.#queue.rejectLive(new ProtocolError('SESSION_BUSY', { retryAfterMs: 1_000 }));
    this.#races = { count: 0, since: mono };
  }

  /** A lagging replica was promoted, or the end of a log was lost: what is here is not what is there. */
  #wentBack(epoch: string): void {
    this.#parts.log('session_diverged', { ...this.#ref, head: this.#journal.session.head });
    this.#journal.reset(epoch);
    this.#queue.invalidate();
  }

  /** The session has ended in the store: what this instance remembers of it must not come back. */
  #becomeGone(tombstone: Tombstone | undefined): void {
    const mono = this.#parts.clock.mono();
    const { exists } = this.#journal.session;
    const why =
      tombstone !== undefined ? 'deleted' : mono >= this.#journal.expiresAt - 1_000 ? 'expired' : 'lost';
    // Begun here while the store was away, and after the one before had been deleted: new, not revived.
    const began = this.#queue.newestDeferred;
    const isNew =
      !exists && (tombstone === undefined || (began !== undefined && mono - began < tombstone.deletedAgoMs));
    if (exists) this.#parts.log('session_gone', { ...this.#ref, why });
    if (!isNew) this.dropDeferred(why);
    this.#tombstone = tombstone?.epoch ?? '';
    this.#createEpoch = undefined;
    this.#journal.reset('');
    this.#queue.invalidate();
    this.#changed();
  }

  /** Gives up acknowledged records, which is always logged and counted. */
  dropDeferred(why: 'deleted' | 'expired' | 'lost' | 'damaged'): void {
    const records = this.#queue.dropDeferred();
    if (records === 0) return;
    this.#parts.log('records_dropped', { ...this.#ref, records, why });
    this.#parts.counters.dropped(records, why);
  }
}
