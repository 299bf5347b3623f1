import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import { AliasTakenError } from './alias-taken-error.ts';
import { slidesTtl, type Batch } from './change.ts';
import type { ChangeQueue } from './change-queue.ts';
import { CommitManners } from './commit-manners.ts';
import { toCommitRequest, toExpiry } from './commit-request.ts';
import { LostRaces } from './lost-races.ts';
import type { SessionCatchUp } from './session-catch-up.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import type { CommitResult } from './session-store.ts';
import type { StoredJournal } from './stored-journal.ts';

type Refusal = Exclude<CommitResult, { outcome: 'ok' }>;

/** What one session asks the store to take, and what it makes of the answers. */
export class SessionSync {
  readonly #parts: SessionParts;
  readonly #ref: SessionRef;
  readonly #journal: StoredJournal;
  readonly #queue: ChangeQueue;
  readonly #base: SessionCatchUp;
  readonly #changed: () => void;
  readonly #races: LostRaces;
  readonly #manners: CommitManners;

  constructor(
    parts: SessionParts,
    ref: SessionRef,
    journal: StoredJournal,
    queue: ChangeQueue,
    base: SessionCatchUp,
    changed: () => void,
  ) {
    this.#parts = parts;
    this.#ref = ref;
    this.#journal = journal;
    this.#queue = queue;
    this.#base = base;
    this.#changed = changed;
    this.#races = new LostRaces(() => parts.clock.mono());
    this.#manners = new CommitManners(() => parts.clock.mono(), parts.store.exclusive);
  }

  /** Races are counted anew for each stretch of commits. */
  begin(): void {
    this.#races.begin();
  }

  /**
   * Offers the oldest changes once and takes in the answer, whatever it is.
   *
   * @returns false when what is left had better wait
   * @throws {StoreUnavailableError} when its outcome is unknown @throws {SessionDamagedError}
   */
  async commit(): Promise<boolean> {
    await this.#manners.letOthersIn();
    if (this.#base.isStale) this.#base.redecide();
    if (this.#base.willBegin()) this.#queue.baseMoved();
    const batch = this.#queue.take();
    if (batch.intents.length === 0) return true;
    for (const intent of batch.intents) intent.offered = intent.records;
    this.#base.inFlight = true;
    try {
      return await this.#offer(batch);
    } finally {
      this.#base.inFlight = false;
    }
  }

  async #offer(batch: Batch): Promise<boolean> {
    const create = this.#journal.session.exists ? undefined : this.#base.beginEpoch();
    const slides = this.#parts.ttlRefresh !== 'fixed' && batch.intents.some(slidesTtl);
    const sentAt = this.#parts.clock.mono();
    const age = this.#queue.replayedAge(batch, sentAt);
    const expiry = toExpiry(this.#parts.ttlMs, slides, create !== undefined, age);
    if (expiry === undefined) {
      this.#base.dropDeferred('expired');
      this.#base.redecide();
      return true;
    }
    const stored = this.#journal.session;
    const request = toCommitRequest(this.#parts, stored, batch, expiry, create);
    const result = await this.#parts.store.commit(this.#ref, request);
    this.#parts.counters.commit(result.outcome, this.#parts.clock.mono() - sentAt);
    if (result.outcome !== 'ok') {
      // When it has ended or begun anew meanwhile, this word is about another one than what is here.
      if (this.#journal.session === stored) return this.#notOk(result, batch, sentAt);
      this.#base.redecide();
      return true;
    }
    this.#manners.committed(sentAt);
    // One stretch may go on for ever: what counts is that a change gets through.
    this.begin();
    if (this.#journal.session === stored) this.#journal.applyOwn(request.expected.head, batch.records);
    // A read came between and began anew; it may or may not have seen this commit.
    else if (batch.records.length > 0) await this.#base.catchUp();
    this.#journal.livesOn(expiry, sentAt);
    this.#base.hasBegun();
    this.#queue.stored(batch);
    if (this.#base.isStale) this.#base.redecide();
    this.#changed();
    if (request.outboxInMs === 0) this.#parts.onDue?.(this.#ref);
    return true;
  }

  async #notOk(result: Refusal, batch: Batch, sentAt: DurationMs): Promise<boolean> {
    switch (result.outcome) {
      case 'stored':
        if (this.#journal.session.exists) await this.#base.absorb(result, sentAt);
        else await this.#base.load({ read: { found: true, after: 0, ...result }, readAt: sentAt });
        // A session that is another one meanwhile has its own.
        if (this.#journal.session.epoch === result.cursor.epoch)
          this.#journal.noteStored({ instance: batch.instance, seq: result.upTo });
        this.#queue.dropStored();
        break;
      case 'moved':
        await this.#base.absorb(result, sentAt);
        this.#lostRace();
        break;
      case 'exists':
        await this.#base.load({ read: { found: true, after: 0, ...result }, readAt: sentAt });
        break;
      case 'gone':
        this.#base.becomeGone(result.tombstone, sentAt);
        this.#lostRace();
        break;
      case 'diverged': {
        // A store that goes back again and again is left alone for a while.
        const isEnough = this.#lostRace();
        await this.#base.wentBack();
        if (isEnough) {
          this.#base.redecide();
          return false;
        }
        break;
      }
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
    this.#base.redecide();
    this.#changed();
    return true;
  }

  #lostRace(): boolean {
    const isEnough = this.#races.lost();
    if (isEnough) this.#queue.rejectLive(new ProtocolError('SESSION_BUSY', { retryAfterMs: 1_000 }));
    return isEnough;
  }
}
