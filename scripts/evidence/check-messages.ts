/** Every acknowledged message once, in one task; every answer the right one; one order for all who read. */
import { expectedArtifacts, type TaskSeen } from '../recovery/recovery-checker.ts';
import type { Book, Message } from './book.ts';
import type { Violation } from './evidence.ts';
import type { StoredJournal } from './journals.ts';

export interface Counts {
  unconfirmed: number;
  excepted: number;
}

export function checkMessages(book: Book, counts: Counts): Violation[] {
  return [
    ...book.messages.flatMap((message) => [...presence(book, message, counts), ...answers(message)]),
    ...book.evidence.journals.flatMap((journal) => journalOrder(book, journal)),
    ...book.messages.flatMap((message) => recallOrder(book, message)),
  ];
}

function presence(book: Book, message: Message, counts: Counts): Violation[] {
  const { key, ack } = message;
  const found: Violation[] = [];
  const standing = book.standing(key);
  if (standing.length > 1) {
    const where = standing.map(({ journal, record }) => `${journal.session}:${record.n}`).join(' and ');
    found.push({ kind: 'duplicated', what: key, detail: `stands at ${where}` });
  }
  const tasks = new Set([
    ...standing.map(({ journal, record }) => `${journal.session}.${record.task ?? '?'}`),
    ...book.tasks.filter(({ alias }) => alias === key).map(({ id }) => id),
  ]);
  if (tasks.size > 1) found.push({ kind: 'second task', what: key, detail: [...tasks].join(' and ') });
  const told = new Set(message.attempts.flatMap(({ seen }) => (seen === undefined ? [] : [seen.id])));
  if (told.size > 1 && !book.isExcepted({ operation: message.attempts[0]!, at: message.firstAt }))
    found.push({ kind: 'second task', what: key, detail: `answered with ${[...told].join(' and ')}` });

  const last = message.attempts.at(-1);
  if (ack === undefined) {
    if (last?.outcome === 'broken' || last?.outcome === 'abandoned' || last?.error?.retry === true)
      found.push({
        kind: 'unanswered',
        what: key,
        detail: `given up after ${message.attempts.length} attempts`,
      });
    return found;
  }
  if (standing.length > 0) {
    if (
      book.evidence.terms.exception?.kind === 'flushed' &&
      ack.storedBy !== undefined &&
      book.lostAt !== undefined
    ) {
      if (ack.storedBy < book.lostAt)
        found.push({
          kind: 'resurrected',
          what: key,
          detail: 'it was acknowledged before everything was lost',
        });
    }
    return found;
  }
  if (book.isExcepted(ack) || wentWithSession(book, message)) counts.excepted += 1;
  else if (isUnconfirmed(book, message)) counts.unconfirmed += 1;
  else {
    const how = ack.isDeferred ? 'deferred' : 'stored';
    found.push({
      kind: 'lost',
      what: key,
      detail: `acknowledged by ${ack.operation.instance} as ${how}, in no journal`,
    });
  }
  return found;
}

/**
 * What was put off on a session is given up with it where the store has lost the session as a whole: nobody brings that
 * back. Its beginning had to be stored in the moment that may be lost, and be nowhere now.
 */
export function wentWithSession(book: Book, { session, ack }: Message): boolean {
  if (ack?.isDeferred !== true || !book.mayHaveGoneBack(ack.operation.startedAt)) return false;
  const first = book.messages.reduce<Message | undefined>((earliest, each) => {
    if (each.session !== session || each.ack === undefined) return earliest;
    return earliest?.ack !== undefined && earliest.ack.at <= each.ack.at ? earliest : each;
  }, undefined);
  if (first?.ack?.storedBy === undefined || session === '') return false;
  return book.mayHaveGoneBack(first.ack.storedBy) && book.standing(first.key).length === 0;
}

/** Nothing more had been promised than that the process has it, and the process was killed first. */
function isUnconfirmed(book: Book, { ack }: Message): boolean {
  if (ack === undefined || !ack.isDeferred || book.evidence.terms.hasOutageJournal) return false;
  const killedAt = book.killedAt(ack.operation.instance);
  return killedAt !== undefined && (ack.storedBy ?? Number.POSITIVE_INFINITY) > killedAt;
}

function answers({ key, text, attempts }: Message): Violation[] {
  return attempts.flatMap(({ seen }): Violation[] => {
    if (seen === undefined || isRightAnswer(text, seen)) return [];
    return [
      { kind: 'wrong answer', what: key, detail: `${seen.state} with ${JSON.stringify(seen.artifacts)}` },
    ];
  });
}

/** Of a task that was interrupted as much of it as there was. */
export function isRightAnswer(
  text: string,
  { state, artifacts }: Pick<TaskSeen, 'state' | 'artifacts'>,
): boolean {
  if (text === 'recall') return artifacts.length <= 1;
  const expected = expectedArtifacts(text);
  if (state === 'completed') return JSON.stringify(artifacts) === JSON.stringify(expected);
  return artifacts.length <= 1 && (artifacts[0] ?? []).every((part, n) => part === expected[0]?.[n]);
}

/** What was known to be stored before another message was sent stands in front of it. */
function journalOrder(book: Book, journal: StoredJournal): Violation[] {
  const known = new Map(book.messages.map((message) => [message.key, message]));
  const order = [...known.values()]
    .flatMap((message) => {
      const [first] = book.standing(message.key).filter((each) => each.journal === journal);
      return first === undefined ? [] : [{ message, n: first.record.n }];
    })
    .sort((a, b) => a.n - b.n);
  const found: Violation[] = [];
  for (const [index, later] of order.entries()) {
    const { ack } = later.message;
    // Where the store went back, what it had lost was offered again, behind what others wrote meanwhile.
    if (ack === undefined || book.mayHaveGoneBack(ack.at)) continue;
    for (const earlier of order.slice(0, index)) {
      const sameInstance =
        earlier.message.attempts.length === 1 &&
        earlier.message.attempts[0]?.instance === ack.operation.instance;
      const knownAt = sameInstance ? ack.at : ack.storedBy;
      if (knownAt === undefined || knownAt >= earlier.message.firstAt) continue;
      const detail = `${later.message.key} (${later.n}) was acknowledged before ${earlier.message.key} (${earlier.n}) was sent`;
      found.push({ kind: 'order swapped', what: journal.session, detail });
    }
  }
  return found;
}

/** What an agent was told of the session is the beginning of the journal, as it stands now. */
function recallOrder(book: Book, { key, text, ack }: Message): Violation[] {
  if (text !== 'recall' || ack === undefined || ack.isDeferred || ack.operation.seen?.state !== 'completed')
    return [];
  if (book.mayHaveGoneBack(ack.at)) return [];
  const [standing] = book.standing(key);
  const said = ack.operation.seen.artifacts[0]?.[0];
  if (standing === undefined || said === undefined) return [];
  const { journal, record } = standing;
  const texts = journal.records
    .filter((each) => each.n < record.n && each.t === 'message')
    .map((each) => each.text ?? '');
  const lines = said === '' ? [] : said.split('\n');
  let at = 0;
  for (const line of lines) {
    const found = texts.indexOf(line, at);
    if (found < 0) {
      const detail = `recall told ${JSON.stringify(line)} where the journal has it elsewhere`;
      return [{ kind: 'order swapped', what: journal.session, detail: `${key}: ${detail}` }];
    }
    at = found + 1;
  }
  return [];
}
