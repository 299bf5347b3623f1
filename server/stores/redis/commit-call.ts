import type { DurationMs } from '../../../protocol/units.ts';
import { isRunning, type TaskState } from '../../../protocol/task-state.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import { SessionDamagedError } from '../../sessions/session-store.ts';
import type { AliasEntry, CommitRequest, Expiry } from '../../sessions/session-store.ts';
import { checkTtl } from '../request-checks.ts';
import { RUNNING_STATES } from '../running-tasks.ts';
import { aliasField, encodeFullTaskId } from '../encoded-ids.ts';
import type { SessionKeys, ShelfKeys } from './keys.ts';

/** One call of a script that commits. */
export interface ScriptCall {
  readonly script: 'append' | 'create' | 'appendCounted' | 'createCounted';
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
  // said between spaces, and nobody here puts one into them
  if (expected.epoch.includes(' ')) throw new SessionDamagedError(keys.session, 'e');
  if (expected.w.includes(' ')) throw new SessionDamagedError(keys.session, 'w');
  const creates = createEpoch !== undefined;
  const named = [keys.session, shelf.sessions];
  if (creates || tasks.length > 0) named.push(shelf.ids);
  if (tasks.length > 0) named.push(shelf.tasks);
  const numberOf = (state: TaskState | null): number =>
    state === null ? 0 : numberIn(named, shelf.state(state));
  const first = records[0]?.seq ?? '';
  const last = records.at(-1)?.seq ?? '';
  const { instance } = request;
  const at = creates
    ? `${expected.epoch} ${createEpoch} ${request.onExists ?? 'tail'}`
    : `${expected.epoch} ${expected.head} ${expected.w}`;
  const life = `${toExpiry(request.expiry, creates)} ${indexTtlMs}`;
  const counts = `${placeOf(keys)} ${exclusive ? '' : '1'} ${tasks.length} ${aliases.length}`;
  const behind = `${outboxInMs === undefined ? '' : '1'} ${request.w ?? `${instance}.${last}`}`;
  const isCounted = request.limits !== undefined || shelf.whole !== undefined;
  const counting = isCounted ? ` ${toCounting(shelf, request, named)}` : '';
  const args: string[] = [`${at} ${instance} ${first} ${last} ${life} ${counts} ${behind}${counting}`];
  aliases.forEach((alias, i) => {
    args.push(aliasField(alias.subject, alias.clientTaskId), encodeId(alias.local));
    args.push(settled?.[i] ?? expectedTask(alias));
  });
  for (const { local, state, previous, statusAt, summary } of tasks) {
    args.push(`${encodeId(local)} ${numberOf(state)} ${numberOf(previous)} ${statusAt}`);
    args.push(state === null ? '' : summary);
  }
  for (const { json } of records) args.push(json);
  if (outboxInMs !== undefined) {
    named.push(shelf.outbox);
    args.push(outboxInMs === null ? '' : String(outboxInMs));
  }
  // the script takes the last key for it
  if (aliases.length > 0) named.push(shelf.aliases);
  const script = creates ? 'create' : 'append';
  return { script: isCounted ? `${script}Counted` : script, keys: named, args };
}

/** The words of `COUNTING_WORDS`. @param named keys of the call, to which it adds its own */
function toCounting(shelf: ShelfKeys, { limits = {}, tasks }: CommitRequest, named: string[]): string {
  const { maxSessions = '', maxRunningTasks = '' } = limits;
  const more = tasks.reduce((sum, { state, previous }) => sum + runs(state) - runs(previous), 0);
  const { sessions, running } = shelf.whole ?? { sessions: shelf.sessions, running: undefined };
  const busy = running === undefined ? RUNNING_STATES.map((state) => shelf.state(state)) : [running];
  const [all, first, second = 0] = [sessions, ...busy].map((key) => numberIn(named, key));
  return `${maxSessions} ${maxRunningTasks} ${more} ${all} ${first} ${second}`;
}

const runs = (state: TaskState | null): number => (state !== null && isRunning(state) ? 1 : 0);

/** As Lua counts, and as the last one when it was not among them. */
function numberIn(named: string[], key: string): number {
  const at = named.indexOf(key);
  return at < 0 ? named.push(key) : at + 1;
}
