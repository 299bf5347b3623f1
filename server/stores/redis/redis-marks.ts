import { SessionDamagedError, type AnsweredMark } from '../../sessions/session-store.ts';
import { ANSWERED_MAX } from '../request-checks.ts';
import type { RedisKeys } from './keys.ts';
import type { ScriptRunner } from './script-runner.ts';

/** Everybody else waits while a script runs: so many take about 0.3 ms. */
const MARK_MAX_SESSIONS = 100;

/** One script for many sessions. All keys of one have the same hash tag, as on a cluster they must. */
interface MarkCall {
  readonly keys: string[];
  readonly args: string[];
}

function toMarkCalls(keys: RedisKeys, marks: readonly AnsweredMark[]): MarkCall[] {
  const calls: MarkCall[] = [];
  const open = new Map<string, MarkCall>();
  for (const { ref, epoch, messages, serves } of marks) {
    const { shelf, session } = keys.session(ref);
    let call = open.get(shelf.base);
    if (call === undefined || call.keys.length === MARK_MAX_SESSIONS) {
      call = { keys: [], args: [] };
      open.set(shelf.base, call);
      calls.push(call);
    }
    call.keys.push(session);
    const numbers = messages.length === 0 ? '' : `${messages.slice(-ANSWERED_MAX).join(',')},`;
    call.args.push(epoch, numbers, serves === undefined ? '' : `=${serves}`);
  }
  return calls;
}

/** @throws {SessionDamagedError} one of the keys has another type; all others are marked */
export async function markAnswered(
  scripts: ScriptRunner,
  keys: RedisKeys,
  marks: readonly AnsweredMark[],
): Promise<void> {
  const calls = toMarkCalls(keys, marks);
  const replies = await Promise.all(calls.map((call) => scripts.run('mark', call.keys, call.args)));
  replies.forEach((reply, i) => {
    const [damaged, first] = reply as [number, number];
    if (damaged > 0) throw new SessionDamagedError(calls[i]?.keys[first - 1] ?? '', 'type');
  });
}
