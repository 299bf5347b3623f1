import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import {
  isInFront,
  sizeOf,
  slidesTtl,
  takeBatch,
  toAcknowledged,
  type Batch,
  type ChangeOptions,
  type ChangeOutcome,
  type Decide,
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
import { PATIENCE_MS, type SessionParts } from './session-parts.ts';
import type { StoredJournal } from './stored-journal.ts';

/** The changes of one session that are not answered for, in order, and the draft: the stored fold with them on top. */
export class ChangeQueue {
  readonly #parts: SessionParts;
  readonly #journal: StoredJournal;
  readonly #ledgerKey: { replay(): Promise<void> };
  readonly #kept: KeptChanges;
  readonly #changed: () => void;
  readonly drafts: Drafts;
  readonly #decisions: Decisions;
  #intents: Intent[] = [];
  #deferredCount = 0;

  /** @param changed told when a change is acknowledged later than it was deferred */
  constructor(
    parts: SessionParts,
    journal: StoredJournal,
    ledgerKey: { replay(): Promise<void> },
    kept: KeptChanges,
    changed: () => void,
  ) {
    this.#parts = parts;
    this.#kept = kept;
    this.#changed = changed;
    this.#journal = journal;
    this.#ledgerKey = ledgerKey;
    this.drafts = new Drafts(journal, () => this.#intents);
    this.#decisions = new Decisions(parts, journal, this.drafts);
  }

  get length(): number {
    return this.#intents.length;
  }
  get hasDeferred(): boolean {
    return this.#deferredCount > 0;
  }
  get earliestDeadline(): DurationMs {
    return Math.min(...this.#intents.filter((intent) => !intent.deferred).map((intent) => intent.deadline));
  }
  /** Monotonic moment of the first change that was acknowledged and waits. */
  get oldestDeferred(): DurationMs | undefined {
    return this.#intents.find((intent) => intent.deferred)?.since;
  }
  /** Age of the newest client's write among what is stored only now; undefined when one in the batch did not wait. */
  replayedAge(batch: Batch, mono: DurationMs): DurationMs | undefined {
    const slides = ({ options }: Intent): boolean => options.slides !== false;
    if (batch.intents.some((intent) => !intent.deferred && slides(intent))) return undefined;
    const newest = this.#intents.findLast((intent) => intent.deferred && slides(intent));
    return newest && mono - newest.since;
  }

  /** What decisions are made on. */
  get draft(): Session {
    return this.drafts.draft;
  }

  /** The stored layer changed. */
  invalidate(): void {
    this.drafts.invalidate();
  }

  /** @throws what `decide` throws; the queue is then as before. @returns undefined when there is nothing to store */
  add(decide: Decide, options: ChangeOptions, handlers: Pick<Intent, 'settle' | 'fail'>): Intent | undefined {
    const since = this.#parts.clock.mono();
    const deadline = options.deadline ?? since + PATIENCE_MS;
    const state = { records: [], isBaseless: false, deferred: false, acknowledged: false };
    const intent: Intent = { decide, options, since, deadline, ...state, ...handlers };
    intent.records = this.#decisions.decide(this.draft, intent);
    if (intent.records.length === 0 && options.renews !== true) return undefined;
    this.#intents.push(intent);
    return intent;
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

  /** The oldest changes that fit into one commit. */
  take(): Batch {
    return takeBatch(this.#intents, this.#parts.instance);
  }

  /** Everything of the batch is in the store; also what nobody waits for any more: others may build on it. */
  stored(batch: Batch): void {
    // Not simply the first ones: a change may have left the queue while its commit was under way.
    const offered = new Set(batch.intents);
    const waiting = new Set(this.#intents);
    const { ref, cursor } = this.#journal.session;
    this.#intents = this.#intents.filter((intent) => !offered.has(intent));
    this.invalidate();
    for (const intent of batch.intents) {
      if (waiting.has(intent)) this.#settle(intent, 'stored');
      else this.#parts.own.keepFound(ref, cursor, intent.records, intent.since);
    }
    this.#kept.moved(this.#intents);
  }

  /** What stands in the journal was stored by an earlier attempt: whole changes, because a change is never split. */
  dropStored(): void {
    const isStored = (intent: Intent): boolean =>
      intent.records.length > 0 && intent.records.every(({ identity }) => this.#journal.has(identity));
    const stored = this.#intents.filter(isStored);
    this.#intents = this.#intents.filter((intent) => !isStored(intent));
    this.invalidate();
    for (const intent of stored) this.#settle(intent, 'stored');
    this.#kept.moved(this.#intents);
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
      else this.#kept.release(intent);
    }
    this.#intents.unshift(...intents);
    for (const intent of intents) {
      this.#deferredCount += 1;
      this.#parts.pending.add(this.#ledgerKey, intent.records.length, sizeOf(intent.records));
    }
    if (!areKept) void this.#kept.keep(intents);
    this.invalidate();
    return intents.reduce((sum, { records }) => sum + records.length, 0);
  }

  /** The session is about to be begun in the store, or was. */
  baseMoved(): void {
    this.#kept.moved(this.#intents);
  }

  /** Acknowledges all changes from memory: they stay queued under their identities. */
  defer(): void {
    const intents = this.#intents;
    this.#intents = [];
    const deferred: Intent[] = [];
    let hasFailed = false;
    for (const intent of intents) {
      const { options, records, isBaseless } = intent;
      const cannotWait = options.mustStore === true || records.length === 0 || isBaseless;
      // What was decided on a change that fails has lost its ground.
      if (!intent.deferred && (cannotWait || (hasFailed && !this.drafts.stands(intent)))) {
        hasFailed = true;
        this.invalidate();
        this.drafts.givenUp(intent);
        intent.fail(new ProtocolError('STORE_UNAVAILABLE', { retryAfterMs: 1_000 }));
        continue;
      }
      this.#intents.push(intent);
      if (hasFailed) this.invalidate();
      if (intent.deferred) continue;
      intent.deferred = true;
      this.#deferredCount += 1;
      this.#parts.pending.add(this.#ledgerKey, intent.records.length, sizeOf(intent.records));
      deferred.push(intent);
    }
    const written = this.#kept.keep(deferred);
    if (written === undefined) this.#acknowledge(deferred);
    else
      void written.then(() => {
        this.#acknowledge(deferred);
        this.#changed();
      });
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
        else intent.records = this.#decisions.decide(this.draft, intent);
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

  #settle(intent: Intent, outcome: ChangeOutcome): void {
    const { records, since } = intent;
    const { ref, cursor } = this.#journal.session;
    if (outcome === 'stored')
      this.#parts.own.keep(ref, cursor, { records, since, slides: slidesTtl(intent) });
    intent.settle(outcome);
    if (!intent.deferred) return;
    this.#kept.release(intent);
    this.#deferredCount -= 1;
    this.#parts.pending.settle(intent.records.length, sizeOf(intent.records));
    if (this.#deferredCount === 0) this.#parts.pending.remove(this.#ledgerKey);
  }

  #rebase(intent: Intent, merging: boolean): void {
    const before = { records: intent.records.length, bytes: sizeOf(intent.records) };
    const meanwhile = { stored: this.#journal.session, after: merging ? 0 : intent.decidedOn };
    const extend = (record: DecidedRecord): void => {
      this.drafts.extend([record], this.draft);
    };
    const { records, refused } = rebase(this.draft, intent.records, extend, meanwhile);
    intent.records = records;
    this.#parts.pending.settle(before.records - records.length, before.bytes - sizeOf(records));
    for (const { why, record } of refused) {
      const [type, identity] = [record.body.t, formatIdentity(record.identity)];
      this.#parts.log('record_refused', { ...this.draft.ref, why, type, identity });
    }
    if (refused.length > 0) this.#parts.counters.refused(refused.length);
  }
}
