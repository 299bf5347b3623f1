/** A history in which nothing is wrong, for the tests of the checker to plant violations in. */
import { judge } from '../../scripts/evidence/checker.ts';
import type { Evidence, Verdict, View, ViolationKind } from '../../scripts/evidence/evidence.ts';
import type { EventSeen, MarkAt, Operation } from '../../scripts/evidence/history.ts';
import type { StoredJournal, StoredRecord } from '../../scripts/evidence/journals.ts';
import type { TaskSeen } from '../../scripts/recovery/recovery-checker.ts';

/** One session with two tasks: `hello` was answered at once, `slow 2 10` was streamed on i1 and followed on i2. */
export const HELLO = 's1.t1';
export const SLOW = 's1.t2';
export const EPOCH = 'e1';
export const READ_AT = 10_000;

export const record = (n: number, rest: Partial<StoredRecord>): StoredRecord => ({
  ...{ n, identity: `A.${n}`, t: 'status', at: 1_000 + n },
  ...rest,
});
export const chunk = (n: number, task: string, text: string): StoredRecord =>
  record(n, { t: 'artifact', task, artifactId: 'a', parts: [text], append: text !== 'chunk 0' });

export const RECORDS: readonly StoredRecord[] = [
  record(1, { t: 'created' }),
  record(2, { t: 'task', task: 't1' }),
  record(3, { t: 'message', task: 't1', messageId: 'm1', text: 'hello' }),
  record(4, { t: 'artifact', task: 't1', artifactId: 'echo', parts: ['echo: hello'] }),
  record(5, { t: 'status', task: 't1', state: 'completed' }),
  record(6, { t: 'task', task: 't2' }),
  record(7, { t: 'message', task: 't2', messageId: 'm2', text: 'slow 2 10' }),
  record(8, { t: 'status', task: 't2', state: 'working' }),
  chunk(9, 't2', 'chunk 0'),
  chunk(10, 't2', 'chunk 1'),
  record(11, { t: 'status', task: 't2', state: 'completed' }),
];

export const journal = (over: Partial<StoredJournal> = {}): StoredJournal => ({
  ...{ session: 's1', epoch: EPOCH, isTombstone: false, records: RECORDS, damaged: [] },
  ...{ ttlMs: 50_000, readAt: READ_AT, readAtEpochMs: 1_011, summaries: new Map() },
  ...over,
});

export const seen = (id: string, state: string, artifacts: string[][], userTexts: string[]): TaskSeen => ({
  ...{ id, state, artifacts, userTexts, context: 's1' },
});
export const HELLO_DONE = seen(HELLO, 'completed', [['echo: hello']], ['hello']);
export const SLOW_DONE = seen(SLOW, 'completed', [['chunk 0', 'chunk 1']], ['slow 2 10']);

export const operation = (startedAt: number, rest: Partial<Operation>): Operation => ({
  ...{ kind: 'get', client: 'c0', dialect: 'v1', instance: 'i1#1', outcome: 'answered', isQuick: true },
  ...{ startedAt, endedAt: startedAt + 10 },
  ...rest,
});
export const event = (at: number, n: number | string, state: string, isSnapshot = false): EventSeen => ({
  ...{ at, cursor: `${EPOCH}.${n}`, state, chunks: 0, isSnapshot },
});

export const SEND = operation(100, {
  kind: 'send',
  key: 'm1',
  text: 'hello',
  session: 's1',
  persistence: 'stored',
  seen: HELLO_DONE,
});
export const EVENTS = [
  event(210, 6, 'submitted', true),
  event(215, 8, 'working'),
  event(220, 9, 'working'),
  event(230, 10, 'working'),
  event(240, 11, 'completed'),
];
export const STREAM = operation(200, {
  ...{ kind: 'stream', key: 'm2', text: 'slow 2 10', session: 's1', persistence: 'stored', isQuick: false },
  ...{ events: EVENTS, seen: SLOW_DONE, endedAt: 245 },
});
export const FOLLOW = operation(212, {
  ...{ kind: 'subscribe', client: 'c0w', instance: 'i2#1', task: SLOW, isQuick: false, seen: SLOW_DONE },
  ...{ events: [event(214, 7, 'submitted', true), ...EVENTS.slice(1)], endedAt: 250 },
});
export const GET = operation(300, { task: SLOW, seen: SLOW_DONE, instance: 'i2#1' });
export const CLEAN = [SEND, STREAM, FOLLOW, GET];

export const pending = (instance: string, askedAt: number, records: number): MarkAt => ({
  ...{ kind: 'pending', instance, askedAt, at: askedAt + 1, records, ready: true },
});
export const killed = (at: number): MarkAt => ({ kind: 'killed', instance: 'i1#1', how: 'killed', at });

export const TERMS = {
  ttlMs: 50_000,
  hasOutageJournal: false,
  clocksDiffer: false,
  stallMs: 0,
  quickMaxMs: 600,
};
export const VIEWS: readonly View[] = [
  { instance: 'i1', task: HELLO, seen: HELLO_DONE },
  { instance: 'i2', task: SLOW, seen: SLOW_DONE },
];

export const judged = (over: Partial<Evidence> = {}): Verdict =>
  judge({
    ...{ operations: CLEAN, marks: [], journals: [journal()], views: VIEWS },
    ...{ leftPending: new Map(), terms: TERMS, ...over },
  });

export const kinds = (over: Partial<Evidence>): ViolationKind[] => [
  ...new Set(judged(over).violations.map(({ kind }) => kind)),
];
export const without = (...numbers: number[]): readonly StoredJournal[] => [
  journal({ records: RECORDS.filter(({ n }) => !numbers.includes(n)) }),
];
export const withRecords = (...more: StoredRecord[]): readonly StoredJournal[] => [
  journal({ records: [...RECORDS, ...more] }),
];
export const instead = (one: Operation, over: Partial<Operation>): Operation[] =>
  CLEAN.map((each) => (each === one ? { ...each, ...over } : each));
export const streamOf = (...events: EventSeen[]): Operation[] => instead(STREAM, { events });
export const noViews: Partial<Evidence> = { views: [] };
