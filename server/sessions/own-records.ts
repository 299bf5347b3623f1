import type { Bytes, DurationMs } from '../../protocol/units.ts';
import { formatIdentity, type DecidedRecord } from './records.ts';
import { refKey, type SessionRef } from './session-ref.ts';
import type { Cursor } from './session-store.ts';

/** So long a store may take to lose what it had acknowledged: a replica lags by less, a log is flushed every second. */
const MAX_AGE_MS: DurationMs = 60_000;
const MAX_BYTES: Bytes = 64 * 1_048_576;
const MAX_CHANGES = 100_000;
/** About what stands around the JSON of a record: its parsed body, and the lists it is in. */
const OVERHEAD: Bytes = 200;
const SWEEP_MS: DurationMs = 5_000;

/** A change that was acknowledged, as it can be offered once more. */
export interface AcknowledgedChange {
  /** One instance's. */
  readonly records: readonly DecidedRecord[];
  /** Monotonic moment of its decision. */
  readonly since: DurationMs;
  /** Whether it renewed the life of the session. */
  readonly slides: boolean;
  /** Head of the journal that it was decided on; absent: not known. */
  readonly decidedOn?: number | undefined;
}

interface Kept extends AcknowledgedChange {
  readonly at: DurationMs;
  readonly bytes: Bytes;
  readonly of: KeptSession;
  next: Kept | undefined;
  isGone: boolean;
}

/** Each instance's by seq, because what is found comes late; instances in the order of their first. */
function inOrder(changes: readonly Kept[]): Kept[] {
  const byInstance = new Map<string, Kept[]>();
  for (const change of changes) {
    const instance = change.records[0]?.identity.instance ?? '';
    byInstance.set(instance, [...(byInstance.get(instance) ?? []), change]);
  }
  const seqOf = ({ records }: Kept): number => records[0]?.identity.seq ?? 0;
  return [...byInstance.values()].flatMap((of) => of.toSorted((a, b) => seqOf(a) - seqOf(b)));
}

interface KeptSession {
  readonly ref: SessionRef;
  /** Where the session stood after the last of the changes. */
  cursor: Cursor;
  changes: Kept[];
}

export interface OwnRecordsOptions {
  /** Of all sessions together; over it the oldest go first. Default 64 MiB. 0 keeps nothing: the store cannot go back. */
  readonly maxBytes?: Bytes | undefined;
  readonly mono: () => DurationMs;
}

/**
 * What this process has stored within the last minute. A store that goes back, because a replica that lagged was promoted
 * or the end of a log is gone, can be given it once more.
 */
export class OwnRecords {
  readonly #maxBytes: Bytes;
  readonly #mono: () => DurationMs;
  readonly #sessions = new Map<string, KeptSession>();
  #first: Kept | undefined;
  #last: Kept | undefined;
  #count = 0;
  #bytes: Bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor({ maxBytes = MAX_BYTES, mono }: OwnRecordsOptions) {
    this.#maxBytes = maxBytes;
    this.#mono = mono;
  }

  get bytes(): Bytes {
    return this.#bytes;
  }

  /** A change was stored. @param cursor where the session stands with it */
  keep(ref: SessionRef, cursor: Cursor, { records, since, slides }: AcknowledgedChange): void {
    if (this.#maxBytes === 0 || records.length === 0) return;
    const key = refKey(ref);
    let session = this.#sessions.get(key);
    if (session?.cursor.epoch !== cursor.epoch) {
      this.forget(ref);
      session = { ref, cursor, changes: [] };
      this.#sessions.set(key, session);
    }
    session.cursor = cursor;
    const bytes = records.reduce((sum, record) => sum + record.bytes + OVERHEAD, 0);
    const at = this.#mono();
    const kept: Kept = { records, since, slides, at, bytes, of: session, next: undefined, isGone: false };
    session.changes.push(kept);
    if (this.#last === undefined) this.#first = kept;
    else this.#last.next = kept;
    this.#last = kept;
    this.#count += 1;
    this.#bytes += bytes;
    this.#prune();
    this.#timer ??= setInterval(() => {
      this.#prune();
    }, SWEEP_MS).unref();
  }

  /**
   * Records of this process stand in the journal, and whoever decided them may have gone: their answer was lost, or late.
   * What is kept of them is not kept twice.
   *
   * @param records in their order
   * @param since monotonic moment of the decision
   */
  keepFound(ref: SessionRef, cursor: Cursor, records: readonly DecidedRecord[], since: DurationMs): void {
    const kept = this.#sessions.get(refKey(ref));
    const changes = kept?.cursor.epoch === cursor.epoch ? kept.changes : [];
    const known = new Set(
      changes.flatMap((change) => change.records.map(({ identity }) => formatIdentity(identity))),
    );
    let change: DecidedRecord[] = [];
    for (const record of records) {
      const isKnown = known.has(formatIdentity(record.identity));
      if (!isKnown) change.push(record);
      if (!isKnown || change.length === 0) continue;
      this.keep(ref, cursor, { records: change, since, slides: true });
      change = [];
    }
    this.keep(ref, cursor, { records: change, since, slides: true });
  }

  /**
   * Takes out, in their order, the changes of a session that a journal does not have.
   *
   * @param epoch of that journal: what was stored in another is not for it
   * @param seqOf the last seq of an instance that stands in it
   */
  takeMissing(ref: SessionRef, epoch: string, seqOf: (instance: string) => number): AcknowledgedChange[] {
    const session = this.#sessions.get(refKey(ref));
    if (session === undefined) return [];
    this.#prune();
    if (session.cursor.epoch !== epoch) return [];
    const isMissing = ({ records }: Kept): boolean =>
      records.some(({ identity }) => identity.seq > seqOf(identity.instance));
    const missing = session.changes.filter(isMissing);
    if (missing.length === 0) return [];
    session.changes = session.changes.filter((kept) => !missing.includes(kept));
    for (const kept of missing) this.#drop(kept);
    if (session.changes.length === 0) this.#sessions.delete(refKey(ref));
    return inOrder(missing);
  }

  /** The session has ended. */
  forget(ref: SessionRef): void {
    const session = this.#sessions.get(refKey(ref));
    if (session === undefined) return;
    this.#sessions.delete(refKey(ref));
    for (const kept of session.changes) this.#drop(kept);
  }

  /** Sessions in which something was stored within the last minute and before that moment, and where each stands. */
  *sessions(before: DurationMs): Generator<{ readonly ref: SessionRef; readonly cursor: Cursor }> {
    this.#prune();
    for (const { ref, cursor, changes } of [...this.#sessions.values()])
      if ((changes[0]?.at ?? Infinity) < before) yield { ref, cursor };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #drop(kept: Kept): void {
    kept.isGone = true;
    this.#count -= 1;
    this.#bytes -= kept.bytes;
  }

  #prune(): void {
    const before = this.#mono() - MAX_AGE_MS;
    for (;;) {
      const kept = this.#first;
      const isOver = this.#bytes > this.#maxBytes || this.#count > MAX_CHANGES;
      if (kept === undefined || !(kept.isGone || isOver || kept.at < before)) break;
      this.#first = kept.next;
      if (kept.next === undefined) this.#last = undefined;
      if (kept.isGone) continue;
      this.#drop(kept);
      // The oldest of all is the oldest of its session.
      kept.of.changes.shift();
      const key = refKey(kept.of.ref);
      if (kept.of.changes.length === 0 && this.#sessions.get(key) === kept.of) this.#sessions.delete(key);
    }
    if (this.#first === undefined) this.close();
  }
}
