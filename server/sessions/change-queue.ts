import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import {
  isInFront,
  sizeOf,
  slidesTtl,
  toAcknowledged,
  type Batch,
  type ChangeOutcome,
  type ChangesOwner,
  type Intent,
} from './change.ts';
import { Decisions } from './decisions.ts';
import { tidiesUp } from './ended-tasks.ts';
import { Drafts } from './drafts.ts';
import type { KeptChanges } from './kept-changes.ts';
import type { AcknowledgedChange } from './own-records.ts';
import { rebase, withoutAlias } from './rebase.ts';
import { formatIdentity, type DecidedRecord } from './records.ts';
import type { Session } from './session.ts';
import type { SessionParts } from './session-parts.ts';
import type { Cursor } from './session-store.ts';
import type { StoredJournal } from './stored-journal.ts';

/** The changes of one session that are not answered for, in order, and the draft: the stored fold with them on top. */
export class ChangeQueue {
  readonly #parts: SessionParts;
  readonly #journal: StoredJournal;
  /** Under it the ledger knows what waits. */
  readonly #owner: ChangesOwner;
  /** Absent where nothing that waits outlives the process. */
  readonly #kept: KeptChanges | undefined;
  readonly drafts: Drafts;
  readonly #decisions: Decisions;
  #intents: Intent[] = [];
  #deferredCount = 0;

  /** @param owner told when a change is acknowledged later than it was deferred */
  constructor(
    parts: SessionParts,
    journal: StoredJournal,
    owner: ChangesOwner,
    kept: KeptChanges | undefined,
  ) {
    this.#parts = parts;
    this.#kept = kept;
    this.#journal = journal;
    this.#owner = owner;
    this.drafts = new Drafts(journal, this);
    this.#decisions = new Decisions(parts, journal, this.drafts);
  }

