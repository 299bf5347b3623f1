/** The commit of an embedded store, over the tables of one transaction: it looks first and writes afterwards. */
import type { EpochMs } from '../../../protocol/units.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import type { AliasEntry, CommitRequest, CommitResult } from '../../sessions/session-store.ts';
import { aliasField, decodeFullTaskId, encodeFullTaskId } from '../encoded-ids.ts';
import { cutTail, entryAfter, goneOf, isDead, judge, lastSeqOf, snapshotOf } from './journal-rules.ts';
import { judgeLimits } from './limit-rules.ts';
import type { Address, Entry, LiveEntry, Tables } from './tables.ts';

/** A session or a tombstone whose time has not passed. */
export function entryIn(tables: Tables, at: Address, now: EpochMs): Entry | undefined {
  return unlessOver(tables.entry(at), now);
}

const unlessOver = (entry: Entry | undefined, now: EpochMs): Entry | undefined =>
  entry !== undefined && entry.x > now ? entry : undefined;

export function liveIn(tables: Tables, at: Address, now: EpochMs, epoch?: string): LiveEntry | undefined {
  const entry = entryIn(tables, at, now);
  if (entry === undefined || isDead(entry)) return undefined;
  return epoch === undefined || entry.e === epoch ? entry : undefined;
}

/** A session as it is answered, with its records after this number. */
export function seenIn(tables: Tables, at: Address, entry: LiveEntry, after: number, now: EpochMs) {
  const tail = cutTail(entry, after, (n) => tables.record(at, n));
  return { ...snapshotOf(entry, now), tail };
}

export function commitIn(tables: Tables, at: Address, request: CommitRequest, now: EpochMs): CommitResult {
  const found = tables.entry(at);
  const entry = unlessOver(found, now);
  const outcome = judge(entry, request);
  if (outcome === 'gone') return { outcome, ...goneOf(entry, request.createEpoch, now) };
  if (outcome === 'diverged') return { outcome };
  const live = entry === undefined || isDead(entry) ? undefined : entry;
  if (live !== undefined && outcome !== 'append') return missed(tables, at, live, outcome, request, now);
  // what is left of an expired session must not come back with the new one; without an entry nothing is left
  if (live === undefined && found !== undefined) tables.purge(at);
  const giveBack = (): void => {
    // a tombstone was purged only to be written over
    if (entry !== undefined && live === undefined) tables.putEntry(at, entry);
  };
  for (const alias of request.aliases) {
    const taken = takenBy(tables, at, alias, now);
    if (taken !== undefined) {
      giveBack();
      return { outcome: 'aliased', clientTaskId: alias.clientTaskId, taskId: decodeFullTaskId(taken) };
    }
  }
  const verdict = judgeLimits(tables, at, request, live === undefined);
  if (verdict !== undefined && 'refused' in verdict) {
    giveBack();
    return { outcome: 'refused', limit: verdict.refused };
  }
  apply(tables, at, entry, request, now);
  return { outcome: 'ok', ...verdict };
}

function missed(
  tables: Tables,
  at: Address,
  entry: LiveEntry,
  outcome: 'create' | 'exists' | 'stored' | 'moved',
  request: CommitRequest,
  now: EpochMs,
): CommitResult {
  const seen = seenIn(tables, at, entry, request.expected.head, now);
  if (outcome === 'stored') return { outcome, upTo: lastSeqOf(entry, request.instance), ...seen };
  if (outcome === 'moved') return { outcome, ...seen };
  const hidden = request.onExists === 'head';
  return { outcome: 'exists', ...seen, ...(hidden && { tail: { records: [], more: entry.v > 0 } }) };
}

/** An alias of a session that has expired is free, whether it was retired yet or not. */
function takenBy(
  tables: Tables,
  { tenant, session }: Address,
  alias: AliasEntry,
  now: EpochMs,
): string | undefined {
  const named = tables.alias(tenant, aliasField(alias.subject, alias.clientTaskId));
  if (named === undefined || named === `${session}.${encodeId(alias.local)}`) return undefined;
  if (alias.expected !== null && named === encodeFullTaskId(alias.expected)) return undefined;
  const owner = { tenant, session: named.slice(0, named.indexOf('.')) };
  return liveIn(tables, owner, now) === undefined ? undefined : named;
}

function apply(
  tables: Tables,
  at: Address,
  before: Entry | undefined,
  request: CommitRequest,
  now: EpochMs,
): void {
  const head = before === undefined || isDead(before) ? 0 : before.v;
  const entry = entryAfter(before, request, now);
  for (const { local, state, statusAt, summary } of request.tasks) {
    if (state === null) tables.dropTask(at, encodeId(local));
    else tables.putTask(at, encodeId(local), { state, statusAt, summary });
  }
  for (const { subject, clientTaskId, local } of request.aliases) {
    tables.putAlias(at, aliasField(subject, clientTaskId), `${at.session}.${encodeId(local)}`);
  }
  let n = head;
  for (const { json } of request.records) tables.putRecord(at, ++n, json);
  const { outboxInMs } = request;
  if (outboxInMs !== undefined) tables.putDue(at, outboxInMs === null ? undefined : now + outboxInMs);
  tables.putEntry(at, entry);
}
