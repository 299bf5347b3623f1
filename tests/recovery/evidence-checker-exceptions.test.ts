import { expect } from 'chai';
import type { EventSeen, MarkAt, Operation } from '../../scripts/evidence/history.ts';
import { toJournal } from '../../scripts/evidence/journals.ts';
import {
  CLEAN,
  event,
  EPOCH,
  EVENTS,
  HELLO,
  HELLO_DONE,
  instead,
  journal,
  judged,
  kinds,
  noViews,
  operation,
  record,
  RECORDS,
  SEND,
  SLOW,
  SLOW_DONE,
  STREAM,
  TERMS,
  without,
} from './evidence-history.ts';

/** What is left out by design is left out no further than that. */
describe('the exceptions of the checker of npm run evidence', () => {
  describe('a store that may have gone back', () => {
    const terms = { ...TERMS, exception: { kind: 'unsynced', withinMs: 100, why: '' } as const };
    const failover = (from: number, to: number): MarkAt[] => [
      { kind: 'fault', name: 'replica behind', at: from },
      { kind: 'healed', name: 'replica behind', at: to },
    ];
    const lost = { ...noViews, terms, journals: without(2, 3, 4, 5) };

    it('may lose what was stored in the moment before, and nothing older', () => {
      expect(kinds({ ...lost, marks: failover(150, 180) })).to.deep.equal([]);
      expect(judged({ ...lost, marks: failover(150, 180) }).excepted).to.equal(1);
      expect(kinds({ ...lost, marks: failover(1_000, 1_100) })).to.deep.equal(['lost']);
    });

    it('may not lose what was stored behind the failover', () => {
      const operations = instead(SEND, { persistence: 'deferred' });
      const marks = (flushedAt: number): MarkAt[] => [
        ...failover(90, 150),
        { kind: 'pending', instance: 'i1#1', askedAt: flushedAt, at: flushedAt, records: 0, ready: true },
      ];
      expect(kinds({ ...lost, operations, marks: marks(140) })).to.deep.equal([]);
      expect(kinds({ ...lost, operations, marks: marks(5_000) })).to.deep.equal(['lost']);
    });

    it('may take along what was put off on a session that it lost as a whole', () => {
      const operations = CLEAN.map((each) =>
        each === STREAM ? { ...each, persistence: 'deferred' as const } : each,
      );
      const over = { ...noViews, operations, terms };
      const marks: MarkAt[] = [
        ...failover(110, 150),
        { kind: 'pending', instance: 'i1#1', askedAt: 400, at: 400, records: 0, ready: true },
      ];
      const late = (at: number): Operation[] =>
        operations.map((each) =>
          each.kind === 'stream' ? { ...each, startedAt: at, endedAt: at + 45 } : each,
        );
      expect(kinds({ ...over, marks, journals: [] })).to.deep.equal([]);
      expect(judged({ ...over, marks, journals: [] }).excepted).to.equal(2);
      // it was put off as well, and stored in that moment
      const flushed: MarkAt = {
        kind: 'pending',
        instance: 'i1#1',
        askedAt: 140,
        at: 140,
        records: 0,
        ready: true,
      };
      const both = operations.map((each) =>
        each === SEND ? { ...each, persistence: 'deferred' as const, startedAt: 5, endedAt: 6 } : each,
      );
      const flushedThen = [...failover(110, 150), flushed, ...marks.slice(2)];
      expect(kinds({ ...over, operations: both, marks: flushedThen, journals: [] })).to.deep.equal([]);
      expect(judged({ ...over, operations: both, marks: flushedThen, journals: [] }).excepted).to.equal(2);
      // its beginning is there
      expect(kinds({ ...over, marks, journals: without(6, 7, 8, 9, 10, 11) })).to.include('lost');
      // it was stored long before
      expect(
        kinds({ ...over, marks: [...failover(1_000, 1_100), ...marks.slice(2)], journals: [] }),
      ).to.include('lost');
      // it was put off long after
      expect(kinds({ ...over, operations: late(3_000), marks, journals: [] })).to.include('lost');
      // it was said to be stored
      expect(kinds({ ...over, operations: CLEAN, marks, journals: [] })).to.include('lost');
    });

    it('may be given again what it did not know, but not long after', () => {
      const ask = (startedAt: number, over: Partial<Operation>): Operation =>
        operation(startedAt, { task: HELLO, instance: 'i2#1', ...over });
      const error = { reason: 'TASK_NOT_FOUND', status: 200, retry: false };
      const asked = (at: number): Operation[] => [
        ...CLEAN,
        ask(at, { outcome: 'refused', error }),
        ask(9_000, { seen: HELLO_DONE }),
      ];
      const over = { terms, marks: failover(150, 180) };
      expect(kinds({ ...over, operations: asked(400) })).to.deep.equal([]);
      expect(kinds({ ...over, operations: asked(5_000) })).to.deep.equal(['resurrected']);
      expect(kinds({ ...over, operations: asked(400), marks: failover(1_000, 1_100) })).to.deep.equal([
        'lost',
        'resurrected',
      ]);
    });

    it('may make a reader go on elsewhere by number, unless it was told all anew', () => {
      const doubled = { ...SLOW_DONE, artifacts: [['chunk 0', 'chunk 0', 'chunk 1']] };
      const rest = [event(2_910, 10, 'working'), event(2_920, 11, 'completed')];
      const resumed = (...events: EventSeen[]): Operation[] => [
        ...instead(STREAM, {
          events: EVENTS.slice(0, 3),
          seen: { ...SLOW_DONE, state: 'working' },
          outcome: 'abandoned',
        }),
        operation(2_900, {
          ...{ kind: 'resume', task: SLOW, cursor: `${EPOCH}.9`, isQuick: false, seen: doubled, events },
        }),
      ];
      const over = { ...noViews, terms, marks: failover(230, 260) };
      const twice = (operations: Operation[], marks = over.marks): boolean =>
        kinds({ ...over, operations, marks }).includes('event twice');
      expect(twice(resumed(...rest))).to.equal(false);
      expect(twice(resumed(event(2_905, 9, 'working', true), ...rest))).to.equal(true);
      expect(twice(resumed(...rest), failover(5_000, 5_100))).to.equal(true);
    });

    it('may store again behind others what it had stored before them, and nothing older', () => {
      const swapped = RECORDS.map((each) => ({ ...each, n: each.task === 't1' ? each.n + 20 : each.n }));
      const journals = [journal({ records: swapped.sort((a, b) => a.n - b.n) })];
      expect(kinds({ ...noViews, journals, terms, marks: failover(150, 180) })).to.deep.equal([]);
      expect(kinds({ ...noViews, journals, terms, marks: failover(1_000, 1_100) })).to.deep.equal([
        'order swapped',
      ]);
    });

    it('may have told readers what is nowhere now, but not long after', () => {
      const elsewhere = [journal({ records: RECORDS.filter(({ n }) => n !== 9 && n !== 10) })];
      const operations = [SEND, { ...STREAM, seen: { ...SLOW_DONE, artifacts: [] } } as Operation];
      const over = { ...noViews, operations, journals: elsewhere, terms };
      expect(kinds({ ...over, marks: failover(230, 260) })).to.not.include('lost');
      expect(kinds({ ...over, marks: failover(5_000, 5_100) })).to.include('lost');
    });
  });

  describe('a reader that goes on behind a cursor', () => {
    const resume = operation(246, {
      ...{ kind: 'resume', client: 'c1', task: SLOW, cursor: event(0, 9, '').cursor ?? '' },
      ...{ outcome: 'abandoned', isQuick: false, endedAt: 3_246, seen: SLOW_DONE, events: [] },
    });

    it('may be told nothing while nobody is', () => {
      expect(kinds({ operations: [...CLEAN, resume] })).to.deep.equal([]);
    });

    it('may not be left out', () => {
      const early = { ...resume, startedAt: 205, endedAt: 3_205 };
      expect(kinds({ operations: [...CLEAN, early] })).to.deep.equal(['request lost']);
    });
  });

  describe('a reader that was told from memory', () => {
    const [first, second] = EVENTS as [EventSeen, EventSeen];
    const at = (n: number, identity: string) => record(n, { t: 'artifact', task: 't2', identity });
    const records = [...RECORDS.slice(0, 8), at(9, 'B.1'), at(10, 'A.10'), at(11, 'A.11')];
    const end = record(12, { t: 'status', task: 't2', state: 'completed', identity: 'A.12' });
    const over = (...events: EventSeen[]) => ({
      ...{ ...noViews, journals: [journal({ records: [...records, end] })] },
      operations: [SEND, { ...STREAM, events: [first, second, ...events], seen: undefined as never }],
    });
    const memory = (seq: number) => event(220, `8~A.${seq}`, 'working');
    const gaps = (...events: EventSeen[]) => {
      const { operations, ...rest } = over(...events);
      const seen = { ...SLOW_DONE, state: 'working' };
      return kinds({ ...rest, operations: operations.map((each) => ({ ...each, seen: each.seen ?? seen })) });
    };

    it('need not know what others stored meanwhile, as long as it is not told of the store again', () => {
      expect(gaps(memory(10), memory(11))).to.not.include('stream gap');
      expect(gaps(memory(10), memory(11), event(240, 12, 'completed'))).to.include('stream gap');
    });

    it('may not be able to say whose record it was told', () => {
      const vague = event(220, '8~-.10', 'working');
      expect(gaps(vague, memory(11))).to.deep.equal(gaps(memory(10), memory(11)));
    });

    it('has to know all of the instance that told it', () => {
      expect(gaps(memory(11))).to.include('stream gap');
      expect(gaps(memory(10), memory(12))).to.include('stream gap');
    });
  });

  describe('a snapshot of 0.1 in the middle of a stream', () => {
    const [first, second, third, fourth, last] = EVENTS as [
      EventSeen,
      EventSeen,
      EventSeen,
      EventSeen,
      EventSeen,
    ];
    const told = (...events: EventSeen[]) => instead(STREAM, { dialect: 'v01', events });

    it('is known by the frames without a cursor in front of it', () => {
      const frame = { ...event(231, 0, 'working'), cursor: undefined };
      const end = event(231, '10~B.9', 'working');
      expect(kinds({ operations: told(first, second, third, fourth, frame, end, last) })).to.deep.equal([]);
      expect(kinds({ operations: told(first, second, third, fourth, end, last) })).to.include('lost');
    });
  });

  describe('a task that was compacted', () => {
    const fields = {
      ...{ e: 'e1', v: '5' },
      1: '{"t":"created","at":1,"o":"A.1"}',
      2: '{"t":"task","task":"t1","at":1}',
      5: '{"t":"compacted","task":"t1","from":3,"to":3,"at":9,"o":"A.5"}',
    };

    it('lacks what it says, and no more', () => {
      expect(toJournal('s1', fields, 1).damaged).to.deep.equal([4]);
    });

    it('may have told what is deleted', () => {
      const gone = RECORDS.filter(({ n }) => n !== 9 && n !== 10);
      const whole = { artifactId: 'a', parts: ['chunk 0', 'chunk 1'], whole: true };
      const rest = [
        record(12, { t: 'artifact', task: 't2', ...whole }),
        record(13, { t: 'compacted', task: 't2', compacted: [9, 10] }),
      ];
      const over = (...records: typeof rest) => ({ ...noViews, journals: [journal({ records })] });
      expect(kinds(over(...gone, ...rest))).to.deep.equal([]);
      expect(kinds(over(...gone, ...rest.slice(0, 1)))).to.deep.equal(['lost']);
    });
  });
});
