/** Requests are answered, in time and as documented; lives are not extended; nothing is left waiting. */
import type { DurationMs } from '../../protocol/units.ts';
import { type Book, SLACK_MS } from './book.ts';
import type { Violation } from './evidence.ts';
import type { Moment, Operation } from './history.ts';
import type { StoredJournal } from './journals.ts';

/** Refusals that say when to try again. */
const LATER: ReadonlySet<string> = new Set(['STORE_UNAVAILABLE', 'SESSION_BUSY', 'RESOURCE_EXHAUSTED']);
/** What an operation may be answered although nothing is wrong: the task has ended, or is gone (judged elsewhere). */
const ENDED_REASONS = ['UNSUPPORTED_OPERATION', 'INVALID_TASK_STATE', 'TASK_NOT_FOUND'];
const EXPECTED: Readonly<Partial<Record<Operation['kind'], ReadonlySet<string>>>> = {
  get: new Set(['TASK_NOT_FOUND']),
  cancel: new Set(['TASK_NOT_FOUND', 'TASK_NOT_CANCELABLE']),
  subscribe: new Set(ENDED_REASONS),
  resume: new Set(ENDED_REASONS),
};
/** `at` of a record, the commit and the client's answer are not one moment. */
const LIFE_SLACK_MS: DurationMs = 2_000;

export function checkService(book: Book): Violation[] {
  const { operations, journals, leftPending, terms } = book.evidence;
  return [
    ...operations.flatMap((operation) => requestFaults(book, operation)),
    ...journals.flatMap((journal) => [...lives(book, journal), ...damage(journal)]),
    ...[...leftPending].map(([what, records]): Violation => ({
      kind: 'pending left',
      what,
      detail: `${records} records still wait for the store`,
    })),
    ...(terms.quickMaxMs === undefined ? [] : slow(book, terms.quickMaxMs)),
  ];
}

/** Quick answers of instances that were as they should be. */
export function quickAnswers(book: Book): Operation[] {
  return book.evidence.operations.filter(
    (operation) =>
      operation.isQuick &&
      (operation.outcome === 'answered' || operation.outcome === 'refused') &&
      !wasAway(book, operation) &&
      !book.waitsForLost(operation),
  );
}

const wasAway = (book: Book, { instance, startedAt, endedAt }: Operation): boolean =>
  book.wasAway(instance, startedAt - SLACK_MS, endedAt + SLACK_MS);

export const tookMs = ({ startedAt, endedAt }: Operation): DurationMs => endedAt - startedAt;

function slow(book: Book, maxMs: DurationMs): Violation[] {
  const { stallMs } = book.evidence.terms;
  return quickAnswers(book).flatMap((operation): Violation[] => {
    const ms = tookMs(operation);
    if (ms <= maxMs + stallMs) return [];
    const detail = `${Math.round(ms)} ms on ${operation.instance}`;
    return [{ kind: 'too slow', what: `${operation.kind} of ${operation.client}`, detail }];
  });
}

function requestFaults(book: Book, operation: Operation): Violation[] {
  const { kind, client, instance, outcome, error, startedAt, endedAt } = operation;
  const what = `${kind} of ${client} (${operation.key ?? operation.task ?? operation.session ?? ''})`;
  // Who waited for what was deleted is told so, or has his stream closed.
  const isDeleted =
    book.evidence.terms.exception?.kind === 'flushed' && book.isExcepted({ operation, at: endedAt });
  if (isDeleted && (outcome === 'broken' || error?.reason === 'TASK_NOT_FOUND')) return [];
  // A stream whose task was created in what the store has lost ends until its writer has offered it again.
  if (outcome === 'broken' && book.mayHaveGoneBack(endedAt)) return [];
  if (outcome === 'broken' || outcome === 'abandoned') {
    // A task that runs elsewhere is silent here while the store is away; its reader goes on somewhere else.
    if (outcome === 'abandoned' && (operation.isOpen === true || book.wasSilent(operation))) return [];
    if (wasAway(book, operation)) return [];
    if (outcome === 'abandoned' && book.waitsForLost(operation)) return [];
    const ms = Math.round(endedAt - startedAt);
    return [
      { kind: 'request lost', what, detail: `${outcome} after ${ms} ms on ${instance}, which was well` },
    ];
  }
  if (error === undefined) return [];
  const isLater = error.retry && LATER.has(error.reason);
  if (isLater || EXPECTED[kind]?.has(error.reason) === true) return [];
  const retry = error.retry ? ' with' : ' without';
  return [
    {
      kind: 'undocumented error',
      what,
      detail: `${error.reason}, ${error.status},${retry} retry, ${instance}`,
    },
  ];
}

/** The store keeps a session no longer than its last write says. */
function lives(book: Book, journal: StoredJournal): Violation[] {
  const { terms, operations } = book.evidence;
  if (journal.isTombstone || journal.ttlMs < 0) {
    return journal.isTombstone
      ? []
      : [{ kind: 'life extended', what: journal.session, detail: 'it never expires' }];
  }
  const touched = operations.reduce<Moment>(
    (latest, operation) => (isWrite(operation, journal) ? Math.max(latest, operation.endedAt) : latest),
    Number.NEGATIVE_INFINITY,
  );
  const newest = Math.max(...journal.records.map(({ at }) => at));
  const byRecords = terms.clocksDiffer
    ? Number.NEGATIVE_INFINITY
    : newest - journal.readAtEpochMs + journal.readAt;
  const mostMs = Math.max(touched, byRecords) + terms.ttlMs - journal.readAt + LIFE_SLACK_MS;
  if (journal.ttlMs <= mostMs) return [];
  const detail = `${journal.ttlMs} ms left, at most ${Math.round(mostMs)} ms by its last write`;
  return [{ kind: 'life extended', what: journal.session, detail }];
}

/** Sends and cancels write; whoever follows a task knows that it still runs, which holds its session. */
function isWrite({ kind, session, task, seen }: Operation, journal: StoredJournal): boolean {
  if (kind === 'get' || kind === 'list') return false;
  return (
    session === journal.session ||
    seen?.context === journal.session ||
    task?.startsWith(`${journal.session}.`) === true
  );
}

function damage({ session, damaged, summaries, records }: StoredJournal): Violation[] {
  const states = new Map<string, string>();
  for (const { t, task, state } of records) {
    if (t === 'task') states.set(`${session}.${task ?? ''}`, 'submitted');
    if (t === 'run' || t === 'status') states.set(`${session}.${task ?? ''}`, state ?? '');
  }
  const wrong = [...states].filter(([id, state]) => summaries.size > 0 && summaries.get(id) !== state);
  return [
    ...damaged.map((n): Violation => ({
      kind: 'damaged',
      what: session,
      detail: `record ${n} is missing or unreadable`,
    })),
    ...wrong.map(([what, state]): Violation => ({
      kind: 'damaged',
      what,
      detail: `${state} in the journal, ${summaries.get(what) ?? 'nothing'} in the index`,
    })),
  ];
}
