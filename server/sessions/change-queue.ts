import { ProtocolError } from '../../protocol/errors.ts';
import type { Bytes, DurationMs, EpochMs } from '../../protocol/units.ts';
import { rebase } from './rebase.ts';
import { formatIdentity, toDecided, type DecidedRecord, type RecordBody } from './records.ts';
import type { Session } from './session.ts';
import { PATIENCE_MS, type SessionParts } from './session-parts.ts';
import { TAIL_MAX_BYTES, TAIL_MAX_RECORDS } from './session-store.ts';
import type { StoredJournal } from './stored-journal.ts';

/** `unchanged`: the decision was that there is nothing to store. */
export type ChangeOutcome = 'stored' | 'deferred' | 'unchanged';

/**
 * Decides records on the draft; pure, and called again when the head had moved. Throws to reject the change.
 *
 * @param at time stamp for the records
 */
export type Decide = (draft: Session, at: EpochMs) => readonly RecordBody[];

export interface ChangeOptions {
  /** A client's write or its runner's: slides the TTL. False for settling, receipts, the reaper. */
  readonly slides?: boolean;
  /** Monotonic moment at which the change stops waiting for the store. Default: now + PATIENCE_MS. */
  readonly deadline?: DurationMs;
  /** Commit even when there is nothing to store: renews the life of the session. */
  readonly renews?: boolean;
  /** Rather fail than defer: the change makes no sense without the store's word. */
  readonly mustStore?: boolean;
}

/** A change on its way to the store. */
export interface Intent {
  readonly decide: Decide;
  readonly options: ChangeOptions;
  readonly since: DurationMs;
  readonly deadline: DurationMs;
  records: readonly DecidedRecord[];
  /** Acknowledged from memory: from now on it is never decided again, only rebased. */
  deferred: boolean;
  readonly settle: (outcome: ChangeOutcome) => void;
  readonly fail: (error: unknown) => void;
}

export interface Batch {
  readonly intents: readonly Intent[];
  readonly records: readonly DecidedRecord[];
}

const sizeOf = (records: readonly DecidedRecord[]): Bytes =>
  records.reduce((sum, record) => sum + record.bytes, 0);

/** The changes of one session that are not answered for, in order, and the draft: the stored fold with them on top. */
export class ChangeQueue {
  readonly #parts: SessionParts;
  readonly #journal: StoredJournal;
  readonly #ledgerKey: { replay(): Promise<void> };
  #intents: Intent[] = [];
  #draft: Session | undefined;
  #seq = 0;
  #deferredCount = 0;