  /** Those that are acknowledged first. */
  get intents(): readonly Intent[] {
    return this.#intents;
  }
  /** Nothing of it would be missed. */
  get isOver(): boolean {
    return this.#intents.length === 0 && this.#deferredCount === 0 && this.drafts.unsure.length === 0;
  }
  get hasDeferred(): boolean {
    return this.#deferredCount > 0;
  }
  get earliestDeadline(): DurationMs {
    return Math.min(...this.#intents.map(({ deferred, deadline }) => (deferred ? Infinity : deadline)));
  }
  /** Monotonic moment of the first change that was acknowledged and waits. */
  get oldestDeferred(): DurationMs | undefined {
    return this.#intents.find((intent) => intent.deferred)?.since;
  }
  /** What decisions are made on. */
  get draft(): Session {
    return this.drafts.draft;
  }

  /** The stored layer changed. */
  invalidate(): void {
    this.drafts.invalidate();
  }

  /** @throws what its decision throws; the queue is then as before. @returns false when there is nothing to store */
  add(intent: Intent): boolean {
    intent.records = this.#decisions.decide(this.draft, intent);
    if (intent.records.length === 0 && intent.options.renews !== true) return false;
    this.#intents.push(intent);
    return true;
  }

  /** Removes a change that was just added and not offered to the store. */
  withdraw(intent: Intent): void {
    this.#intents = this.#intents.filter((other) => other !== intent);
    this.invalidate();
  }

  /** Leaves out what only tidies up, from a change that was just added and not offered to the store. */
  slim(intent: Intent): void {
    if (!intent.records.some(({ body }) => tidiesUp(body))) return;
    intent.records = intent.records.filter(({ body }) => !tidiesUp(body));
    this.invalidate();
  }

  /** Everything of the batch is in the store; also what nobody waits for any more: others may build on it. */
  stored(batch: Batch, answeredAt?: DurationMs): void {
    const waiting = this.#intents;
    const { cursor } = this.#journal.session;
    // Not simply the first ones: a change may have left the queue while its commit was under way.
    const areFirst = batch.intents.every((intent, i) => waiting[i] === intent);
    this.#intents = areFirst
      ? waiting.slice(batch.intents.length)
      : waiting.filter((intent) => !batch.intents.includes(intent));
    this.invalidate();
    for (const intent of batch.intents) {
      if (areFirst || waiting.includes(intent)) this.#settle(intent, 'stored', cursor, answeredAt);
      else this.#parts.own.keepFound(this.#journal.session.ref, cursor, intent.records, intent.since);
    }
    this.#kept?.moved(this.#intents);
  }

  /** What stands in the journal was stored by an earlier attempt: whole changes, because a change is never split. */
  dropStored(): void {
    const isStored = (intent: Intent): boolean =>
      intent.records.length > 0 && intent.records.every(({ identity }) => this.#journal.has(identity));
    const stored = this.#intents.filter(isStored);
    this.#intents = this.#intents.filter((intent) => !isStored(intent));
    this.invalidate();
    this.#parts.quotas?.stored(this.#owner.ref.tenant, stored, undefined);
    for (const intent of stored) this.#settle(intent, 'stored');
    this.#kept?.moved(this.#intents);
  }

  /**
   * Offers changes that were acknowledged before once more, in front of all others.
   *
   * @param areKept whether the outage journal has them already
   * @returns how many records; those that stand in the journal are not among them
   */
  offerAgain(changes: readonly AcknowledgedChange[], areKept = false): number {
    const intents: Intent[] = [];
    for (const intent of changes.map(toAcknowledged)) {
      if (areKept) intent.kept = intent.records[0]?.identity;
      const isMissing = intent.records.some(({ identity }) => !this.#journal.has(identity));
      if (isMissing && (areKept || isInFront(intent, this.#intents))) intents.push(intent);
      else this.#kept?.release(intent);
    }
    this.#intents.unshift(...intents);
    for (const intent of intents) {
      this.#deferredCount += 1;
      this.#parts.pending.add(this.#owner, intent.records.length, sizeOf(intent.records));
    }
    if (!areKept) void this.#kept?.keep(intents);
    this.invalidate();
    return intents.reduce((sum, { records }) => sum + records.length, 0);
  }

  /** The session is about to be begun in the store, or was. */
  baseMoved(): void {
    this.#kept?.moved(this.#intents);
  }

  /** Acknowledges all changes from memory: they stay queued under their identities. */
  defer(): void {
    const intents = this.#intents;
    this.#intents = [];
    const deferred: Intent[] = [];
    let hasFailed = false;
    for (const intent of intents) {
      // What was decided on a change that fails has lost its ground.
      const why = intent.deferred ? undefined : this.#whyNotDefer(intent, hasFailed);
      if (why !== undefined) {
        hasFailed = true;
        this.invalidate();
        this.drafts.givenUp(intent);
        intent.fail(why);
        continue;
      }
      this.#intents.push(intent);
      if (hasFailed) this.invalidate();
      if (intent.deferred) continue;
      intent.deferred = true;
      this.#deferredCount += 1;
      this.#parts.pending.add(this.#owner, intent.records.length, sizeOf(intent.records));
      this.#parts.quotas?.waits(this.#owner.ref.tenant, intent.use);
      deferred.push(intent);
    }
    const written = this.#kept?.keep(deferred);
    if (written === undefined) this.#acknowledge(deferred);
    else
      void written.then(() => {
        this.#acknowledge(deferred);
        this.#owner.changed();
      });
  }

  /** Before the store has its word on it. */
  #whyNotDefer(intent: Intent, hasFailed: boolean): ProtocolError | undefined {
    const { options, records, isBaseless } = intent;
    const cannotWait = options.mustStore === true || records.length === 0 || isBaseless;
    if (cannotWait || (hasFailed && !this.drafts.stands(intent)))
      return new ProtocolError('STORE_UNAVAILABLE', { retryAfterMs: 1_000 });
    return this.#parts.quotas?.objection(this.#owner.ref.tenant, intent);
  }

  #acknowledge(intents: readonly Intent[]): void {
    this.drafts.grown();
    for (const intent of intents) {
      intent.acknowledged = true;
      intent.settle('deferred');
    }
  }

  /** The stored layer moved: live changes are decided again, acknowledged ones are rebased. */
  redecide(merging = false): void {
    const intents = this.#intents;
    this.#intents = [];
    this.invalidate();
    for (const intent of intents) {
      try {
        if (intent.deferred) this.#rebase(intent, merging);
        else intent.records = this.#decisions.decideAgain(this.draft, intent);
      } catch (error) {
        intent.fail(error);
        if (!intent.deferred) continue;
        // A fault of ours is no reason to lose what was acknowledged: it is offered as it was decided.
        this.#parts.log('session_persist_failed', { ...this.#journal.session.ref }, error);
        this.invalidate();
      }
      if (intent.records.length > 0 || intent.options.renews === true) this.#intents.push(intent);
      else this.#settle(intent, 'unchanged');
    }
  }

  /** The session has ended under these changes; one that is on its way may even have been stored before that. */
  loseBase(): void {
    for (const intent of this.#intents) intent.isBaseless = !intent.deferred;
    this.invalidate();
  }

  /** Drops acknowledged changes whose session is gone. @returns how many records */
  dropDeferred(): number {
    const dropped = this.#intents.filter((intent) => intent.deferred);
    this.#intents = this.#intents.filter((intent) => !intent.deferred);
    this.invalidate();
    for (const intent of dropped) {
      if (!intent.acknowledged) intent.fail(new ProtocolError('STORE_UNAVAILABLE', { retryAfterMs: 1_000 }));
      this.#settle(intent, 'unchanged');
    }
    return dropped.reduce((sum, intent) => sum + intent.records.length, 0);
  }

  /** A client's own task id turned out to name another task: an acknowledged one is kept under its own id alone. */
  dropAlias(clientTaskId: string): void {
    for (const intent of this.#intents) {
      const before = sizeOf(intent.records);
      intent.records = intent.records.map((record) => withoutAlias(record, clientTaskId));
      if (intent.deferred) this.#parts.pending.settle(0, before - sizeOf(intent.records));
    }
    this.invalidate();
  }

  /** Rejects changes nobody was told about. */
  rejectLive(error: unknown, only: (intent: Intent) => boolean = () => true): void {
    const rejected = this.#intents.filter((intent) => !intent.deferred && only(intent));
    this.#intents = this.#intents.filter((intent) => !rejected.includes(intent));
    this.invalidate();
    for (const intent of rejected) intent.fail(error);
  }

  /** @param cursor where the session stands, and when the store said so, if that is at hand */
  #settle(intent: Intent, outcome: ChangeOutcome, cursor?: Cursor, at?: DurationMs): void {
    const { records, since } = intent;
    const { session } = this.#journal;
    const change = { records, since, slides: slidesTtl(intent) };
    if (outcome === 'stored') this.#parts.own.keep(session.ref, cursor ?? session.cursor, change, at);
    intent.settle(outcome);
    if (!intent.deferred) return;
    this.#kept?.release(intent);
    this.#deferredCount -= 1;
    this.#parts.quotas?.waitsNoMore(this.#owner.ref.tenant, intent.use);
    this.#parts.pending.settle(intent.records.length, sizeOf(intent.records));
    if (this.#deferredCount === 0) this.#parts.pending.remove(this.#owner);
  }

  #rebase(intent: Intent, merging: boolean): void {
    const before = { records: intent.records.length, bytes: sizeOf(intent.records) };
    const meanwhile = { stored: this.#journal.session, after: merging ? 0 : intent.decidedOn };
    const extend = (record: DecidedRecord): void => {
      this.drafts.extend([record], this.draft);
    };
    const { records, refused } = rebase(this.draft, intent.records, extend, meanwhile);
    intent.records = records;
    this.#parts.counters.rebased();
    this.#parts.pending.settle(before.records - records.length, before.bytes - sizeOf(records));
    for (const { why, record } of refused) {
      const [type, identity] = [record.body.t, formatIdentity(record.identity)];
      this.#parts.log('record_refused', { ...this.draft.ref, why, type, identity });
    }
    if (refused.length > 0) this.#parts.counters.refused(refused.length);
  }
}
