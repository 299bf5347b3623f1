/** From what the scripts answer to what the store promises. The shapes are those of `ANSWER_TAIL` in script-parts.ts. */
import type { DurationMs } from '../../../protocol/units.ts';
import { SessionDamagedError } from '../../sessions/session-store.ts';
import type {
  CommitResult,
  Cursor,
  JournalRead,
  JournalSnapshot,
  JournalTail,
  Tombstone,
} from '../../sessions/session-store.ts';
import type { TenantCounts, TenantLimits } from '../../sessions/tenant-counts.ts';
import { decodeFullTaskId, decodeId } from '../encoded-ids.ts';

export type Reply = readonly (string | number | null)[];

/** @throws {SessionDamagedError} when the script says so */
export function toReply(value: unknown, sessionKey: string): Reply {
  const reply: Reply = Array.isArray(value) ? (value as Reply) : [value as string | number | null];
  if (reply[0] === 'damaged') throw new SessionDamagedError(sessionKey, text(reply[1]));
  return reply;
}

const text = (value: string | number | null | undefined): string => (value == null ? '' : String(value));

const toRemaining = (pttl: DurationMs, unlimitedMs: DurationMs): DurationMs =>
  pttl < 0 ? unlimitedMs : Math.max(1, pttl);

const NO_MARKS: readonly number[] = [];
const NOTHING_NEW: JournalTail = { records: [], more: false };

const toMarks = (marks: string): readonly number[] =>
  marks === '' ? NO_MARKS : marks.split(',').filter(Boolean).map(Number);

const count = (of: keyof TenantCounts, value: string | number | null | undefined): TenantCounts =>
  typeof value === 'number' ? { [of]: value } : {};

interface Seen {
  readonly after: number;
  readonly seen: JournalSnapshot & { readonly tail: JournalTail };
}

/** @param unlimitedMs what to call the life of a session whose expiry somebody has taken off */
function toSeen(reply: Reply, unlimitedMs: DurationMs): Seen {
  const [, , epoch, head, w, bytes, pttl, marks, serves, answered, after, more] = reply;
  const from = Number(after);
  const seen = {
    cursor: { epoch: text(epoch), head: Number(head), w: text(w) },
    remainingMs: toRemaining(Number(pttl), unlimitedMs),
    bytes: Number(bytes),
    answered: toMarks(text(marks)),
    derived: { serves: text(serves), answered: answered !== '' },
    tail: {
      records: reply
        .slice(12)
        .map((json, i) => ({ n: from + 1 + i, json: json === null ? null : text(json) })),
      more: more === 1,
    },
  };
  return { after: from, seen };
}

function toTombstone(reply: Reply): { readonly tombstone?: Tombstone } {
  return reply.length < 3 ? {} : { tombstone: { epoch: text(reply[1]), deletedAgoMs: Number(reply[2]) } };
}

/** @param after what was asked for @throws {SessionDamagedError} */
export function toJournalRead(
  answer: unknown,
  sessionKey: string,
  after: Cursor | undefined,
  unlimitedMs: DurationMs,
): JournalRead {
  if (typeof answer === 'string' && after !== undefined) return toUnchanged(answer, after, unlimitedMs);
  const reply = toReply(answer, sessionKey);
  if (reply[0] === 'missing') return { found: false, ...toTombstone(reply) };
  const { after: from, seen } = toSeen(reply, unlimitedMs);
  return { found: true, after: from, ...seen };
}

/** Of a session that has nothing more than the reader: see `READ` in scripts.ts. */
function toUnchanged(answer: string, cursor: Cursor, unlimitedMs: DurationMs): JournalRead {
  const [bytes = '', pttl = '', answered = '', length = ''] = answer.split(' ', 4);
  const from = bytes.length + pttl.length + answered.length + length.length + 4;
  const to = from + Number(length);
  return {
    found: true,
    after: cursor.head,
    cursor,
    remainingMs: toRemaining(Number(pttl), unlimitedMs),
    bytes: Number(bytes),
    answered: toMarks(answer.slice(from, to)),
    derived: { serves: answer.slice(to), answered: answered !== '' },
    tail: NOTHING_NEW,
  };
}

export function toCommitResult(reply: Reply, unlimitedMs: DurationMs): CommitResult {
  const [outcome] = reply;
  switch (outcome) {
    case 'gone':
      return { outcome, ...toTombstone(reply) };
    case 'diverged':
      return { outcome };
    case 'ok':
      return { outcome, counts: { ...count('sessions', reply[1]), ...count('runningTasks', reply[2]) } };
    case 'refused':
      return { outcome, limit: text(reply[1]) as keyof TenantLimits };
    case 'aliased': {
      const clientTaskId = decodeId(text(reply[1]).split('/')[1] ?? '');
      return { outcome, clientTaskId, taskId: decodeFullTaskId(text(reply[2])) };
    }
    case 'stored':
    case 'moved':
    case 'exists': {
      const { seen } = toSeen(reply, unlimitedMs);
      return outcome === 'stored' ? { outcome, upTo: Number(reply[1]), ...seen } : { outcome, ...seen };
    }
    default:
      throw new Error(`the commit script answered ${JSON.stringify(outcome)}`);
  }
}
