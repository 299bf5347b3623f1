import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import { AliasTakenError } from './alias-taken-error.ts';
import { replayedAge, slidesTtl, takeBatch, type Batch, type ChangesOwner } from './change.ts';
import type { ChangeQueue } from './change-queue.ts';
import type { CommitManners } from './commit-manners.ts';
import { toCommitRequest, toExpiry } from './commit-request.ts';
import { LostRaces } from './lost-races.ts';
import { mayBeRefused, QuotaReachedError, wasAdmitted } from './quota.ts';
import type { SessionCatchUp } from './session-catch-up.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import type { CommitRequest, CommitResult } from './session-store.ts';
import type { Session } from './session.ts';
import type { StoredJournal } from './stored-journal.ts';
import type { TenantLimits } from './tenant-counts.ts';

type Refusal = Exclude<CommitResult, { outcome: 'ok' }>;

interface Offer {
  readonly request: CommitRequest;
  /** The stored layer that it is about. */
  readonly stored: Session;
  /** As it will be when the store has taken it. */
  readonly after: Session;
  readonly sentAt: DurationMs;
}

/** What one session asks the store to take, and what it makes of the answers. */
export class SessionSync {
  readonly #parts: SessionParts;
  readonly #ref: SessionRef;
  readonly #journal: StoredJournal;
  readonly #queue: ChangeQueue;
  readonly #base: SessionCatchUp;
  readonly #owner: ChangesOwner;
  /** Monotonic moment of the first commit of this stretch; undefined before it. */
  #stretchSince: DurationMs | undefined;
  /** Of this stretch of commits; undefined while none was lost. */
  #races: LostRaces | undefined;
  /** How often the store was asked, and has said ok. */
  #asked = 0;
  #taken = 0;
  /** Undefined where nobody else writes to the store. */
  readonly #manners: CommitManners | undefined;

  constructor(
    parts: SessionParts,
    ref: SessionRef,
    journal: StoredJournal,
    queue: ChangeQueue,
    base: SessionCatchUp,
    owner: ChangesOwner,
    manners: CommitManners | undefined,
  ) {
    this.#parts = parts;
    this.#ref = ref;
    this.#journal = journal;
    this.#queue = queue;
    this.#base = base;
    this.#owner = owner;
    this.#manners = manners;
  }

  /** The store has taken all that it was asked to. What it was said to refuse, or did not answer, may yet be carried out. */
  get isOver(): boolean {
    return this.#asked === this.#taken;
  }

  /** Races are counted anew for each stretch of commits. */
  begin(): void {
    this.#stretchSince = undefined;
    this.#races = undefined;
  }

  /**
   * Offers the oldest changes once and takes in the answer, whatever it is.
   *
   * @returns false when what is left had better wait
   * @throws {StoreUnavailableError} when its outcome is unknown @throws {SessionDamagedError}
   */
  async commit(): Promise<boolean> {
    const pausing = this.#manners?.letOthersIn(this.#parts.clock);
    if (pausing !== undefined) await pausing;
    if (this.#base.isStale) this.#base.redecide();
    // Somebody has stored what cannot be read here: what nobody was told of is not decided on that, not even once.
    if (this.#journal.session.readOnly)
      this.#queue.rejectLive(new ProtocolError('SESSION_DAMAGED', { retryAfterMs: 60_000 }));
    if (this.#base.willBegin()) this.#queue.baseMoved();
    const batch = takeBatch(this.#queue.intents, this.#parts.instance);
    if (batch.intents.length === 0) return true;
    for (const intent of batch.intents) intent.offered = intent.records;
    const offer = this.#toOffer(batch);
    if (offer === undefined) {
      this.#base.dropDeferred('expired');
      this.#base.redecide();
      return true;
    }
    // not in a function of its own: that would be one more promise in every commit
    this.#base.inFlight = true;
    this.#asked += 1;
    try {
      const result = await this.#parts.store.commit(this.#ref, offer.request);
      const answeredAt = this.#parts.clock.mono();
      this.#parts.counters.commit(result.outcome, answeredAt - offer.sentAt);
      if (result.outcome !== 'ok') {
        // When it has ended or begun anew meanwhile, this word is about another one than what is here.
        if (this.#journal.session === offer.stored) return await this.#notOk(result, batch, offer.sentAt);
        this.#base.redecide();
        return true;
      }
      this.#manners?.committed(offer.sentAt, answeredAt);
      // One stretch may go on for ever: what counts is that a change gets through.
      this.begin();
      const { expected } = offer.request;
      if (this.#journal.session === offer.stored) {
        this.#journal.applyOwn(expected.head, batch.records);
        offer.stored.standAs(offer.after);
      }
      // A read came between and began anew; it may or may not have seen this commit.
      else if (batch.records.length > 0) await this.#base.catchUp();
      this.#parts.quotas?.stored(this.#ref.tenant, batch.intents, result.counts);
      this.#isIn(offer, batch, answeredAt);
      this.#taken += 1;
      return true;
    } finally {
      this.#base.inFlight = false;
    }
  }

  /** @returns undefined when what waited has outlived the TTL */
  #toOffer(batch: Batch): Offer | undefined {
    const create = this.#journal.session.exists ? undefined : this.#base.beginEpoch();
    const slides = this.#parts.ttlRefresh !== 'fixed' && batch.intents.some(slidesTtl);
    const sentAt = this.#parts.clock.mono();
    this.#stretchSince ??= sentAt;
    const age = this.#queue.hasDeferred ? replayedAge(this.#queue.intents, batch, sentAt) : undefined;
    const expiry = toExpiry(this.#parts.ttlMs, slides, create !== undefined, age);
    if (expiry === undefined) return undefined;
    const stored = this.#journal.session;
    const after = this.#queue.drafts.behind(batch);
    const request = toCommitRequest(this.#parts, stored, batch, expiry, create, after);
    return { request, stored, after, sentAt };
  }

  #isIn({ request, sentAt }: Offer, batch: Batch, answeredAt: DurationMs): void {
    this.#journal.livesOn(request.expiry, sentAt);
    this.#base.hasBegun();
    this.#queue.stored(batch, answeredAt);
    if (this.#base.isStale) this.#base.redecide();
    this.#owner.changed();
    if (request.outboxInMs === 0) this.#parts.onDue?.(this.#ref);
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
        this.#refuse(result.limit, batch);
        break;
    }
    this.#base.redecide();
    this.#owner.changed();
    return true;
  }

  /** Only what asked for it: what else came with it, or was acknowledged meanwhile, is offered again. */
  #refuse(limit: keyof TenantLimits, { intents }: Batch): void {
    const asking = intents.find(mayBeRefused);
    const quota = asking?.options.quota;
    if (quota !== undefined) {
      const why = new QuotaReachedError(limit, quota);
      this.#parts.quotas?.refused(this.#ref.tenant, why);
      this.#queue.rejectLive(why, (intent) => intent === asking);
    } else if (!intents.some(wasAdmitted)) {
      // It was not asked. Offered again, it would refuse again.
      this.#queue.rejectLive(new ProtocolError('RESOURCE_EXHAUSTED', { metadata: { bound: limit } }));
    }
  }

  #lostRace(): boolean {
    this.#races ??= new LostRaces(this.#parts.clock, this.#stretchSince ?? this.#parts.clock.mono());
    const isEnough = this.#races.lost();
    if (isEnough) this.#queue.rejectLive(new ProtocolError('SESSION_BUSY', { retryAfterMs: 1_000 }));
    return isEnough;
  }
}
