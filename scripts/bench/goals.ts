import type { Book, Place, Quantity } from './book.ts';
import * as names from './names.ts';
import { ratioOf, type Spread, spreadOf } from './statistics.ts';

/** What has to hold, as a ratio or a count in one run. */
export interface Goal {
  readonly title: string;
  readonly bound: { readonly atLeast: number } | { readonly atMost: number };
  /** What a short run fails by when all of its rounds are outside; absent: it fails at nothing, as it says too little. */
  readonly quick?: Goal['bound'];
  /** @returns undefined when the run has not measured it */
  readonly of: (book: Book) => Spread | undefined;
}

export interface Verdict {
  readonly goal: Goal;
  readonly measured: Spread | undefined;
  /** Undefined when it was not measured. */
  readonly isMet: boolean | undefined;
  /** Whether a short run fails by it. */
  readonly isQuickFault: boolean;
}

type At = readonly [workload: string, variant: string, contender: string];

const placeOf = ([workload, variant, contender]: At): Place => ({ workload, variant, contender });
const ratio =
  (over: At, under: At, quantity: Quantity = 'rate') =>
  (book: Book): Spread | undefined =>
    ratioOf(book.values(placeOf(over), quantity), book.values(placeOf(under), quantity));
const plain =
  (at: At, quantity: Quantity) =>
  (book: Book): Spread | undefined => {
    const values = book.values(placeOf(at), quantity);
    return values.length === 0 ? undefined : spreadOf(values);
  };

const send = (contender: string): At => [names.SEND, names.sendOf(200), contender];
const get = (contender: string): At => [names.GET, names.POLLED, contender];
const nth = (n: number): At => [names.AGING, names.nthOf(n), names.REDIS];
const chunks = (contender: string): At => [names.STREAM, names.listenersOf(1), contender];
const workers = (count: number): At => [names.WORKERS, names.ALL_WORKERS, names.workersOf(count)];
const trips = (variant: string): At => [names.COSTS, variant, names.REDIS];

export const GOALS: readonly Goal[] = [
  {
    title: 'blocking send with Redis write-through ÷ `@a2a-js/sdk` in memory',
    bound: { atLeast: 5 },
    quick: { atLeast: 2 },
    of: ratio(send(names.REDIS), send(names.SDK)),
  },
  {
    title: 'blocking send with Redis write-through ÷ `@a2a-js/sdk` with its SQLite store',
    bound: { atLeast: 10 },
    of: ratio(send(names.REDIS), send(names.SQLITE)),
  },
  {
    title: 'blocking send with Redis write-through ÷ Express + jayson echo that stores nothing',
    bound: { atLeast: 1.3 },
    of: ratio(send(names.REDIS), send(names.EXPRESS)),
  },
  {
    title: 'blocking send with Redis write-through ÷ `node:http` + jayson echo that stores nothing',
    bound: { atLeast: 0.45 },
    of: ratio(send(names.REDIS), send(names.NODE)),
  },
  {
    title: 'p99 of a blocking send with Redis write-through ÷ p99 with the memory store',
    bound: { atMost: 2 },
    of: ratio(send(names.REDIS), send(names.MEMORY), 'p99'),
  },
  {
    title: '`tasks/get` of a cached session ÷ `node:http` + jayson echo, exclusive',
    bound: { atLeast: 0.6 },
    of: ratio(get(names.EXCLUSIVE), get(names.NODE)),
  },
  {
    title: '`tasks/get` of a cached session ÷ `node:http` + jayson echo, shared: one round trip',
    bound: { atLeast: 0.45 },
    of: ratio(get(names.REDIS), get(names.NODE)),
  },
  {
    title: 'Redis bytes of the 10,000th message ÷ the 10th',
    bound: { atMost: 1.1 },
    of: ratio(nth(10_000), nth(10), 'bytes'),
  },
  {
    title: 'Redis commands of the 10,000th message ÷ the 10th',
    bound: { atMost: 1.1 },
    of: ratio(nth(10_000), nth(10), 'commands'),
  },
  {
    title: 'Redis round trips of a blocking send, session in memory',
    bound: { atMost: 2 },
    quick: { atMost: 2 },
    of: plain(trips(names.HIT), 'trips'),
  },
  {
    title: 'Redis round trips of a blocking send, new session',
    bound: { atMost: 2 },
    quick: { atMost: 2 },
    of: plain(trips(names.FRESH), 'trips'),
  },
  {
    title: 'Redis round trips of a blocking send, first one after a restart',
    bound: { atMost: 3 },
    quick: { atMost: 3 },
    of: plain(trips(names.RESTARTED), 'trips'),
  },
  {
    title: 'bytes written to Redis ÷ bytes of message and artifact text, at 2 kB',
    bound: { atMost: 1.6 },
    quick: { atMost: 1.6 },
    of: plain(trips(names.TEXT_2K), 'factor'),
  },
  {
    title: '1,000-chunk stream, chunks/s to one listener ÷ `@a2a-js/sdk` in memory',
    bound: { atLeast: 3 },
    of: ratio(chunks(names.REDIS), chunks(names.SDK)),
  },
  {
    title: '1,000-chunk stream, bytes written to Redis ÷ its chunks',
    bound: { atMost: 3 },
    of: plain([names.STREAM, names.STREAM_BYTES, names.REDIS], 'factor'),
  },
  {
    title: 'rehydrate 1,000 records ÷ bare HGETALL + JSON.parse of the same',
    bound: { atMost: 2 },
    of: ratio(
      [names.REHYDRATE, names.recordsOf(1_000), names.REDIS],
      [names.REHYDRATE, names.recordsOf(1_000), names.BARE],
      'ms',
    ),
  },
  {
    title: '2 workers ÷ 1 worker, Redis and the load on the same 2 cores',
    bound: { atLeast: 1.1 },
    of: ratio(workers(2), workers(1)),
  },
  {
    title: '2 workers, CPU time per request ÷ that of 1 worker',
    bound: { atMost: 1.15 },
    of: ratio(workers(2), workers(1), 'cpu'),
  },
  {
    title: 'heap per cached session after 5 echoed sends of 200 B, kB',
    bound: { atMost: 8 },
    of: plain([names.HEAP, names.HEAP_VARIANT, names.REDIS], 'kilobytes'),
  },
];

const isWithin = (value: number, bound: Goal['bound']): boolean =>
  'atLeast' in bound ? value >= bound.atLeast : value <= bound.atMost;

/** Whether one round at least was within: what a busy machine does to some rounds is no fault of the code. */
const reaches = ({ low, high }: Spread, bound: Goal['bound']): boolean =>
  isWithin('atLeast' in bound ? high : low, bound);

export function judge(book: Book, goals: readonly Goal[] = GOALS): Verdict[] {
  return goals.map((goal) => {
    const measured = goal.of(book);
    const value = measured?.value;
    return {
      goal,
      measured,
      isMet: value === undefined ? undefined : isWithin(value, goal.bound),
      isQuickFault: measured !== undefined && goal.quick !== undefined && !reaches(measured, goal.quick),
    };
  });
}
