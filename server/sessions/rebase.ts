import { isDeepStrictEqual } from 'node:util';
import { tidiesUp } from './ended-tasks.ts';
import { toDecided, type DecidedRecord, type StoredMessage } from './records.ts';
import type { Session } from './session.ts';

export interface Rebased {
  readonly records: readonly DecidedRecord[];
  readonly refused: readonly { why: string; record: DecidedRecord }[];
}

/**
 * Moves acknowledged records behind what others stored meanwhile. It renumbers and never decides: identity, time and
 * content stay, and one that no longer applies is stored as `refused`. Of two sessions that were begun under one id while
 * the store was away the later one drops its own beginning, and what it has in common with the other.
 *
 * @param draft the session with everything that stands before
 * @param extend adds a record to the draft, so that the next one is judged behind it
 * @param merging the other session's stored fold, when this one was begun under the same id
 */
export function rebase(
  draft: Session,
  records: readonly DecidedRecord[],
  extend: (record: DecidedRecord) => void,
  merging?: Session,
): Rebased {
  const kept: DecidedRecord[] = [];
  const refused: { why: string; record: DecidedRecord }[] = [];
  for (const record of records) {
    const { body } = record;
    if (body.t === 'created' && draft.exists) continue;
    if (body.t === 'message' && merging !== undefined && hasMessage(merging, body.message)) continue;
    const why = draft.check(body);
    // Nobody was told of it, and nobody misses it.
    if (why !== undefined && tidiesUp(body)) continue;
    let next = record;
    if (why !== undefined && body.t !== 'refused') {
      refused.push({ why, record });
      next = toDecided(record.identity, { t: 'refused', at: body.at, why, record: body });
    }
    kept.push(next);
    extend(next);
  }
  return { records: kept, refused };
}

/** Bounded look back: a copy of an acknowledged message is among the newest ones or nowhere. */
const LOOK_BACK = 1_000;

function hasMessage(stored: Session, message: StoredMessage): boolean {
  let seen = 0;
  for (const entry of stored.messages.newestFirst()) {
    if (entry.message.messageId === message.messageId && isDeepStrictEqual(entry.message, message))
      return true;
    if (++seen === LOOK_BACK) return false;
  }
  return false;
}

/** The same record without a client's own task id, under the same identity; any other as it is. */
export function withoutAlias(record: DecidedRecord, alias: string): DecidedRecord {
  const { identity, body } = record;
  if (body.t !== 'task' || body.alias !== alias) return record;
  const bare = { ...body };
  delete bare.alias;
  delete bare.subject;
  return toDecided(identity, bare);
}
