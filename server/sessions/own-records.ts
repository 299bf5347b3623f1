import type { Bytes, DurationMs } from '../../protocol/units.ts';
import { ByteLog } from './byte-log.ts';
import { appendChange, ChangeEntry, hashOf, type AcknowledgedChange } from './change-bytes.ts';
import { formatIdentity, type DecidedRecord } from './records.ts';
import { refKey, type SessionRef } from './session-ref.ts';
import type { Cursor } from './session-store.ts';

export type { AcknowledgedChange } from './change-bytes.ts';

/** So long a store may take to lose what it had acknowledged: a replica lags by less, a log is flushed every second. */
const MAX_AGE_MS: DurationMs = 60_000;
const MAX_BYTES: Bytes = 64 * 1_048_576;
const MAX_CHANGES = 100_000;
const SWEEP_MS: DurationMs = 5_000;

/** Each instance's by seq, because what is found comes late; instances in the order of their first. */
function inOrder(changes: readonly ChangeEntry[]): ChangeEntry[] {
  const byInstance = new Map<string, ChangeEntry[]>();
  for (const change of changes) {
    const others = byInstance.get(change.instance);
    if (others === undefined) byInstance.set(change.instance, [change]);
    else others.push(change);
  }
  return [...byInstance.values()].flatMap((of) => of.toSorted((a, b) => a.firstSeq - b.firstSeq));
}

export interface OwnRecordsOptions {
  /** Of all sessions together; over it the oldest go first. Default 64 MiB. 0 keeps nothing: the store cannot go back. */
  readonly maxBytes?: Bytes | undefined;
  readonly mono: () => DurationMs;
}

/**
 * What this process has stored within the last minute. A store that goes back, because a replica that lagged was promoted
 * or the end of a log is gone, can be given it once more. Kept as bytes: as objects, thousands a second that live for a
 * minute, it was half of the heap, and most of what the garbage collector had to do.
 */
export class OwnRecords {
  readonly #maxBytes: Bytes;
  readonly #mono: () => DurationMs;
  /** Absent while there is nothing in it. */
  #log: ByteLog | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor({ maxBytes = MAX_BYTES, mono }: OwnRecordsOptions) {
    this.#maxBytes = maxBytes;
    this.#mono = mono;
  }

  /** Of what was forgotten or taken out, the room is free when everything that is older is gone. */
  get bytes(): Bytes {
    return this.#log?.bytes ?? 0;
  }

  /**
   * A change was stored.
   *
   * @param cursor where the session stands with it
   * @param at monotonic moment at which it was stored, where that is at hand
   */
  keep(ref: SessionRef, cursor: Cursor, change: AcknowledgedChange, at = this.#mono()): void {
    if (this.#maxBytes === 0 || change.records.length === 0) return;
    this.#log ??= new ByteLog(MAX_CHANGES);
    appendChange(this.#log, ref, cursor, change, at);
    this.#prune(at);
    this.#timer ??= setInterval(() => {
      this.#sweep();
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
    if (this.#maxBytes === 0) return;
    const changes = this.#changesOf(ref).filter(({ epoch }) => epoch === cursor.epoch);
    const known = new Set(changes.flatMap(({ identities }) => identities.map(formatIdentity)));
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
    if (this.#log === undefined) return [];
    this.#prune(this.#mono());
    const missing = this.#changesOf(ref).filter(
      (change) =>
        change.epoch === epoch && change.identities.some(({ instance, seq }) => seq > seqOf(instance)),
    );
    const whole = inOrder(missing).map((change) => change.whole());
    this.#drop(missing);
    return whole;
  }

  /** The session has ended. */
  forget(ref: SessionRef): void {
    this.#drop(this.#changesOf(ref));
  }

  /** Sessions in which something was stored within the last minute and before that moment, and where each stands. */
  sessions(before: DurationMs): { readonly ref: SessionRef; readonly cursor: Cursor }[] {
    this.#prune(this.#mono());
    const sessions = new Map<string, { ref: SessionRef; cursor: Cursor; since: DurationMs }>();
    for (const entry of this.#log?.all() ?? []) {
      if (entry.isGone) continue;
      const { ref, cursor } = new ChangeEntry(entry);
      const key = refKey(ref);
      const known = sessions.get(key);
      if (known?.cursor.epoch === cursor.epoch) known.cursor = cursor;
      else sessions.set(key, { ref, cursor, since: entry.writtenAt });
    }
    return [...sessions.values()]
      .filter(({ since }) => since < before)
      .map(({ ref, cursor }) => ({ ref, cursor }));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Oldest first. An epoch that has begun is the only one: what is kept of one before it goes. */
  #changesOf(ref: SessionRef): ChangeEntry[] {
    const changes: ChangeEntry[] = [];
    const log = this.#log;
    if (log === undefined) return changes;
    const hash = hashOf(ref);
    let isBefore = false;
    for (let entry = log.newest(hash); entry !== undefined; entry = log.before(entry)) {
      if (entry.isGone || entry.hash !== hash) continue;
      const change = new ChangeEntry(entry);
      if (!change.isOf(ref)) continue;
      isBefore ||= changes[0] !== undefined && changes[0].epoch !== change.epoch;
      if (isBefore) log.drop(entry);
      else changes.push(change);
    }
    return changes.reverse();
  }

  #drop(changes: readonly ChangeEntry[]): void {
    if (changes.length === 0) return;
    for (const { entry } of changes) this.#log?.drop(entry);
    this.#prune(this.#mono());
  }

  #prune(now: DurationMs): void {
    this.#log?.prune(now - MAX_AGE_MS, this.#maxBytes, MAX_CHANGES);
  }

  #sweep(): void {
    this.#prune(this.#mono());
    if (this.#log?.count !== 0) return;
    this.#log = undefined;
    this.close();
  }
}
