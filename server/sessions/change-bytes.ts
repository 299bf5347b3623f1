/**
 * A change that was stored, as bytes: JSON of its records, made when they were decided, and what else is needed to offer it
 * once more. Written for each change, read for hardly any.
 */
import type { Bytes, DurationMs } from '../../protocol/units.ts';
import type { ByteLog, Entry, Slab } from './byte-log.ts';
import type { DecidedRecord, Identity, RecordBody } from './records.ts';
import type { SessionRef } from './session-ref.ts';
import type { Cursor } from './session-store.ts';
import { fromChunk } from './stored-chunk.ts';

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
 * In front, numbers of which each has its place. Then one text of all names, because one write of it costs less than five:
 * tenant, session id, epoch, place, instance. Of all but the last the lengths are known, in characters.
 */
const HEAD_AT = 8;
const SLIDES_AT = 16;
const RECORDS_AT = 17;
const TENANT_AT = 21;
const SESSION_AT = 25;
const EPOCH_AT = 29;
const W_AT = 33;
const NAMES_AT = 37;
const FIXED: Bytes = 41;
/** In front of the JSON of a record: its seq, and how many bytes it has. */
const JSON_AT: Bytes = 12;
/** A character of a string is never more in UTF-8. */
const MAX_BYTES_PER_CHAR: Bytes = 3;

/** Another one in every process, so that nobody can choose ids of one hash, which would be slow to find. */
const SEED = Math.floor(Math.random() * 2 ** 32);
const PRIME = 0x01000193;

/** FNV-1a, of characters instead of bytes. */
export function hashOf({ tenant, sessionId }: SessionRef): number {
  let hash = SEED | 0;
  for (let i = 0; i < tenant.length; i += 1) hash = Math.imul(hash ^ tenant.charCodeAt(i), PRIME);
  for (let i = 0; i < sessionId.length; i += 1) hash = Math.imul(hash ^ sessionId.charCodeAt(i), PRIME);
  return hash >>> 0;
}

/** @param cursor where the session stands with the change @param at monotonic moment at which it was stored */
export function appendChange(
  log: ByteLog,
  ref: SessionRef,
  cursor: Cursor,
  change: AcknowledgedChange,
  at: DurationMs,
): void {
  const { tenant, sessionId } = ref;
  const { epoch, head, w } = cursor;
  const { records, since, slides } = change;
  const names = tenant + sessionId + epoch + w + (records[0]?.identity.instance ?? '');
  let room = FIXED + MAX_BYTES_PER_CHAR * names.length;
  for (const record of records) room += JSON_AT + record.bytes;
  const slab = log.begin(room);
  const { bytes, view, next: start } = slab;
  view.setFloat64(start, since, true);
  view.setFloat64(start + HEAD_AT, head, true);
  view.setUint8(start + SLIDES_AT, slides ? 1 : 0);
  view.setUint32(start + RECORDS_AT, records.length, true);
  view.setUint32(start + TENANT_AT, tenant.length, true);
  view.setUint32(start + SESSION_AT, sessionId.length, true);
  view.setUint32(start + EPOCH_AT, epoch.length, true);
  view.setUint32(start + W_AT, w.length, true);
  const namesBytes = bytes.write(names, start + FIXED);
  view.setUint32(start + NAMES_AT, namesBytes, true);
  let end = start + FIXED + namesBytes;
  for (const { identity, json } of records) {
    const jsonBytes = bytes.write(json, end + JSON_AT);
    view.setFloat64(end, identity.seq, true);
    view.setUint32(end + 8, jsonBytes, true);
    end += JSON_AT + jsonBytes;
  }
  log.seal(slab, end, hashOf(ref), at);
}

/** Not looked at as what comes from a store is: it was made here. */
function toBody(json: string, instance: string): RecordBody {
  const value = JSON.parse(json) as Record<string, unknown>;
  return (value['t'] === 'chunk' ? fromChunk(value, instance) : value) as RecordBody;
}

/** A change in the log, read as far as it is asked. */
export class ChangeEntry {
  readonly entry: Entry;
  readonly #slab: Slab;
  readonly #start: number;
  #names: string | undefined;

  constructor(entry: Entry) {
    this.entry = entry;
    this.#slab = entry.slab;
    this.#start = entry.start;
  }

  get ref(): SessionRef {
    return { tenant: this.#name(0), sessionId: this.#name(1) };
  }
  get cursor(): Cursor {
    return {
      epoch: this.epoch,
      head: this.#slab.view.getFloat64(this.#start + HEAD_AT, true),
      w: this.#name(3),
    };
  }
  get epoch(): string {
    return this.#name(2);
  }
  get instance(): string {
    return this.#name(4);
  }

  /** The first of its records. */
  get firstSeq(): number {
    return this.#slab.view.getFloat64(this.#recordsStart, true);
  }

  isOf({ tenant, sessionId }: SessionRef): boolean {
    return this.#name(0) === tenant && this.#name(1) === sessionId;
  }

  get identities(): Identity[] {
    const { instance } = this;
    return this.#read((seq) => ({ instance, seq }));
  }

  /** As it can be offered once more. */
  whole(): AcknowledgedChange {
    const { instance } = this;
    const { bytes: from, view } = this.#slab;
    const records = this.#read((seq, start, end): DecidedRecord => {
      const json = from.toString('utf8', start, end);
      return { identity: { instance, seq }, body: toBody(json, instance), json, bytes: end - start };
    });
    const since = view.getFloat64(this.#start, true);
    return { records, since, slides: view.getUint8(this.#start + SLIDES_AT) === 1 };
  }

  #name(which: number): string {
    const { bytes, view } = this.#slab;
    const start = this.#start;
    this.#names ??= bytes.toString('utf8', start + FIXED, this.#recordsStart);
    let from = 0;
    for (let i = 0; i < which; i += 1) from += view.getUint32(start + TENANT_AT + 4 * i, true);
    const length = which < 4 ? view.getUint32(start + TENANT_AT + 4 * which, true) : undefined;
    return this.#names.slice(from, length === undefined ? undefined : from + length);
  }

  get #recordsStart(): number {
    return this.#start + FIXED + this.#slab.view.getUint32(this.#start + NAMES_AT, true);
  }

  /** @param toItem told the seq, where the JSON begins, and where it ends */
  #read<T>(toItem: (seq: number, start: number, end: number) => T): T[] {
    const { view } = this.#slab;
    const items: T[] = [];
    let at = this.#recordsStart;
    for (let left = view.getUint32(this.#start + RECORDS_AT, true); left > 0; left -= 1) {
      const start = at + JSON_AT;
      const end = start + view.getUint32(at + 8, true);
      items.push(toItem(view.getFloat64(at, true), start, end));
      at = end;
    }
    return items;
  }
}
