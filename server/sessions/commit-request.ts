import type { DurationMs } from '../../protocol/units.ts';
import type { Batch } from './change.ts';
import type { DecidedRecord, Identity, RecordBody } from './records.ts';
import { toLimits } from './quota.ts';
import { toStoredJson } from './stored-json.ts';
import type { Session } from './session.ts';
import type { Clock, SessionParts } from './session-parts.ts';
import { joinTaskId } from './session-ref.ts';
import type { AliasEntry, CommitRequest, Expiry, NewRecord, TaskIndexEntry } from './session-store.ts';
import type { TaskFold } from './task-fold.ts';
import { toTaskSummary } from './task-summary.ts';

/** Types that leave every index as it is. */
const NOT_INDEXED: ReadonlySet<string> = new Set([
  'created',
  'message',
  'artifact',
  'state',
  'push',
  'unpush',
  'receipt',
  'compacted',
  'refused',
]);

const indexedState = (task: TaskFold | undefined): TaskFold['state'] | null =>
  task === undefined || task.withdrawn ? null : task.state;

/** @returns the task whose entry a record changes */
function touchedBy(stored: Session, body: RecordBody): string | undefined {
  if (!NOT_INDEXED.has(body.t)) return 'task' in body ? body.task : undefined;
  // what the client answers puts the agent's question into the history: the status has no message any more
  const answer = body.t === 'refused' ? body.record : body;
  const isAnswer = answer.t === 'message' && stored.task(answer.task)?.statusMessage !== undefined;
  return isAnswer ? answer.task : undefined;
}

function taskEntries(stored: Session, after: Session, records: readonly DecidedRecord[]): TaskIndexEntry[] {
  const touched: string[] = [];
  for (const { body } of records) {
    const local = touchedBy(stored, body);
    // a handful at most
    if (local !== undefined && !touched.includes(local)) touched.push(local);
  }
  const entries: TaskIndexEntry[] = [];
  for (const local of touched) {
    const task = after.task(local);
    if (task === undefined) continue;
    const state = indexedState(task);
    const summary = state === null ? '' : toTaskSummary(task);
    entries.push({
      local,
      state,
      previous: indexedState(stored.task(local)),
      statusAt: task.statusAt,
      summary,
    });
  }
  return entries;
}

const NO_ALIASES: readonly AliasEntry[] = [];

function aliasEntries(stored: Session, records: readonly DecidedRecord[]): readonly AliasEntry[] {
  if (!records.some(({ body }) => body.t === 'task' && body.alias !== undefined)) return NO_ALIASES;
  const entries = new Map<string, AliasEntry>();
  for (const { body } of records) {
    if (body.t !== 'task' || body.alias === undefined) continue;
    const subject = body.subject ?? '';
    const known = stored.alias(subject, body.alias);
    const expected = known === undefined ? null : joinTaskId(stored.ref.sessionId, known);
    entries.set(`${subject}/${body.alias}`, {
      subject,
      clientTaskId: body.alias,
      local: body.task,
      expected,
    });
  }
  return [...entries.values()];
}

function toNewRecords(records: readonly DecidedRecord[], head: Identity | undefined): NewRecord[] {
  return records.map((record, i) => ({
    seq: record.identity.seq,
    json: toStoredJson(record, head, records[i - 1]),
  }));
}

/**
 * When webhooks are due after a commit, as the store is to know it: null when none is any more, undefined when what it
 * knows stays right. While something is due at once somebody holds the session or is about to: another event then moves
 * nothing, because to set the time would let a second one in beside the holder.
 */
function outboxIn(stored: Session, after: Session, clock: Pick<Clock, 'now'>): DurationMs | null | undefined {
  const before = stored.deliveryDue;
  const due = after.deliveryDue;
  if (due === before) return undefined;
  if (due === undefined) return null;
  const now = clock.now();
  if (before !== undefined && before <= now && due <= now) return undefined;
  return Math.max(0, due - now);
}

/** The stored fold with records on top, as it will be when they are stored. */
export function foldBehind(stored: Session, records: readonly DecidedRecord[]): Session {
  const after = stored.fork();
  for (const { identity, body, bytes } of records)
    after.apply({ n: after.head + 1, identity, body, skippable: false, bytes });
  return after;
}

/**
 * Everything one commit says to the store.
 *
 * @param stored the fold at the expected head
 * @param create set when the session is to be made: its epoch, and the tombstone that was read
 * @param after the fold with the batch, where it is known
 */
export function toCommitRequest(
  { clock }: Pick<SessionParts, 'clock'>,
  stored: Session,
  batch: Batch,
  expiry: Expiry,
  create?: { epoch: string; tombstone: string },
  after = foldBehind(stored, batch.records),
): CommitRequest {
  const { instance, records } = batch;
  const request: { -readonly [K in keyof CommitRequest]: CommitRequest[K] } = {
    expected: create === undefined ? stored.cursor : { epoch: create.tombstone, head: 0, w: '' },
    instance,
    records: toNewRecords(records, stored.w),
    w: after.cursor.w,
    expiry,
    tasks: taskEntries(stored, after, records),
    aliases: aliasEntries(stored, records),
  };
  const outboxInMs = outboxIn(stored, after, clock);
  if (outboxInMs !== undefined) request.outboxInMs = outboxInMs;
  if (create !== undefined) request.createEpoch = create.epoch;
  const limits = toLimits(batch.intents);
  if (limits !== undefined) request.limits = limits;
  return request;
}

/**
 * The life of a session after a commit.
 *
 * @param replayedAgeMs age of the newest client's write among acknowledged records that are stored only now; undefined
 *   when nothing in the batch waited
 * @returns undefined when what waited has outlived the TTL
 */
export function toExpiry(
  ttlMs: DurationMs,
  slides: boolean,
  creates: boolean,
  replayedAgeMs: DurationMs | undefined,
): Expiry | undefined {
  if (replayedAgeMs !== undefined) {
    const left = Math.floor(ttlMs - replayedAgeMs);
    if (left <= 0) return undefined;
    return slides || creates ? { kind: 'lengthen', ttlMs: left } : { kind: 'keep' };
  }
  return slides || creates ? { kind: 'slide', ttlMs } : { kind: 'keep' };
}
