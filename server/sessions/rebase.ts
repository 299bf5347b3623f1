import { isDeepStrictEqual } from 'node:util';
import { tidiesUp } from './ended-tasks.ts';
import { toDecided, type DecidedRecord, type MessageRecord } from './records.ts';
import type { Session } from './session.ts';

export interface Rebased {
  readonly records: readonly DecidedRecord[];
  readonly refused: readonly { why: string; record: DecidedRecord }[];
}

/** What may have been stored between a change's decision and its rebase. */
export interface Meanwhile {
  readonly stored: Session;
  /** The head that the change was decided on, 0 before a session that is merged into another; undefined: not known. */
  readonly after: number | undefined;
}

/**
 * Moves acknowledged records behind what others stored meanwhile. It renumbers and never decides: identity, time and
 * content stay, and one that no longer applies is stored as `refused`. A message that another instance has stored meanwhile
 * is not stored twice: its client went there when it had no answer here. Its task stays, for its id may have been told. Of
 * two sessions that were begun under one id while the store was away the later one drops its own beginning as well.
 *
 * @param draft the session with everything that stands before
 * @param extend adds a record to the draft, so that the next one is judged behind it
 */
export function rebase(
  draft: Session,
  records: readonly DecidedRecord[],
  extend: (record: DecidedRecord) => void,
  meanwhile: Meanwhile,
): Rebased {
  const kept: DecidedRecord[] = [];
  const refused: { why: string; record: DecidedRecord }[] = [];
  const made = new Set(records.flatMap(({ body }) => (body.t === 'task' ? [body.task] : [])));
  for (const record of records) {
    const { body } = record;
    if (body.t === 'created' && draft.exists) continue;
    if (body.t === 'message' && wasStored(meanwhile, body, record.identity.instance, made.has(body.task)))
      continue;
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

/**
 * Whether an instance other than this one stored the same message to the same end.
 *
 * @param isFirst the message made its task: then its copy made another one
 */
function wasStored(
  { stored, after }: Meanwhile,
  { message, task }: MessageRecord,
  instance: string,
  isFirst: boolean,
): boolean {
  if (after === undefined) return false;
  let seen = 0;
  for (const entry of stored.messages.newestFirst()) {
    if (entry.n <= after || ++seen > LOOK_BACK) return false;
    if (entry.instance === instance || entry.message.messageId !== message.messageId) continue;
    const isAlike = isFirst ? stored.task(entry.task)?.firstMessage === entry.n : entry.task === task;
    if (isAlike && isDeepStrictEqual(entry.message, message)) return true;
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
