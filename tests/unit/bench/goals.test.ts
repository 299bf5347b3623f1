import { expect } from 'chai';
import { Book, type Quantity } from '../../../scripts/bench/book.ts';
import { GOALS, judge, type Verdict } from '../../../scripts/bench/goals.ts';
import * as names from '../../../scripts/bench/names.ts';

function sendRates(book: Book, rates: Readonly<Record<string, readonly number[]>>): Book {
  for (const [contender, values] of Object.entries(rates))
    for (const value of values)
      book.add({ workload: names.SEND, variant: names.sendOf(200), contender }, 'rate', value);
  return book;
}

const verdictOn = (book: Book, title: RegExp): Verdict | undefined =>
  judge(book).find(({ goal }) => title.test(goal.title));

const SEND_GOAL = /^blocking send with Redis write-through/;

/** A run in which every series that a goal looks at has the value 1. */
function everything(): Book {
  const book = new Book();
  const add = (workload: string, variant: string, contender: string, quantity: Quantity): void => {
    book.add({ workload, variant, contender }, quantity, 1);
  };
  for (const contender of [names.REDIS, names.MEMORY, names.SDK, names.SQLITE, names.EXPRESS, names.NODE])
    for (const quantity of ['rate', 'p99'] as const) add(names.SEND, names.sendOf(200), contender, quantity);
  for (const contender of [names.REDIS, names.EXCLUSIVE, names.NODE])
    add(names.GET, names.POLLED, contender, 'rate');
  for (const nth of [10, 10_000])
    for (const quantity of ['bytes', 'commands'] as const)
      add(names.AGING, names.nthOf(nth), names.REDIS, quantity);
  for (const variant of [names.HIT, names.FRESH, names.RESTARTED])
    add(names.COSTS, variant, names.REDIS, 'trips');
  add(names.COSTS, names.TEXT_2K, names.REDIS, 'factor');
  for (const contender of [names.REDIS, names.SDK])
    add(names.STREAM, names.listenersOf(1), contender, 'rate');
  add(names.STREAM, names.STREAM_BYTES, names.REDIS, 'factor');
  for (const contender of [names.REDIS, names.BARE])
    add(names.REHYDRATE, names.recordsOf(1_000), contender, 'ms');
  for (const count of [1, 2])
    for (const quantity of ['rate', 'cpu'] as const)
      add(names.WORKERS, names.ALL_WORKERS, names.workersOf(count), quantity);
  add(names.HEAP, names.HEAP_VARIANT, names.REDIS, 'kilobytes');
  return book;
}

describe('the goals of the bench', () => {
  it('are met from their bound on, and missed below it', () => {
    const met = sendRates(new Book(), { [names.REDIS]: [500, 600, 400], [names.SDK]: [100, 100, 100] });
    expect(verdictOn(met, SEND_GOAL)).to.deep.include({
      isMet: true,
      measured: { value: 5, low: 4, high: 6 },
      isQuickFault: false,
    });
    const missed = sendRates(new Book(), { [names.REDIS]: [499], [names.SDK]: [100] });
    expect(verdictOn(missed, SEND_GOAL)).to.deep.include({ isMet: false, isQuickFault: false });
  });

  it('fail a short run only below what it can tell', () => {
    const slow = sendRates(new Book(), { [names.REDIS]: [199, 180, 150], [names.SDK]: [100, 100, 100] });
    expect(verdictOn(slow, SEND_GOAL)).to.deep.include({ isMet: false, isQuickFault: true });
    const disturbed = sendRates(new Book(), { [names.REDIS]: [200, 180, 150], [names.SDK]: [100, 100, 100] });
    expect(verdictOn(disturbed, SEND_GOAL)).to.deep.include({ isMet: false, isQuickFault: false });
  });

  it('fail a short run by a counted cost above its bound', () => {
    const book = new Book();
    const place = { workload: names.COSTS, contender: names.REDIS };
    book.add({ ...place, variant: names.HIT }, 'trips', 3);
    book.add({ ...place, variant: names.TEXT_2K }, 'factor', 1.61);
    book.add({ ...place, variant: names.RESTARTED }, 'trips', 3);
    const faults = judge(book).filter(({ isQuickFault }) => isQuickFault);
    expect(faults.map(({ measured }) => measured?.value)).to.deep.equal([3, 1.61]);
  });

  it('are neither met nor missed when nothing was measured', () => {
    const verdicts = judge(new Book());
    expect(verdicts).to.have.length(GOALS.length);
    expect(verdicts.every(({ isMet }) => isMet === undefined)).to.equal(true);
    expect(verdicts.some(({ isQuickFault }) => isQuickFault)).to.equal(false);
  });

  it('are all judged when all is measured', () => {
    const absent = judge(everything()).filter(({ isMet }) => isMet === undefined);
    expect(absent.map(({ goal }) => goal.title)).to.deep.equal([]);
  });
});
