import type { DurationMs } from '../../protocol/units.ts';
import { TAIL_MAX_RECORDS } from '../sessions/session-store.ts';
import type { CommitRequest, TaskQuery } from '../sessions/session-store.ts';

/** How many answered marks a session keeps. */
export const ANSWERED_MAX = 100;

/**
 * Refuses a request that no caller may make. These are defects of the caller, found before anything is sent, and the
 * same for every store.
 *
 * @throws {RangeError} what is wrong
 */
export function checkCommitRequest(request: CommitRequest): void {
  const { expected, createEpoch, expiry, records, outboxInMs } = request;
  if (records.length > TAIL_MAX_RECORDS) throw new RangeError(`a commit takes ${TAIL_MAX_RECORDS} records`);
  if (expiry.kind !== 'keep') checkTtl(expiry.ttlMs);
  if (createEpoch !== undefined) {
    if (createEpoch === '' || createEpoch === expected.epoch)
      throw new RangeError('a create needs a new epoch');
    if (expected.head !== 0 || expected.w !== '') throw new RangeError('a create starts at head 0');
    if (expiry.kind === 'keep') throw new RangeError('a create needs a time to live: there is none to keep');
  }
  if (outboxInMs != null && !(outboxInMs >= 0 && outboxInMs <= Number.MAX_SAFE_INTEGER))
    throw new RangeError(`webhooks cannot be due in ${outboxInMs} ms`);
  let last = -1;
  for (const record of records) {
    if (!Number.isSafeInteger(record.seq) || record.seq <= last) throw new RangeError('seq must ascend');
    last = record.seq;
  }
}

export const LIST_MAX_TASKS = 1_000;

/** @throws {RangeError} */
export function checkPageLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > LIST_MAX_TASKS)
    throw new RangeError(`a list has 1 to ${LIST_MAX_TASKS} entries, not ${limit}`);
}

/** @throws {RangeError} */
export function checkTaskQuery({ limit, since, after }: TaskQuery): void {
  checkPageLimit(limit);
  for (const at of [since, after?.statusAt]) {
    if (at !== undefined && !Number.isFinite(at)) throw new RangeError(`not a moment: ${at}`);
  }
}

/** Zero or past is an error, never "for ever"; a fraction lives until its end. */
export function checkTtl(ttlMs: DurationMs): DurationMs {
  if (!(ttlMs > 0 && ttlMs <= Number.MAX_SAFE_INTEGER))
    throw new RangeError(`not a time to live: ${ttlMs} ms`);
  return Math.ceil(ttlMs);
}
