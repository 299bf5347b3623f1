import type { DurationMs } from '../../../protocol/units.ts';
import { isRunning, type TaskState } from '../../../protocol/task-state.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import { SessionDamagedError } from '../../sessions/session-store.ts';
import type { AliasEntry, CommitRequest, Expiry } from '../../sessions/session-store.ts';
import { checkTtl } from '../request-checks.ts';
import { RUNNING_STATES } from '../running-tasks.ts';
import { aliasField, encodeFullTaskId } from '../encoded-ids.ts';
import type { SessionKeys, ShelfKeys } from './keys.ts';
import type { ScriptCall } from './script-runner.ts';
import { bulk, KeyRow } from './wire.ts';

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

/** What most commits of a process say in the middle: put into words once, where the last one said the same. */
let middle = {
  expiry: '',
  lifeMs: 0,
  place: 0,
  tasks: 0,
  aliases: 0,
  isHeard: false,
  isBoxed: false,
  text: '',
};

function toMiddle(said: Omit<typeof middle, 'text'>): string {
  const { expiry, lifeMs, place, tasks, aliases, isHeard, isBoxed } = said;
  const isSame =
    middle.place === place &&
    middle.tasks === tasks &&
    middle.aliases === aliases &&
    middle.isBoxed === isBoxed &&
    middle.isHeard === isHeard &&
    middle.lifeMs === lifeMs &&
    middle.expiry === expiry;
  if (isSame) return middle.text;
  const text = `${expiry} ${lifeMs} ${place} ${isHeard ? '1' : ''} ${tasks} ${aliases} ${isBoxed ? '1' : ''}`;
  middle = { ...said, text };
  return text;
}

/** @param settled per alias what its own shelf said; absent when it lives on the session's shelf and the script decides */
export function toCommitCall(
  keys: SessionKeys,
  request: CommitRequest,
  { indexTtlMs, exclusive }: CommitSettings,
  settled?: readonly string[],
): ScriptCall {
  const { expected, createEpoch, instance, records, tasks, aliases, outboxInMs } = request;
  const { shelf } = keys;
  // said between spaces, and nobody here puts one into them
  if (expected.epoch.includes(' ')) throw new SessionDamagedError(keys.session, 'e');
  if (expected.w.includes(' ')) throw new SessionDamagedError(keys.session, 'w');
  const creates = createEpoch !== undefined;
  const isCounted = request.limits !== undefined || shelf.whole !== undefined;
  const row = toRow(shelf, request, isCounted);
  const numberOf = (state: TaskState | null): number =>
    state === null ? 0 : numberIn(row, shelf.state(state));
  const first = records[0]?.seq ?? '';
  const last = records.at(-1)?.seq ?? '';
  const at = creates
    ? `${expected.epoch} ${createEpoch} ${request.onExists ?? 'tail'}`
    : `${expected.epoch} ${expected.head} ${expected.w}`;
  const same = toMiddle({
    expiry: toExpiry(request.expiry, creates),
    lifeMs: indexTtlMs,
    place: placeOf(keys),
    tasks: tasks.length,
    aliases: aliases.length,
    isHeard: !exclusive,
    isBoxed: outboxInMs !== undefined,
  });
  const w = request.w ?? `${instance}.${last}`;
  const counting = isCounted ? ` ${toCounting(shelf, request, row)}` : '';
  let text = bulk(`${at} ${instance} ${first} ${last} ${same} ${w}${counting}`);
  for (const [i, alias] of aliases.entries()) {
    text += bulk(aliasField(alias.subject, alias.clientTaskId)) + bulk(encodeId(alias.local));
    text += bulk(settled?.[i] ?? expectedTask(alias));
  }
  for (const { local, state, previous, statusAt, summary } of tasks) {
    text += bulk(`${encodeId(local)} ${numberOf(state)} ${numberOf(previous)} ${statusAt}`);
    text += bulk(state === null ? '' : summary);
  }
  for (const { json } of records) text += bulk(json);
  if (outboxInMs !== undefined) text += bulk(outboxInMs === null ? '' : String(outboxInMs));
  const count =
    1 + 3 * aliases.length + 2 * tasks.length + records.length + (outboxInMs === undefined ? 0 : 1);
  const script = creates ? 'create' : 'append';
  return { script: isCounted ? `${script}Counted` : script, key: keys.session, row, args: { count, text } };
}

/** The keys behind that of the session. */
function toRow(shelf: ShelfKeys, request: CommitRequest, isCounted: boolean): KeyRow {
  const { tasks, aliases, outboxInMs } = request;
  const [task] = tasks;
  const isUsual =
    task !== undefined &&
    tasks.length === 1 &&
    aliases.length === 0 &&
    outboxInMs === undefined &&
    !isCounted;
  if (!isUsual || task.state === null) return new KeyRow(namesOf(shelf, request, isCounted));
  return shelf.rows.of(task.state, task.previous, () => namesOf(shelf, request, isCounted));
}

function namesOf(shelf: ShelfKeys, request: CommitRequest, isCounted: boolean): string[] {
  const { createEpoch, tasks, aliases, outboxInMs } = request;
  const names = [shelf.sessions];
  if (createEpoch !== undefined || tasks.length > 0) names.push(shelf.ids);
  if (tasks.length > 0) names.push(shelf.tasks);
  if (isCounted) names.push(...countedKeys(shelf).filter((key) => !names.includes(key)));
  for (const { state, previous } of tasks)
    for (const named of [state, previous])
      if (named !== null && !names.includes(shelf.state(named))) names.push(shelf.state(named));
  if (outboxInMs !== undefined) names.push(shelf.outbox);
  // the script takes the last key for it
  if (aliases.length > 0) names.push(shelf.aliases);
  return names;
}

/** Where sessions and running tasks are counted. */
function countedKeys(shelf: ShelfKeys): string[] {
  const { sessions, running } = shelf.whole ?? { sessions: shelf.sessions, running: undefined };
  return [
    sessions,
    ...(running === undefined ? RUNNING_STATES.map((state) => shelf.state(state)) : [running]),
  ];
}

/** The words of `COUNTING_WORDS`. */
function toCounting(shelf: ShelfKeys, { limits = {}, tasks }: CommitRequest, row: KeyRow): string {
  const { maxSessions = '', maxRunningTasks = '' } = limits;
  const more = tasks.reduce((sum, { state, previous }) => sum + runs(state) - runs(previous), 0);
  const [all, first, second = 0] = countedKeys(shelf).map((key) => numberIn(row, key));
  return `${maxSessions} ${maxRunningTasks} ${more} ${all} ${first} ${second}`;
}

const runs = (state: TaskState | null): number => (state !== null && isRunning(state) ? 1 : 0);

/** As Lua counts: the session is the first. */
const numberIn = ({ names }: KeyRow, key: string): number => names.indexOf(key) + 2;