  constructor(parts: SessionParts, journal: StoredJournal, ledgerKey: { replay(): Promise<void> }) {
    this.#parts = parts;
    this.#journal = journal;
    this.#ledgerKey = ledgerKey;
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
  /** Monotonic moment of the newest acknowledged change that slides the TTL. */
  get newestDeferred(): DurationMs | undefined {
    return this.#intents.findLast((intent) => intent.deferred && intent.options.slides !== false)?.since;
  }

  /** What decisions are made on. Rebuilt from the queue when the stored layer has changed; costs the queue. */
  get draft(): Session {
    if (this.#draft === undefined) {
      this.#draft = this.#journal.session.fork();
      for (const intent of this.#intents) this.#extend(intent.records);
    }
    return this.#draft;
  }

  /** The stored layer changed. */
  invalidate(): void {
    this.#draft = undefined;
  }

  /** @throws what `decide` throws; the queue is then as before. @returns undefined when there is nothing to store */
  add(decide: Decide, options: ChangeOptions, handlers: Pick<Intent, 'settle' | 'fail'>): Intent | undefined {
    const since = this.#parts.clock.mono();
    const deadline = options.deadline ?? since + PATIENCE_MS;
    const intent: Intent = { decide, options, since, deadline, records: [], deferred: false, ...handlers };
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

  /** The oldest changes that fit into one commit. */
  take(): Batch {
    const intents: Intent[] = [];
    const records: DecidedRecord[] = [];
    let bytes = 0;
    for (const intent of this.#intents) {
      const more = sizeOf(intent.records);
      const fits =
        records.length + intent.records.length <= TAIL_MAX_RECORDS && bytes + more <= TAIL_MAX_BYTES;
      if (intents.length > 0 && !fits) break;
      intents.push(intent);
      records.push(...intent.records);
      bytes += more;
    }
    return { intents, records };
  }

  /** Everything of the batch is in the store. */
  stored(batch: Batch): void {
    // Not simply the first ones: a change may have left the queue while its commit was under way.
    const done = this.#intents.filter((intent) => batch.intents.includes(intent));
    this.#intents = this.#intents.filter((intent) => !done.includes(intent));
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

  /** Acknowledges the oldest changes up to `last` (absent: all) from memory: they stay queued under their identities. */
  defer(last?: Intent): void {
    const end = last === undefined ? this.#intents.length : this.#intents.indexOf(last) + 1;
    for (const intent of this.#intents.slice(0, end)) {
      if (intent.deferred) continue;
      if (intent.options.mustStore === true || intent.records.length === 0) {
        this.withdraw(intent);
        intent.fail(new ProtocolError('STORE_UNAVAILABLE', { retryAfterMs: 1_000 }));
        continue;
      }
      intent.deferred = true;
      this.#deferredCount += 1;
      this.#parts.pending.add(this.#ledgerKey, intent.records.length, sizeOf(intent.records));
      intent.settle('deferred');
    }
  }

  /** The stored layer moved: live changes are decided again, acknowledged ones are rebased. */
  redecide(merging = false): void {
    const intents = this.#intents;
    this.#intents = [];
    this.#draft = this.#journal.session.fork();
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

  /** Drops acknowledged changes whose session is gone. @returns how many records */
  dropDeferred(): number {
    const dropped = this.#intents.filter((intent) => intent.deferred);
    this.#intents = this.#intents.filter((intent) => !intent.deferred);
    this.invalidate();
    for (const intent of dropped) this.#settle(intent, 'stored');
    return dropped.reduce((sum, intent) => sum + intent.records.length, 0);
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
    try {
      for (const body of intent.decide(draft, at)) {
        const why = draft.check(body);
        if (why !== undefined)
          throw new ProtocolError('UNSUPPORTED_OPERATION', { message: `not possible: ${why}` });
        const record = toDecided({ instance: this.#parts.instance, seq: this.#nextSeq() }, body);
        this.#checkBounds(draft, record);
        this.#extend([record], draft);
        decided.push(record);
      }
    } catch (error) {
      // Half a decision may stand on the draft: build it anew from what is queued.
      if (decided.length > 0) this.invalidate();
      throw error;
    }
    return decided;
  }

  #rebase(intent: Intent, merging: boolean): void {
    const before = { records: intent.records.length, bytes: sizeOf(intent.records) };
    const other = merging ? this.#journal.session : undefined;
    const { records, refused } = rebase(
      this.draft,
      intent.records,
      (record) => {
        this.#extend([record]);
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

  #extend(records: readonly DecidedRecord[], draft: Session = this.draft): void {
    for (const { identity, body, bytes } of records) {
      if (identity.seq <= this.#journal.ownSeq) continue;
      draft.apply({ n: draft.head + 1, identity, body, skippable: false, bytes });
    }
  }

  /** The end of a task always fits: without it a full session would stay working for ever. */
  #checkBounds(draft: Session, { body, bytes }: DecidedRecord): void {
    const { recordMaxBytes, sessionMaxBytes, sessionMaxRecords } = this.#parts.limits;
    const over = (bound: string): ProtocolError =>
      new ProtocolError('RESOURCE_EXHAUSTED', {
        message: `the session is full: ${bound}`,
        metadata: { bound },
      });
    if (bytes > recordMaxBytes) throw over('A2A_MAX_RECORD_BYTES');
    if (body.t === 'status') return;
    if (draft.bytes + bytes > sessionMaxBytes) throw over('A2A_MAX_SESSION_BYTES');
    if (draft.head + 1 > sessionMaxRecords) throw over('A2A_MAX_SESSION_RECORDS');
  }

  #nextSeq(): number {
    this.#seq = Math.max(this.#seq, this.#journal.ownSeq) + 1;
    return this.#seq;
  }
}
