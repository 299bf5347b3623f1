/** What changes behind the head of a session: its records say the same, or a later one says it for them. */
import type { Rewrite } from '../../sessions/rewrite-store.ts';
import { encodeTaskId } from '../../sessions/session-ref.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
import { type RecordRange, toPortions } from '../record-ranges.ts';
import { toRewritePortions } from '../rewrites.ts';
import type { RedisKeys } from './keys.ts';
import { toReply } from './replies.ts';
import type { ScriptRunner } from './script-runner.ts';

const COMPACT_MAX_RECORDS = 1_000;

export async function compactRecords(
  scripts: ScriptRunner,
  keys: RedisKeys,
  ref: SessionRef,
  epoch: string,
  ranges: readonly RecordRange[],
): Promise<void> {
  const { session } = keys.session(ref);
  for (const portion of toPortions(ranges, COMPACT_MAX_RECORDS))
    toReply(await scripts.run('compact', [session], [epoch, ...portion.flat()]), session);
}

export async function rewriteTexts(
  scripts: ScriptRunner,
  keys: RedisKeys,
  ref: SessionRef,
  epoch: string,
  rewrites: readonly Rewrite[],
): Promise<number> {
  const { session } = keys.session(ref);
  const fieldOf = (at: number | string): string | number =>
    typeof at === 'number' ? at : `t:${encodeTaskId(ref.sessionId, at)}`;
  let done = 0;
  for (const portion of toRewritePortions(rewrites)) {
    const args = portion.flatMap(({ at, from, to }) => [fieldOf(at), from, to]);
    done += Number(toReply(await scripts.run('rewrite', [session], [epoch, ...args]), session)[0]);
  }
  return done;
}
