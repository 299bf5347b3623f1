import { ProtocolError } from '../../protocol/errors.ts';
import type { DecidedRecord } from './records.ts';
import type { SessionLimits } from './session-parts.ts';
import { TAIL_MAX_RECORDS } from './session-store.ts';
import type { Session } from './session.ts';

/**
 * The end of a task always fits: without it a full session would stay working for ever.
 *
 * @param before records of the same change in front of it; a change is one commit and never split
 * @throws {ProtocolError} RESOURCE_EXHAUSTED that names the bound
 */
export function checkBounds(
  limits: SessionLimits,
  draft: Session,
  { body, bytes }: DecidedRecord,
  before: number,
): void {
  const over = (message: string, bound: string): ProtocolError =>
    new ProtocolError('RESOURCE_EXHAUSTED', { message, metadata: { bound } });
  const isFull = (bound: string): ProtocolError => over(`the session is full: ${bound}`, bound);
  if (before === TAIL_MAX_RECORDS) throw over('too many records in one change', `${TAIL_MAX_RECORDS}`);
  if (bytes > limits.recordMaxBytes)
    throw over('the record is too large: A2A_MAX_RECORD_BYTES', 'A2A_MAX_RECORD_BYTES');
  if (body.t === 'status') return;
  if (draft.bytes + bytes > limits.sessionMaxBytes) throw isFull('A2A_MAX_SESSION_BYTES');
  if (draft.head + 1 > limits.sessionMaxRecords) throw isFull('A2A_MAX_SESSION_RECORDS');
}
