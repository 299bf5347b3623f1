import type { Bytes, DurationMs } from '../../protocol/units.ts';
import { formatIdentity, toDecided, type DecidedRecord, type Identity, type RecordBody } from './records.ts';
import { refKey, type SessionRef } from './session-ref.ts';
import type { Cursor } from './session-store.ts';

/** So long a store may take to lose what it had acknowledged: a replica lags by less, a log is flushed every second. */
const MAX_AGE_MS: DurationMs = 60_000;
const MAX_BYTES: Bytes = 64 * 1_048_576;
const MAX_CHANGES = 100_000;
/** About what stands around the content of a record: the objects of its body, and the lists it is in. */
const OVERHEAD: Bytes = 200;
const SWEEP_MS: DurationMs = 5_000;
/** Up to so many changes of a session are kept in a list that is just as long. */
const FEW = 8;

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

/**
 * A change as it is kept, in a third of the memory: what is decided has its JSON beside it, and a body is mostly what the
 * session in memory has as well. Made whole again where a store went back.
 */
class Kept {
  readonly of: KeptSession;
  readonly bytes: Bytes;
  readonly instance: string;
  readonly firstSeq: number;
  /** Absent where they count on from the first, as they mostly do. */
  readonly #seqs: readonly number[] | undefined;
  /** One or several: an array for each change of one record is as much again as the rest of it. */
  readonly #bodies: RecordBody | readonly RecordBody[];
  /** In whole milliseconds: what has a fraction is an object of its own. */
  readonly #since: DurationMs;
  readonly #slides: boolean;
  /** Monotonic moment at which it was stored. */
  readonly at: DurationMs;
  next: Kept | undefined = undefined;
  isGone = false;

  constructor(
    of: KeptSession,
    first: DecidedRecord,
    { records, since, slides }: AcknowledgedChange,
    at: DurationMs,
  ) {
    const { instance, seq } = first.identity;
    let bytes = 0;
    let countsOn = true;
    for (let i = 0; i < records.length; i += 1) {
      const record = records[i] as DecidedRecord;
      bytes += record.bytes + OVERHEAD;
      countsOn &&= record.identity.seq === seq + i;
    }
    this.of = of;
    this.bytes = bytes;
    this.instance = instance;
    this.firstSeq = seq;
    this.#seqs = countsOn ? undefined : records.map(({ identity }) => identity.seq);
    this.#bodies = records.length === 1 ? first.body : records.map(({ body }) => body);
    this.#since = Math.floor(since);
    this.#slides = slides;
    this.at = at;
  }

  get identities(): Identity[] {
    const { instance, firstSeq } = this;
    return toList(this.#bodies).map((_, i) => ({ instance, seq: this.#seqs?.[i] ?? firstSeq + i }));
  }

  /** As it can be offered once more. */
  whole(): AcknowledgedChange {
    const { identities } = this;
    const records = toList(this.#bodies).map((body, i) => toDecided(identities[i] as Identity, body));
    return { records, since: this.#since, slides: this.#slides };
  }
}

const toList = (bodies: RecordBody | readonly RecordBody[]): readonly RecordBody[] =>
  't' in bodies ? [bodies] : bodies;

/** Each instance's by seq, because what is found comes late; instances in the order of their first. */
function inOrder(changes: readonly Kept[]): Kept[] {
  const byInstance = new Map<string, Kept[]>();
  for (const change of changes)
    byInstance.set(change.instance, [...(byInstance.get(change.instance) ?? []), change]);
  return [...byInstance.values()].flatMap((of) => of.toSorted((a, b) => a.firstSeq - b.firstSeq));
}

const NONE: Kept[] = [];

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
  keep(ref: SessionRef, cursor: Cursor, change: AcknowledgedChange): void {
    const [first] = change.records;
    if (this.#maxBytes === 0 || first === undefined) return;
    const key = refKey(ref);
    let session = this.#sessions.get(key);
    if (session?.cursor.epoch !== cursor.epoch) {
      this.forget(ref);
      session = { ref, cursor, changes: NONE };
      this.#sessions.set(key, session);
    }
    session.cursor = cursor;
    const kept = new Kept(session, first, change, this.#mono());
    // What an empty list grows to has room for 17: most sessions have a few in a minute.
    if (session.changes.length < FEW) session.changes = [...session.changes, kept];
    else session.changes.push(kept);
    if (this.#last === undefined) this.#first = kept;
    else this.#last.next = kept;
    this.#last = kept;
    this.#count += 1;
    this.#bytes += kept.bytes;
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
    const known = new Set(changes.flatMap((change) => change.identities.map(formatIdentity)));
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
    const isMissing = ({ identities }: Kept): boolean =>
      identities.some(({ instance, seq }) => seq > seqOf(instance));
    const missing = session.changes.filter(isMissing);
    if (missing.length === 0) return [];
    session.changes = session.changes.filter((kept) => !missing.includes(kept));
    for (const kept of missing) this.#drop(kept);
    if (session.changes.length === 0) this.#sessions.delete(refKey(ref));
    return inOrder(missing).map((kept) => kept.whole());
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
      if (kept.of.changes.length === 1) kept.of.changes = NONE;
      else kept.of.changes.shift();
      const key = refKey(kept.of.ref);
      if (kept.of.changes.length === 0 && this.#sessions.get(key) === kept.of) this.#sessions.delete(key);
    }
    if (this.#first === undefined) this.close();
  }
}
