import type { DurationMs } from '../../../protocol/units.ts';
import type { TaskState } from '../../../protocol/task-state.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import type { AliasEntry, CommitRequest, Expiry } from '../../sessions/session-store.ts';
import { checkTtl } from '../request-checks.ts';
import { aliasField, encodeFullTaskId } from '../encoded-ids.ts';
import type { SessionKeys } from './keys.ts';

/** The keys and arguments of one script call. */
export interface ScriptCall {
  readonly keys: string[];
  readonly args: (string | number)[];
}

export interface CommitSettings {
  readonly indexTtlMs: DurationMs;
  /** Nobody else can be waiting for a wake-up when this process is the only one. */
  readonly exclusive: boolean;
}

/** Where the `s` of `…:s:<sessionId>` stands, as Lua counts: the script makes the id and the channel from it. */
const placeOf = (keys: SessionKeys): number => keys.shelf.base.length + 1;

function toExpiry(expiry: Expiry, creates: boolean): string {
  if (expiry.kind === 'keep') return '';
  const ttlMs = checkTtl(expiry.ttlMs);
  // what a create finds is a tombstone or nothing: no life to shorten
  return expiry.kind === 'lengthen' && !creates ? `+${ttlMs}` : `${ttlMs}`;
}

const toAmount = (count: number, isBoxed: boolean): number => (isBoxed ? -1 - count : count);

const expectedTask = ({ expected }: AliasEntry): string =>
  expected === null ? '' : encodeFullTaskId(expected);

/** @param settled per alias what its own shelf said; absent when it lives on the session's shelf and the script decides */
export function toCommitCall(
  keys: SessionKeys,
  request: CommitRequest,
  { indexTtlMs, exclusive }: CommitSettings,
  settled?: readonly string[],
): ScriptCall {
  const { expected, createEpoch, records, tasks, aliases, outboxInMs } = request;
  const { shelf } = keys;
  const creates = createEpoch !== undefined;
  const named = [keys.session, shelf.sessions];
  if (creates || tasks.length > 0) named.push(shelf.ids);
  if (tasks.length > 0) named.push(shelf.tasks);
  const numberOf = (state: TaskState | null): number => {
    if (state === null) return 0;
    const key = shelf.state(state);
    const at = named.indexOf(key);
    return at < 0 ? named.push(key) : at + 1;
  };
  const args: (string | number)[] = [
    expected.epoch,
    createEpoch ?? expected.head,
    creates ? (request.onExists ?? 'tail') : expected.w,
    request.instance,
    records[0]?.seq ?? '',
    records.at(-1)?.seq ?? '',
    toExpiry(request.expiry, creates),
    indexTtlMs,
    exclusive ? -placeOf(keys) : placeOf(keys),
    tasks.length,
    toAmount(aliases.length, outboxInMs !== undefined),
    request.w ?? `${request.instance}.${records.at(-1)?.seq ?? ''}`,
  ];
  aliases.forEach((alias, i) => {
    args.push(aliasField(alias.subject, alias.clientTaskId), encodeId(alias.local));
    args.push(settled?.[i] ?? expectedTask(alias));
  });
  for (const { local, state, previous, statusAt, summary } of tasks) {
    args.push(encodeId(local), numberOf(state), numberOf(previous), statusAt, state === null ? '' : summary);
  }
  for (const { json } of records) args.push(json);
  if (outboxInMs !== undefined) {
    named.push(shelf.outbox);
    args.push(outboxInMs ?? '');
  }
  // the script takes the last key for it
  if (aliases.length > 0) named.push(shelf.aliases);
  return { keys: named, args };
}
