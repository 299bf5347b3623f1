import { ProtocolError } from '../../protocol/errors.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { DurationMs, EpochMs } from '../../protocol/units.ts';
import {
  sizeOf,
  takeBatch,
  type Batch,
  type ChangeOptions,
  type ChangeOutcome,
  type Decide,
  type Intent,
} from './change.ts';
import { dueCompactions, isRoomBeside, tidiesUp, wholeArtifacts } from './ended-tasks.ts';
import { Drafts } from './drafts.ts';
import { rebase, withoutAlias } from './rebase.ts';
import { overBound } from './session-bounds.ts';
import { formatIdentity, toDecided, type DecidedRecord, type RecordBody } from './records.ts';
import type { Session } from './session.ts';
import { PATIENCE_MS, type SessionParts } from './session-parts.ts';
import type { StoredJournal } from './stored-journal.ts';

/** The changes of one session that are not answered for, in order, and the draft: the stored fold with them on top. */
export class ChangeQueue {
  readonly #parts: SessionParts;
  readonly #journal: StoredJournal;
  readonly #ledgerKey: { replay(): Promise<void> };
  readonly drafts: Drafts;
  #intents: Intent[] = [];
  #seq: number;
  #deferredCount = 0;

  constructor(parts: SessionParts, journal: StoredJournal, ledgerKey: { replay(): Promise<void> }) {
    this.#parts = parts;
    this.#journal = journal;
    this.#ledgerKey = ledgerKey;
    this.drafts = new Drafts(journal, () => this.#intents);
    this.#seq = parts.seqs.highest;
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
    const state = { records: [], isBaseless: false, deferred: false };
    const intent: Intent = { decide, options, since, deadline, ...state, ...handlers };
    intent.records = this.#decideOn(this.draft, intent);
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
    return takeBatch(this.#intents);
  }

  /** Everything of the batch is in the store. */
  stored(batch: Batch): void {
    // Not simply the first ones: a change may have left the queue while its commit was under way.
    const offered = new Set(batch.intents);
    const done = this.#intents.filter((intent) => offered.has(intent));
    this.#intents = this.#intents.filter((intent) => !offered.has(intent));
    this.invalidate();
    for (const intent of done) this.#settle(intent, 'stored');
  }

  /** An earlier attempt had stored this instance's records up to a seq: whole changes, because a change is never split. */
  storedUpTo(seq: number): void {
    const isStored = (intent: Intent): boolean =>
      intent.records.length > 0 && intent.records.every((r) => r.identity.seq <= seq);
    const stored = this.#intents.filter(isStored);
    this.#intents = this.#intents.filter((intent) => !isStored(intent));
    this.invalidate();
    for (const intent of stored) this.#settle(intent, 'stored');
  }

  /** Acknowledges all changes from memory: they stay queued under their identities. */
  defer(): void {
    const intents = this.#intents;
    this.#intents = [];
    let hasFailed = false;
    for (const intent of intents) {
      const { options, records, isBaseless } = intent;
      const cannotWait = options.mustStore === true || records.length === 0 || isBaseless;
      // What was decided on a change that fails has lost its ground.
      if (!intent.deferred && (cannotWait || (hasFailed && !this.drafts.stands(intent)))) {
        hasFailed = true;
        this.invalidate();
        intent.fail(new ProtocolError('STORE_UNAVAILABLE', { retryAfterMs: 1_000 }));
        continue;
      }
      this.#intents.push(intent);
      if (hasFailed) this.invalidate();
      if (intent.deferred) continue;
      intent.deferred = true;
      this.drafts.grown();
      this.#deferredCount += 1;
      this.#parts.pending.add(this.#ledgerKey, intent.records.length, sizeOf(intent.records));
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
        else intent.records = this.#decideOn(this.draft, intent);
      } catch (error) {
        intent.fail(error);
        continue;
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
    for (const intent of dropped) this.#settle(intent, 'stored');
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
    if (!intent.deferred) {
      intent.settle(outcome);
      return;
    }
    this.#deferredCount -= 1;
    this.#parts.pending.settle(intent.records.length, sizeOf(intent.records));
    if (this.#deferredCount === 0) this.#parts.pending.remove(this.#ledgerKey);
  }

  #decideOn(draft: Session, intent: Intent): DecidedRecord[] {
    const at = Math.max(this.#parts.clock.now(), draft.lastAt);
    const decided: DecidedRecord[] = [];
    intent.since = this.#parts.clock.mono();
    intent.isBaseless = false;
    try {
      const bodies = intent.decide(draft, at);
      const isCommit = bodies.length > 0 || intent.options.renews === true;
      for (const body of isCommit ? this.#withTidying(bodies, draft, at) : bodies) {
        const why = draft.check(body);
        if (why !== undefined)
          throw new ProtocolError('UNSUPPORTED_OPERATION', { message: `not possible: ${why}` });
        const record = toDecided({ instance: this.#parts.instance, seq: this.#nextSeq() }, body);
        const over = overBound(this.#parts.limits, draft, record, decided.length);
        if (tidiesUp(body) && (over !== undefined || !isRoomBeside(decided, record, bodies))) continue;
        if (over !== undefined) throw over;
        this.drafts.extend([record], draft);
        decided.push(record);
      }
    } catch (error) {
      // Half a decision may stand on the draft: build it anew from what is queued.
      if (decided.length > 0) this.invalidate();
      throw error;
    }
    return decided;
  }

  /** A change with what is due to be tidied up, and the whole artifacts of a task that it ends. Pulled as it is applied. */
  *#withTidying(bodies: readonly RecordBody[], draft: Session, at: EpochMs): Generator<RecordBody> {
    yield* dueCompactions(draft, at, this.#parts.resumeMs);
    for (const body of bodies) {
      if (body.t === 'status' && isTerminal(body.state)) yield* wholeArtifacts(draft, body.task, at);
      yield body;
    }
  }

  #rebase(intent: Intent, merging: boolean): void {
    const before = { records: intent.records.length, bytes: sizeOf(intent.records) };
    const other = merging ? this.#journal.session : undefined;
    const { records, refused } = rebase(
      this.draft,
      intent.records,
      (record) => {
        this.drafts.extend([record], this.draft);
      },
      other,
    );
    intent.records = records;
    this.#parts.pending.settle(before.records - records.length, before.bytes - sizeOf(records));
    for (const { why, record } of refused) {
      const { tenant, sessionId } = this.draft.ref;
      this.#parts.log('record_refused', {
        tenant,
        sessionId,
        why,
        type: record.body.t,
        identity: formatIdentity(record.identity),
      });
    }
    if (refused.length > 0) this.#parts.counters.refused(refused.length);
  }

  #nextSeq(): number {
    const { seqs } = this.#parts;
    this.#seq = Math.max(this.#seq, this.#journal.ownSeq) + 1;
    seqs.highest = Math.max(seqs.highest, this.#seq);
    return this.#seq;
  }
}
