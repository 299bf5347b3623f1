import { ProtocolError } from '../../protocol/errors.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { DecidedRecord, RecordBody, StatusRecord } from './records.ts';
import type { PendingLedger } from './pending.ts';
import { overSize, type Quota } from './quota.ts';
import type { SessionLimits } from './session-parts.ts';
import { TAIL_MAX_RECORDS } from './session-store.ts';
import type { Session } from './session.ts';

/** Other statuses have bounds like everything else: an agent may publish them without end. */
export const endsTask = (body: RecordBody): body is StatusRecord =>
  body.t === 'status' && isTerminal(body.state);

/** Makes room, or comes a bounded number of times per task and leads to its end. */
const ALWAYS_FITS: ReadonlySet<RecordBody['t']> = new Set(['compacted', 'receipt', 'cancel', 'handover']);

const over = (message: string, bound: string): ProtocolError =>
  new ProtocolError('RESOURCE_EXHAUSTED', { message, metadata: { bound } });
const isFull = (bound: string): ProtocolError => over(`the session is full: ${bound}`, bound);

/**
 * The end of a task always fits, without it a full session would stay working for ever; so does what makes room, and that
 * a webhook was told, or it would be told for ever.
 *
 * @param before records of the same change in front of it; a change is one commit and never split
 * @param quota of the caller, beside the bounds for all
 * @returns RESOURCE_EXHAUSTED that names the bound; undefined when the record fits
 */
export function overBound(
  limits: SessionLimits,
  draft: Session,
  { body, bytes }: DecidedRecord,
  before: number,
  quota?: Quota,
): ProtocolError | undefined {
  if (before === TAIL_MAX_RECORDS) return over('too many records in one change', `${TAIL_MAX_RECORDS}`);
  if (bytes > limits.recordMaxBytes)
    return over('the record is too large: A2A_MAX_RECORD_BYTES', 'A2A_MAX_RECORD_BYTES');
  if (endsTask(body) || ALWAYS_FITS.has(body.t)) return undefined;
  if (draft.bytes + bytes > limits.sessionMaxBytes) return isFull('A2A_MAX_SESSION_BYTES');
  if (draft.head + 1 > limits.sessionMaxRecords) return isFull('A2A_MAX_SESSION_RECORDS');
  return overSize(quota, draft, bytes);
}

/** @throws {ProtocolError} RESOURCE_EXHAUSTED when there is no room for a change that is to wait for the store */
export function admit(records: readonly DecidedRecord[], pending: PendingLedger): void {
  // What only ends a task always has room: refusing it would leave the task working.
  if (records.every(({ body }) => endsTask(body))) return;
  const bytes = records.reduce((sum, record) => sum + record.bytes, 0);
  const isNew = records.some(({ body }) => body.t === 'message');
  pending.admit(records.length, bytes, isNew);
}
