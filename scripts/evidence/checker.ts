/** Judges the history of a scenario. Pure. */
import { Book } from './book.ts';
import { checkMessages } from './check-messages.ts';
import { checkService, quickAnswers, tookMs } from './check-service.ts';
import { checkStates } from './check-states.ts';
import { checkStreams } from './check-streams.ts';
import type { Evidence, Verdict, ViolationKind } from './evidence.ts';

/** A send is promised to take no longer, the store there or not. */
export const QUICK_MAX_MS = 600;

export function judge(evidence: Evidence): Verdict {
  const book = new Book(evidence);
  const counts = { unconfirmed: 0, excepted: 0 };
  const violations = [
    ...checkMessages(book, counts),
    ...checkStates(book),
    ...checkStreams(book),
    ...checkService(book),
  ];
  const affected = (...kinds: ViolationKind[]): number =>
    new Set(violations.filter(({ kind }) => kinds.includes(kind)).map(({ what }) => what)).size;
  const acks = book.messages.flatMap(({ ack }) => ack ?? []);
  const spans = quickAnswers(book).map(tookMs);
  return {
    violations,
    sent: book.messages.length,
    acknowledged: acks.length,
    deferred: acks.filter(({ isDeferred }) => isDeferred).length,
    lost: affected('lost'),
    duplicated: affected('duplicated', 'second task'),
    ...counts,
    requests: evidence.operations.length,
    slowestMs: spans.reduce((slowest, ms) => Math.max(slowest, ms), 0),
    over600: spans.filter((ms) => ms > QUICK_MAX_MS).length,
    refused: evidence.operations.filter(({ error }) => error?.retry === true).length,
    refusedRecords: evidence.journals.reduce(
      (sum, { records }) => sum + records.filter(({ refused }) => refused !== undefined).length,
      0,
    ),
    tasks: book.tasks.length,
  };
}
