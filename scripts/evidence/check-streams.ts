/** Every reader gets every event once and in order, over any number of connections. */
import type { Book, StoredTask } from './book.ts';
import type { Violation } from './evidence.ts';
import type { EventSeen, Operation } from './history.ts';
import { isCompacted } from './journals.ts';

interface Cursor {
  readonly epoch: string;
  readonly n: number;
  /** Of an event that was not stored when it was told. */
  readonly deferred?: { readonly instance: string; readonly seq: number };
}

const WIRE = /^([\w-]*)\.(\d+)(?:~([\w-]+)\.(\d+))?$/;

function parse(cursor: string): Cursor | undefined {
  const [, epoch, n, instance, seq] = WIRE.exec(cursor) ?? [];
  if (epoch === undefined) return undefined;
  return { epoch, n: Number(n), ...(instance !== undefined && { deferred: { instance, seq: Number(seq) } }) };
}

const toText = ({ n, deferred }: Cursor): string =>
  deferred === undefined ? String(n) : `${n}~${deferred.instance}.${deferred.seq}`;

/** Instead of an instance: what was seen cannot be said in one identity. Whoever comes back with it gets a snapshot. */
const NOBODY = '-';

/** One event that was told, and what went before it for this reader. */
interface Step {
  readonly operation: Operation;
  readonly event: EventSeen;
  readonly cursor: Cursor;
  readonly isFromMemory: boolean;
  /** Its number is behind that of the one before. */
  readonly isOnward: boolean;
}

export function checkStreams(book: Book): Violation[] {
  const readers = new Map<string, Operation[]>();
  for (const operation of book.evidence.operations) {
    const id = operation.seen?.id;
    if (operation.events === undefined || id === undefined) continue;
    const reader = `${id} read by ${operation.client}`;
    const of = readers.get(reader);
    if (of === undefined) readers.set(reader, [operation]);
    else of.push(operation);
  }
  return [...readers].flatMap(([reader, operations]) => checkReader(book, reader, operations));
}

function checkReader(book: Book, reader: string, operations: readonly Operation[]): Violation[] {
  const found: Violation[] = [];
  const [first] = operations;
  const task = book.task(first?.seen?.id ?? '');
  let steps: Step[] = [];
  // What was told since the last snapshot goes on from a number that may be another record's now.
  let isDoubtful = false;
  for (const operation of operations) {
    let before = operation.cursor === undefined ? undefined : parse(operation.cursor);
    for (const event of operation.events ?? []) {
      const cursor = event.cursor === undefined ? undefined : parse(event.cursor);
      if (cursor === undefined) continue;
      // It was told of a store that has gone back since: what stood there stands elsewhere now. Or its cursor does not say
      // whose record it was.
      if (book.mayHaveGoneBack(event.at) || cursor.deferred?.instance === NOBODY) {
        if (task !== undefined) found.push(...checkRun(book, reader, task, steps));
        steps = [];
        before = undefined;
        isDoubtful ||= book.mayHaveGoneBack(event.at);
        continue;
      }
      const isFresh =
        isSnapshot(operation, event, task) || before === undefined || before.epoch !== cursor.epoch;
      if (!isFresh) found.push(...compare(reader, before, cursor));
      if (isSnapshot(operation, event, task)) isDoubtful = false;
      // A snapshot stands for all that came before it.
      if (isFresh) {
        if (task !== undefined) found.push(...checkRun(book, reader, task, steps));
        steps = [];
      }
      steps.push({
        operation,
        event,
        cursor,
        isFromMemory: isFromMemory(before, cursor),
        isOnward: before === undefined || cursor.n > before.n,
      });
      before = cursor;
    }
  }
  if (task === undefined) return found;
  found.push(...checkRun(book, reader, task, steps));
  if (!isDoubtful) found.push(...content(reader, task, operations.at(-1)));
  return found;
}

/**
 * In 0.1 a snapshot is told as artifacts and a status, like any other: it is known by its place, or by the frames in front
 * of it, of which only the last has a cursor.
 */
function isSnapshot({ dialect, kind, events = [] }: Operation, event: EventSeen, task?: StoredTask): boolean {
  if (event.isSnapshot || dialect !== 'v01') return event.isSnapshot;
  const at = events.findIndex(({ cursor }) => cursor !== undefined);
  const nth = events.indexOf(event);
  if (nth > 0 && events[nth - 1]?.cursor === undefined) return true;
  if (nth !== at) return false;
  const n = parse(event.cursor ?? '')?.n;
  return kind === 'subscribe' || task?.records.every((record) => record.n !== n || !isEvent(record)) === true;
}

/** Whether the event was told from memory, before it was stored: what is stored may carry the mark of what went before. */
function isFromMemory(before: Cursor | undefined, { deferred }: Cursor): boolean {
  if (deferred === undefined || before?.deferred?.instance !== deferred.instance)
    return deferred !== undefined;
  return deferred.seq > before.deferred.seq;
}

