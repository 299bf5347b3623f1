import { randomBytes } from 'node:crypto';
import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import { AliasTakenError } from './alias-taken-error.ts';
import { slidesTtl, type Batch } from './change.ts';
import type { ChangeQueue } from './change-queue.ts';
import { CommitManners } from './commit-manners.ts';
import { toCommitRequest, toExpiry } from './commit-request.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import {
  StoreUnavailableError,
  type CommitResult,
  type Cursor,
  type JournalSnapshot,
  type JournalTail,
  type Tombstone,
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
  readonly #manners: CommitManners;
  #inFlight = false;
  /** The stored layer is not the one that the queue was decided on: before the next commit it is decided again. */
  #isStale = false;
  /** What waits was begun under an id that turned out to be taken. */
  #isMerging = false;

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
    this.#manners = new CommitManners(() => parts.clock.mono(), parts.store.exclusive);
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
    const before = this.#journal.session;
    const { exists: existed } = before;
    const readAt = this.#parts.clock.mono();
    const read = await this.#parts.store.read(this.#ref, known, renewTtlMs);
    const { session } = this.#journal;
    // Begun or ended by a commit since the read was sent: that is the newer word, and this one may be about another epoch.
    if (session !== before || session.exists !== existed)
      return this.readFrom(session.exists ? session.cursor : undefined, renewTtlMs);
    if (!read.found) {
      // A session begun here has ended too when it is older than the deletion.
      if (existed || read.tombstone !== undefined) this.#becomeGone(read.tombstone, readAt);
      this.#moved();
      return false;
    }
    const { epoch, head } = session;
    // An attempt to begin it may have been carried out, and deleted since: that is for its retry to find out.
    const isBeginning = !existed && this.#createEpoch !== undefined && this.#queue.hasDeferred;
    if (isBeginning && read.cursor.epoch !== this.#createEpoch)
      throw new StoreUnavailableError('what was begun here has to be stored first', { counts: false });
    if (existed && epoch !== read.cursor.epoch) this.#becomeGone(undefined, readAt);
    else if (known !== undefined && read.after < known.head) this.#wentBack(read.cursor.epoch);
    const begins = !this.#journal.session.exists;
    if (this.#journal.session.epoch !== read.cursor.epoch) {
      this.#journal.reset(read.cursor.epoch);
      this.#isMerging = !existed;
    }
    const isThere = await this.#absorb(read, readAt, begins);
    if (this.#journal.session.head !== head || this.#journal.session.epoch !== epoch) this.#isStale = true;
    this.#moved();
    return isThere;
  }

  /** Decides the queue again if that is due, and a commit in flight does not forbid it. */
  #moved(): void {
    if (this.#isStale && !this.#inFlight) this.#redecide();
  }

  #redecide(): void {
    const isMerging = this.#isMerging;
    if (isMerging) this.#createEpoch = undefined;
    this.#isStale = false;
    this.#isMerging = false;
    this.#queue.redecide(isMerging);
  }

  /** @param begins nothing of the session was here before: half of it would be taken for a session of its own */
  async #absorb(
    read: JournalSnapshot & { readonly tail: JournalTail },
    readAt: DurationMs,
    begins: boolean,
  ): Promise<boolean> {
    const isThere = await this.#journal.absorb(read.tail, read, readAt).catch((error: unknown) => {
      if (begins) this.#journal.reset('');
      this.#queue.invalidate();
      throw error;
    });
    // Commits go in the order of seq and whole: what stands there says that everything before it does.
    this.#queue.storedUpTo(this.#journal.ownSeq);
    if (!isThere) this.#becomeGone(undefined, readAt);
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
    await this.#manners.letOthersIn();
    if (this.#isStale) this.#redecide();
    const batch = this.#queue.take();
    if (batch.intents.length === 0) return true;
    this.#inFlight = true;
    try {
      return await this.#offer(batch);
    } finally {
      this.#inFlight = false;
    }
  }

  async #offer(batch: Batch): Promise<boolean> {
    const create = this.#journal.session.exists ? undefined : this.#beginEpoch();
    const slides = this.#parts.ttlRefresh !== 'fixed' && batch.intents.some(slidesTtl);
    const sentAt = this.#parts.clock.mono();
    const age = this.#queue.replayedAge(batch, sentAt);
    const expiry = toExpiry(this.#parts.ttlMs, slides, create !== undefined, age);
    if (expiry === undefined) {
      this.dropDeferred('expired');
      this.#redecide();
      return true;
    }
    const stored = this.#journal.session;
    const request = toCommitRequest(this.#parts, stored, batch, expiry, create);
    const result = await this.#parts.store.commit(this.#ref, request);
    this.#parts.counters.commit(result.outcome, this.#parts.clock.mono() - sentAt);
    if (result.outcome !== 'ok') {
      // When it has ended or begun anew meanwhile, this word is about another one than what is here.
      if (this.#journal.session === stored) return this.#notOk(result, sentAt);
      this.#redecide();
      return true;
    }
    this.#manners.committed(sentAt);
    // One stretch may go on for ever: what counts is that a change gets through.
    this.begin();
    if (this.#journal.session === stored) this.#journal.applyOwn(request.expected.head, batch.records);
    // A read came between and began anew; it may or may not have seen this commit.
    else if (batch.records.length > 0) await this.readFrom(undefined);
    this.#journal.livesOn(expiry, sentAt);
    this.#createEpoch = undefined;
    this.#tombstone = '';
    this.#queue.stored(batch);
    if (this.#isStale) this.#redecide();
    this.#changed();
    if (request.outboxInMs === 0) this.#parts.onDue?.(this.#ref);
    return true;
  }

  /** The same epoch for every attempt, so that a create whose answer was lost is known again. */
  #beginEpoch(): { epoch: string; tombstone: string } {
    this.#createEpoch ??= randomBytes(12).toString('base64url');
    if (this.#journal.session.epoch !== this.#createEpoch) {
      this.#journal.reset(this.#createEpoch);
      this.#queue.invalidate();
    }
    return { epoch: this.#createEpoch, tombstone: this.#tombstone };
  }

  async #notOk(result: Exclude<CommitResult, { outcome: 'ok' }>, sentAt: DurationMs): Promise<boolean> {
    switch (result.outcome) {
      case 'stored':
        await this.#absorb(result, sentAt, !this.#journal.session.exists);
        this.#journal.ownSeq = Math.max(this.#journal.ownSeq, result.upTo);
        this.#queue.storedUpTo(this.#journal.ownSeq);
        break;
      case 'moved':
        await this.#absorb(result, sentAt, false);
        this.#lostRace();
        break;
      case 'exists':
        this.#journal.reset(result.cursor.epoch);
        if (await this.#absorb(result, sentAt, true)) this.#isMerging = true;
        break;
      case 'gone':
        this.#becomeGone(result.tombstone, sentAt);
        this.#lostRace();
        break;
      case 'diverged':
        this.#wentBack(this.#journal.session.epoch);
        this.#lostRace();
        await this.readFrom(undefined);
        break;
      case 'aliased':
        this.#parts.log('alias_taken', { ...this.#ref, names: result.taskId });
        this.#queue.rejectLive(new AliasTakenError(result.taskId), (intent) =>
          intent.records.some(({ body }) => body.t === 'task' && body.alias === result.clientTaskId),
        );
        this.#queue.dropAlias(result.clientTaskId);
        this.#lostRace();
        break;
      case 'refused':
        this.#queue.rejectLive(
          new ProtocolError('RESOURCE_EXHAUSTED', { metadata: { bound: result.limit } }),
        );
        this.#changed();
        return false;
    }
    this.#redecide();
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
    this.#journal.isWhole = false;
    this.#queue.invalidate();
  }

  /**
   * The session has ended in the store: what this instance remembers of it must not come back.
   *
   * @param mono when the store was asked: its answer may have been long on its way
   */
  #becomeGone(tombstone: Tombstone | undefined, mono: DurationMs): void {
    const { exists } = this.#journal.session;
    const why =
      tombstone !== undefined ? 'deleted' : mono >= this.#journal.expiresAt - 1_000 ? 'expired' : 'lost';
    // Begun here while the store was away, and after the one before had been deleted: new, not revived.
    const began = this.#queue.oldestDeferred;
    const isNew =
      !exists &&
      (tombstone === undefined ||
        (tombstone.epoch !== this.#createEpoch &&
          began !== undefined &&
          mono - began <= tombstone.deletedAgoMs + 1));
    if (exists) this.#parts.log('session_gone', { ...this.#ref, why });
    if (!isNew) this.dropDeferred(why);
    this.#tombstone = tombstone?.epoch ?? '';
    // An attempt to begin what is kept may still be on its way: it has to be known again.
    if (!isNew) this.#createEpoch = undefined;
    this.#journal.end();
    this.#isStale = true;
    this.#isMerging = false;
    this.#queue.loseBase();
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
