import { expect } from 'chai';
import type { EventSeen, MarkAt } from '../../scripts/evidence/history.ts';
import {
  CLEAN,
  EPOCH,
  event,
  EVENTS,
  FOLLOW,
  GET,
  HELLO,
  instead,
  journal,
  judged,
  killed,
  kinds,
  noViews,
  operation,
  READ_AT,
  RECORDS,
  SEND,
  SLOW,
  SLOW_DONE,
  STREAM,
  streamOf,
  TERMS,
} from './evidence-history.ts';

describe('the checker of npm run evidence, further', () => {
  describe('of streams', () => {
    const [first, second, third, fourth, last] = EVENTS as [
      EventSeen,
      EventSeen,
      EventSeen,
      EventSeen,
      EventSeen,
    ];

    it('finds a cursor that goes back', () => {
      const operations = streamOf(first, second, fourth, third, last);
      expect(kinds({ operations })).to.deep.equal(['cursor backwards']);
    });

    it('finds an event that comes twice', () => {
      expect(kinds({ operations: streamOf(first, second, third, third, fourth, last) })).to.include(
        'event twice',
      );
    });

    it('finds an event that is missing', () => {
      expect(kinds({ operations: streamOf(first, second, fourth, last) })).to.deep.equal(['stream gap']);
    });

    it('finds one that is missing where the stream was resumed, and one that comes twice there', () => {
      const broken = { ...STREAM, outcome: 'broken', events: [first, second, third], endedAt: 225 } as const;
      const resumed = (...events: EventSeen[]) =>
        operation(226, {
          ...{ kind: 'resume', task: SLOW, cursor: `${EPOCH}.9`, instance: 'i2#1', isQuick: false },
          ...{ events, seen: SLOW_DONE },
        });
      const over = (...events: EventSeen[]) => ({
        operations: [SEND, broken, resumed(...events)],
        marks: [killed(224)],
      });
      expect(kinds(over(fourth, last))).to.deep.equal([]);
      expect(kinds(over(last))).to.deep.equal(['stream gap']);
      expect(kinds(over(third, fourth, last))).to.include('event twice');
    });

    it('finds one whose reader has not read what the journal has', () => {
      const short = { ...SLOW_DONE, artifacts: [['chunk 0']] };
      expect(kinds({ operations: instead(FOLLOW, { seen: short }) })).to.deep.equal(['stream gap']);
      const long = { ...SLOW_DONE, artifacts: [['chunk 0', 'chunk 1', 'chunk 1']] };
      expect(kinds({ operations: instead(FOLLOW, { seen: long }) })).to.deep.equal(['event twice']);
    });

    it('finds an event that is in no journal', () => {
      const journals = [
        journal({ records: RECORDS.map((each) => (each.n === 9 ? { ...each, task: 't1' } : each)) }),
      ];
      expect(kinds({ ...noViews, journals })).to.include('lost');
    });

    it('follows what was told from memory to where it came to stand', () => {
      const memory = [first, second, event(220, '8~A.9', 'working'), event(230, '8~A.10', 'working'), last];
      expect(kinds({ operations: streamOf(...memory) })).to.deep.equal([]);
      const gap = [first, second, event(230, '8~A.10', 'working'), last];
      expect(kinds({ operations: streamOf(...gap) })).to.deep.equal(['stream gap']);
      const nowhere = [first, second, event(220, '8~B.9', 'working'), fourth, last];
      expect(kinds({ operations: streamOf(...nowhere) })).to.deep.equal(['lost', 'stream gap']);
    });
  });

  describe('of the service', () => {
    it('finds a session whose life a replay has extended', () => {
      expect(kinds({ journals: [journal({ ttlMs: 60_000 })] })).to.deep.equal(['life extended']);
      expect(kinds({ journals: [journal({ ttlMs: -1 })] })).to.deep.equal(['life extended']);
    });

    it('finds it where clocks differ, by what clients did', () => {
      const terms = { ...TERMS, clocksDiffer: true };
      expect(kinds({ terms, journals: [journal({ ttlMs: 50_000 - READ_AT + 300 })] })).to.deep.equal([]);
      expect(kinds({ terms, journals: [journal({ ttlMs: 50_000 })] })).to.deep.equal(['life extended']);
    });

    it('finds an instance that says something else than the store', () => {
      const views = [{ instance: 'i2', task: SLOW, seen: { ...SLOW_DONE, state: 'working' } }];
      expect(kinds({ views })).to.deep.equal(['view differs']);
      expect(kinds({ views: [{ instance: 'i2', task: SLOW, seen: undefined }] })).to.deep.equal([
        'view differs',
      ]);
      expect(kinds({ views: [{ instance: 'i2', task: 's9.t9', seen: SLOW_DONE }] })).to.deep.equal([
        'view differs',
      ]);
    });

    it('finds records that still wait', () => {
      expect(kinds({ leftPending: new Map([['i1', 3]]) })).to.deep.equal(['pending left']);
    });

    it('finds an error that is not documented, and counts one that says when to try again', () => {
      const refused = (reason: string, retry: boolean) =>
        operation(400, { task: SLOW, outcome: 'refused', error: { reason, status: 200, retry } });
      expect(kinds({ operations: [...CLEAN, refused('INTERNAL', false)] })).to.deep.equal([
        'undocumented error',
      ]);
      expect(kinds({ operations: [...CLEAN, refused('STORE_UNAVAILABLE', false)] })).to.deep.equal([
        'undocumented error',
      ]);
      const later = judged({ operations: [...CLEAN, refused('STORE_UNAVAILABLE', true)] });
      expect(later).to.deep.include({ violations: [], refused: 1 });
    });

    it('finds a request that a healthy instance did not answer', () => {
      const operations = [...CLEAN, operation(400, { task: SLOW, outcome: 'abandoned', endedAt: 2_900 })];
      expect(kinds({ operations })).to.deep.equal(['request lost']);
      expect(kinds({ operations, marks: [killed(410)] })).to.deep.equal([]);
    });

    it('lets a send wait for who was cut off from the store and refused it, no longer than until that is back', () => {
      const refused = { reason: 'STORE_UNAVAILABLE', status: 200, retry: true };
      const first = operation(20, {
        ...{ kind: 'send', key: 'm1', text: 'hello', session: 's1', instance: 'i2#1' },
        ...{ outcome: 'refused', endedAt: 60, error: refused },
      });
      const again = instead(SEND, { endedAt: 3_100 });
      const over = (cut: number, joined: number, ...before: (typeof first)[]) => ({
        operations: [...before, ...again],
        marks: [
          { kind: 'cut', instance: 'i2#1', at: cut },
          { kind: 'joined', instance: 'i2#1', at: joined },
        ] as MarkAt[],
      });
      const slow = (...what: Parameters<typeof over>): boolean => kinds(over(...what)).includes('too slow');
      expect(slow(0, 2_900, first)).to.equal(false);
      expect(slow(-5_000, -2_000, first)).to.equal(true);
      expect(slow(3_200, 4_900, first)).to.equal(true);
      expect(slow(0, 2_900, { ...first, instance: SEND.instance })).to.equal(true);
      expect(slow(0, 2_900)).to.equal(true);
    });

    it('finds an answer that took too long, except at an instance that was paused', () => {
      const operations = instead(GET, { instance: 'i1#1', endedAt: 1_000 });
      expect(kinds({ operations })).to.deep.equal(['too slow']);
      expect(judged({ operations })).to.include({ over600: 1, slowestMs: 700 });
      const marks: MarkAt[] = [
        { kind: 'paused', instance: 'i1#1', at: 310 },
        { kind: 'resumed', instance: 'i1#1', at: 900 },
      ];
      expect(kinds({ operations, marks })).to.deep.equal([]);
      expect(kinds({ operations, terms: { ...TERMS, stallMs: 200 } })).to.deep.equal([]);
    });

    it('finds a damaged record, and an index that says something else', () => {
      expect(kinds({ journals: [journal({ damaged: [4] })] })).to.deep.equal(['damaged']);
      const summaries = new Map([
        [HELLO, 'completed'],
        [SLOW, 'working'],
      ]);
      expect(kinds({ journals: [journal({ summaries })] })).to.deep.equal(['damaged']);
    });
  });
});