function compare(reader: string, before: Cursor | undefined, now: Cursor): Violation[] {
  if (before === undefined) return [];
  const [a, b] = [toText(before), toText(now)];
  if (a === b) return [{ kind: 'event twice', what: reader, detail: `cursor ${b}` }];
  const isSameMark = before.deferred !== undefined && before.deferred.instance === now.deferred?.instance;
  const isBack =
    now.n < before.n ||
    (isSameMark && now.deferred.seq < before.deferred.seq) ||
    (now.n === before.n && !isFromMemory(before, now));
  return isBack ? [{ kind: 'cursor backwards', what: reader, detail: `${a}, then ${b}` }] : [];
}

const isEvent = ({ t, whole }: StoredTask['records'][number]): boolean =>
  t === 'run' || t === 'status' || t === 'task' || (t === 'artifact' && whole !== true);

const writerOf = ({ identity }: StoredTask['records'][number]): string =>
  identity.slice(0, identity.lastIndexOf('.'));

const hasCompacted = ({ compacted }: StoredTask['records'][number]): boolean => compacted !== undefined;

/** Each event is a record of this task, none comes twice, and none between two of them is missing. */
function checkRun(book: Book, reader: string, task: StoredTask, steps: readonly Step[]): Violation[] {
  const found: Violation[] = [];
  const told = new Set<number>();
  /** Whose records were told before they were stored, and how far; the others' that came between are told later, if ever. */
  const ahead = new Map<string, number>();
  let storedTo = 0;
  const byIdentity = new Map(task.records.map((record) => [record.identity, record]));
  const byNumber = new Map(task.records.map((record) => [record.n, record]));
  for (const { operation, event, cursor, isFromMemory: fromMemory, isOnward } of steps) {
    const { deferred } = cursor;
    if (cursor.epoch !== '' && cursor.epoch !== task.journal.epoch) continue;
    // A mark may be that of another task's record, or of an earlier one: then the event is the record at the number.
    const marked =
      deferred !== undefined && fromMemory
        ? byIdentity.get(`${deferred.instance}.${deferred.seq}`)
        : undefined;
    const record = marked ?? (fromMemory && !isOnward ? undefined : byNumber.get(cursor.n));
    if (record === undefined) {
      // Where a stream begins anywhere, its snapshot names the head, which may be another task's record.
      if (isSnapshot(operation, event, task) || isGone(book, operation, event)) continue;
      // Its record was deleted after the task's end. What stood where can be told of numbers only.
      const isDeleted = fromMemory ? task.records.some(hasCompacted) : isCompacted(task.records, cursor.n);
      if (isDeleted) continue;
      found.push({ kind: 'lost', what: reader, detail: `the event ${event.cursor ?? ''} is in no journal` });
      continue;
    }
    if (told.has(record.n)) found.push({ kind: 'event twice', what: reader, detail: `record ${record.n}` });
    told.add(record.n);
    if (marked === undefined) storedTo = Math.max(storedTo, record.n);
    else ahead.set(writerOf(record), Math.max(ahead.get(writerOf(record)) ?? 0, record.n));
  }
  const from = Math.min(...told);
  for (const record of task.records) {
    const to = Math.max(storedTo, ahead.get(writerOf(record)) ?? 0);
    if (record.n <= from || record.n >= to || !isEvent(record) || told.has(record.n)) continue;
    found.push({ kind: 'stream gap', what: reader, detail: `record ${record.n} (${record.t}) was not told` });
  }
  return found;
}

/** Told from a memory that was killed before the store had it. */
function isGone(book: Book, operation: Operation, event: EventSeen): boolean {
  if (book.isExcepted({ operation, at: event.at })) return true;
  const killedAt = book.killedAt(operation.instance);
  if (event.cursor?.includes('~') !== true || killedAt === undefined || book.evidence.terms.hasOutageJournal)
    return false;
  // It was told before the kill, whenever the client came to read it.
  return (book.flushedBy(operation.instance, Math.min(event.at, killedAt)) ?? killedAt) >= killedAt;
}

/** Who has read to the end has all of it. */
function content(reader: string, task: StoredTask, last: Operation | undefined): Violation[] {
  if (last?.outcome !== 'answered' || last.seen === undefined || last.seen.state !== task.state) return [];
  const [has, wants] = [last.seen.artifacts.flat(), task.artifacts.flat()];
  if (JSON.stringify(has) === JSON.stringify(wants)) return [];
  // Told from memory, and no longer applicable when it was replayed: it stands as refused.
  if (task.isRefusedInPart && has.length > wants.length) return [];
  const kind = has.length > wants.length ? 'event twice' : 'stream gap';
  return [
    { kind, what: reader, detail: `read ${JSON.stringify(has)}, the journal has ${JSON.stringify(wants)}` },
  ];
}
