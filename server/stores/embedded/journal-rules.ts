/** The rules of the commit script once more, for stores that live in this process. Pure. */
import type { EpochMs } from '../../../protocol/units.ts';
import { TAIL_MAX_BYTES, TAIL_MAX_RECORDS } from '../../sessions/session-store.ts';
import type {
  CommitRequest,
  Cursor,
  JournalSnapshot,
  JournalTail,
  StoredRecord,
  Tombstone,
} from '../../sessions/session-store.ts';
import { ANSWERED_MAX, checkTtl } from '../request-checks.ts';
import type { DeadEntry, Entry, LiveEntry } from './tables.ts';

export function isDead(entry: Entry): entry is DeadEntry {
  return 'd' in entry;
}

/** How many sessions an entry is: a tombstone is none. */
export const sessionsIn = (entry: Entry | undefined): 0 | 1 => (entry === undefined || isDead(entry) ? 0 : 1);

export type Verdict = 'create' | 'append' | 'gone' | 'exists' | 'stored' | 'moved' | 'diverged';

/** Epoch, then identity, then head: a retry is recognised before its old head can be called moved. */
export function judge(entry: Entry | undefined, request: CommitRequest): Verdict {
  const { expected, createEpoch, instance, records } = request;
  if (entry === undefined) return createEpoch === undefined ? 'gone' : 'create';
  // a create must name the tombstone it has read, otherwise it did not know of the deletion
  if (isDead(entry)) return createEpoch !== undefined && entry.e === expected.epoch ? 'create' : 'gone';
  if (entry.e !== (createEpoch ?? expected.epoch)) {
    // begun by an attempt whose answer was lost, deleted, and begun anew by somebody else: not to be merged
    const isDeleted = createEpoch === undefined || entry.g?.includes(createEpoch) === true;
    return isDeleted ? 'gone' : 'exists';
  }
  const first = records[0];
  if (first !== undefined && lastSeqOf(entry, instance) >= first.seq) return 'stored';
  if (entry.v > expected.head) return 'moved';
  return entry.v === expected.head && entry.w === expected.w ? 'append' : 'diverged';
}

export function lastSeqOf(entry: LiveEntry, instance: string): number {
  return Object.hasOwn(entry.o, instance) ? (entry.o[instance] ?? -1) : -1;
}

const DEAD_EPOCHS_MAX = 64;

function newEntry(createEpoch: string, tombstone: DeadEntry | undefined): LiveEntry {
  const entry: LiveEntry = { e: createEpoch, v: 0, w: '', b: 0, x: 0, o: {} };
  if (tombstone === undefined) return entry;
  return { ...entry, g: [...(tombstone.g ?? []), tombstone.e].slice(-DEAD_EPOCHS_MAX) };
}

/** The entry after a commit that was judged `create` (`before` undefined or dead) or `append`. */
export function entryAfter(before: Entry | undefined, request: CommitRequest, now: EpochMs): LiveEntry {
  const { instance, records, expiry } = request;
  const old = before === undefined || isDead(before) ? newEntry(request.createEpoch ?? '', before) : before;
  let { x } = old;
  if (expiry.kind === 'slide') x = now + checkTtl(expiry.ttlMs);
  else if (expiry.kind === 'lengthen') x = Math.max(x, now + checkTtl(expiry.ttlMs));
  const last = records.at(-1);
  if (last === undefined) return { ...old, x };
  let { b } = old;
  for (const { json } of records) b += Buffer.byteLength(json);
  const w = request.w ?? `${instance}.${last.seq}`;
  return { ...old, v: old.v + records.length, w, b, x, o: { ...old.o, [instance]: last.seq } };
}

/** Where a reader's records start: behind its head, or from the first when its cursor does not fit. */
export function readAfter(entry: LiveEntry, cursor: Cursor | undefined): number {
  if (cursor === undefined || cursor.epoch !== entry.e || cursor.head > entry.v) return 0;
  return cursor.head === entry.v && cursor.w !== entry.w ? 0 : cursor.head;
}

export function cutTail(
  entry: LiveEntry,
  after: number,
  record: (n: number) => string | undefined,
): JournalTail {
  const records: StoredRecord[] = [];
  let bytes = 0;
  for (let n = after + 1; n <= entry.v && records.length < TAIL_MAX_RECORDS; n += 1) {
    const json = record(n) ?? null;
    bytes += json === null ? 0 : Buffer.byteLength(json);
    if (bytes > TAIL_MAX_BYTES && records.length > 0) break;
    records.push({ n, json });
  }
  return { records, more: after + records.length < entry.v };
}

export function snapshotOf(entry: LiveEntry, now: EpochMs): JournalSnapshot {
  return {
    cursor: { epoch: entry.e, head: entry.v, w: entry.w },
    remainingMs: entry.x - now,
    bytes: entry.b,
    answered: entry.m ?? [],
    derived: { serves: entry.n ?? '', answered: entry.a ?? false },
  };
}

/** What `gone` says of a session. */
export function goneOf(
  entry: Entry | undefined,
  createEpoch: string | undefined,
  now: EpochMs,
): { readonly tombstone?: Tombstone } {
  if (entry === undefined || isDead(entry) || createEpoch === undefined) return tombstoneOf(entry, now);
  return { tombstone: { epoch: createEpoch, deletedAgoMs: 0 } };
}

export function tombstoneOf(entry: Entry | undefined, now: EpochMs): { readonly tombstone?: Tombstone } {
  return entry === undefined || !isDead(entry)
    ? {}
    : { tombstone: { epoch: entry.e, deletedAgoMs: Math.max(0, now - entry.d) } };
}

/** @param derived whether the answer of the session that serves it was delivered, too */
export function withAnswered(entry: LiveEntry, messages: readonly number[], derived: boolean): LiveEntry {
  const m = messages.length > 0 ? [...new Set([...(entry.m ?? []), ...messages])] : (entry.m ?? []);
  return { ...entry, m: m.slice(-ANSWERED_MAX), a: derived || entry.a === true };
}
