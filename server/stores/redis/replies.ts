/** From what the scripts answer to what the store promises. The shapes are those of `ANSWER_TAIL` in script-parts.ts. */
import type { DurationMs } from '../../../protocol/units.ts';
import { SessionDamagedError } from '../../sessions/session-store.ts';
import type {
  CommitResult,
  JournalRead,
  JournalSnapshot,
  JournalTail,
  Tombstone,
} from '../../sessions/session-store.ts';
import { decodeFullTaskId, decodeId } from '../encoded-ids.ts';

export type Reply = readonly (string | number | null)[];

/** @throws {SessionDamagedError} when the script says so */
export function toReply(value: unknown, sessionKey: string): Reply {
  const reply: Reply = Array.isArray(value) ? (value as Reply) : [value as string | number | null];
  if (reply[0] === 'damaged') throw new SessionDamagedError(sessionKey, text(reply[1]));
  return reply;
}

const text = (value: string | number | null | undefined): string => (value == null ? '' : String(value));

interface Seen {
  readonly after: number;
  readonly seen: JournalSnapshot & { readonly tail: JournalTail };
}

/** @param unlimitedMs what to call the life of a session whose expiry somebody has taken off */
function toSeen(reply: Reply, unlimitedMs: DurationMs): Seen {
  const [, , epoch, head, w, bytes, pttl, marks, serves, answered, after, more] = reply;
  const from = Number(after);
  const left = Number(pttl);
  const seen = {
    cursor: { epoch: text(epoch), head: Number(head), w: text(w) },
    remainingMs: left < 0 ? unlimitedMs : Math.max(1, left),
    bytes: Number(bytes),
    answered: text(marks).split(',').filter(Boolean).map(Number),
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

export function toJournalRead(reply: Reply, unlimitedMs: DurationMs): JournalRead {
  if (reply[0] === 'missing') return { found: false, ...toTombstone(reply) };
  const { after, seen } = toSeen(reply, unlimitedMs);
  return { found: true, after, ...seen };
}

export function toCommitResult(reply: Reply, unlimitedMs: DurationMs): CommitResult {
  const [outcome] = reply;
  switch (outcome) {
    case 'gone':
      return { outcome, ...toTombstone(reply) };
    case 'diverged':
      return { outcome };
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
