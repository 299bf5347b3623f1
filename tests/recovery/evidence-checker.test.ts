import { expect } from 'chai';
import type { MarkAt, Operation } from '../../scripts/evidence/history.ts';
import {
  CLEAN,
  EVENTS,
  HELLO,
  HELLO_DONE,
  instead,
  journal,
  judged,
  killed,
  kinds,
  noViews,
  operation,
  pending,
  record,
  RECORDS,
  seen,
  SEND,
  SLOW,
  SLOW_DONE,
  STREAM,
  TERMS,
  without,
  withRecords,
} from './evidence-history.ts';

describe('the checker of npm run evidence', () => {
  it('finds nothing in a history in which nothing is wrong', () => {
    const verdict = judged();
    expect(verdict.violations).to.deep.equal([]);
    expect(verdict).to.include({
      sent: 2,
      acknowledged: 2,
      deferred: 0,
      lost: 0,
      duplicated: 0,
      slowestMs: 10,
    });
  });

  describe('of messages', () => {
    it('finds one that was acknowledged and is in no journal', () => {
      expect(kinds({ ...noViews, journals: without(2, 3, 4, 5) })).to.deep.equal(['lost']);
      expect(judged({ ...noViews, journals: without(2, 3, 4, 5) }).lost).to.equal(1);
    });

    it('finds one that is there twice', () => {
      const again = record(12, { t: 'message', task: 't1', messageId: 'm1', text: 'hello' });
      expect(kinds({ ...noViews, journals: withRecords(again) })).to.deep.equal(['duplicated']);
    });

    it('finds one that is there twice although nobody acknowledged it', () => {
      const operations = instead(SEND, {
        outcome: 'broken',
        persistence: undefined,
        seen: undefined,
      } as never);
      const again = record(12, { t: 'message', task: 't1', messageId: 'm1', text: 'hello' });
      expect(kinds({ ...noViews, operations, journals: withRecords(again) })).to.include('duplicated');
    });

    it('finds two tasks for one send', () => {
      const twin = [
        record(12, { t: 'task', task: 't3' }),
        record(13, { t: 'message', task: 't3', messageId: 'm1', text: 'hello' }),
        record(14, { t: 'status', task: 't3', state: 'completed' }),
      ];
      expect(kinds({ journals: withRecords(...twin) })).to.include.members(['second task', 'duplicated']);
    });

    it('finds two tasks for one send of 0.1, which names its task itself', () => {
      const records = RECORDS.map((each) => (each.n === 2 ? { ...each, alias: 'm1' } : each));
      const twin = record(12, { t: 'task', task: 't3', alias: 'm1' });
      const over = [record(13, { t: 'status', task: 't3', state: 'completed' })];
      const journals = [journal({ records: [...records, twin, ...over] })];
      expect(kinds({ ...noViews, journals })).to.deep.equal(['second task']);
    });

    it('finds one that was answered with two tasks', () => {
      const repeat = { ...SEND, startedAt: 120, endedAt: 130, seen: { ...HELLO_DONE, id: 's1.t9' } };
      expect(kinds({ operations: [...CLEAN, repeat] })).to.deep.equal(['second task']);
    });

    it('finds one that nobody ever answered', () => {
      const given = operation(400, {
        kind: 'send',
        key: 'm3',
        text: 'anyone?',
        session: 's1',
        outcome: 'broken',
      });
      const marks = [{ kind: 'paused', instance: 'i1#1', at: 390 } as const];
      expect(kinds({ operations: [...CLEAN, given], marks })).to.deep.equal(['unanswered']);
    });

    it('finds a wrong answer', () => {
      const operations = instead(SEND, { seen: { ...HELLO_DONE, artifacts: [['echo: other']] } });
      expect(kinds({ operations })).to.deep.equal(['wrong answer']);
    });

    it('finds two in another order than the one in which they were acknowledged', () => {
      const swapped = RECORDS.map((each) => ({ ...each, n: each.task === 't1' ? each.n + 20 : each.n }));
      const records = swapped.sort((a, b) => a.n - b.n);
      expect(kinds({ journals: [journal({ records })] })).to.deep.equal(['order swapped']);
    });

    it('finds an agent that was told another order', () => {
      const recall = seen('s1.t3', 'completed', [['slow 2 10\nhello']], ['recall']);
      const said = operation(500, {
        kind: 'send',
        key: 'm3',
        text: 'recall',
        session: 's1',
        persistence: 'stored',
        seen: recall,
      });
      const more = [
        record(12, { t: 'task', task: 't3' }),
        record(13, { t: 'message', task: 't3', messageId: 'm3', text: 'recall' }),
        record(14, { t: 'artifact', task: 't3', artifactId: 'a', parts: ['slow 2 10\nhello'] }),
        record(15, { t: 'status', task: 't3', state: 'completed' }),
      ];
      expect(kinds({ operations: [...CLEAN, said], journals: withRecords(...more) })).to.deep.equal([
        'order swapped',
      ]);
    });
  });

  describe('of what was deferred', () => {
    const deferred = instead(SEND, { persistence: 'deferred' });
    const lost = { ...noViews, operations: deferred, journals: without(2, 3, 4, 5) };

    it('forgives what went with a killed process', () => {
      const verdict = judged({ ...lost, marks: [killed(150)] });
      expect(verdict.violations.filter(({ kind }) => kind === 'lost')).to.deep.equal([]);
      expect(verdict.unconfirmed).to.equal(1);
    });

    it('does not forgive it with an outage journal', () => {
      const terms = { ...TERMS, hasOutageJournal: true };
      expect(kinds({ ...lost, terms, marks: [killed(150)] })).to.include('lost');
    });

    it('does not forgive it once the process had said that nothing waits any more', () => {
      expect(kinds({ ...lost, marks: [pending('i1#1', 120, 0), killed(150)] })).to.include('lost');
    });

    it('does not forgive it when nobody was killed', () => {
      expect(kinds({ ...lost, marks: [pending('i1#1', 120, 3)] })).to.include('lost');
    });

    it('lets another instance be behind until it is stored, and not after', () => {
      const told = operation(105, { task: SLOW, seen: SLOW_DONE, persistence: 'deferred' });
      const behind = { task: SLOW, instance: 'i2#1', seen: { ...SLOW_DONE, state: 'working' } };
      const at = (startedAt: number) => [SEND, told, operation(startedAt, behind)];
      const marks = [pending('i1#1', 150, 0)];
      expect(kinds({ ...noViews, operations: at(140), marks })).to.not.include('terminal left');
      expect(kinds({ ...noViews, operations: at(160), marks })).to.include('terminal left');
    });
  });

  describe('of tasks', () => {
    it('finds one that was over and is not any more', () => {
      const back = operation(400, { task: SLOW, seen: { ...SLOW_DONE, state: 'working' } });
      expect(kinds({ operations: [...CLEAN, back] })).to.deep.equal(['terminal left']);
    });

    it('lets who is cut off from the store answer from memory, when it says so', () => {
      const seen = { ...SLOW_DONE, state: 'working' };
      const over = (persistence: 'stored' | 'deferred', joined: number) => ({
        operations: [...CLEAN, operation(400, { task: SLOW, instance: 'i3#1', persistence, seen })],
        marks: [
          { kind: 'cut', instance: 'i3#1', at: 200 },
          { kind: 'joined', instance: 'i3#1', at: joined },
        ] as MarkAt[],
      });
      expect(kinds(over('deferred', 500))).to.deep.equal([]);
      expect(kinds(over('deferred', 300))).to.deep.equal(['terminal left']);
      expect(kinds(over('stored', 500))).to.deep.equal(['terminal left']);
    });

    it('finds it in a list, too', () => {
      const listed = [{ ...SLOW_DONE, state: 'working' }];
      const list = operation(400, { kind: 'list', session: 's1', listed });
      expect(kinds({ operations: [...CLEAN, list] })).to.deep.equal(['terminal left']);
    });

    it('finds one that moves in the journal after its end', () => {
      const journals = withRecords(record(12, { t: 'status', task: 't2', state: 'working' }));
      expect(kinds({ ...noViews, journals })).to.include('terminal left');
    });

    it('finds one that ended twice', () => {
      const journals = withRecords(record(12, { t: 'status', task: 't2', state: 'completed' }));
      expect(kinds({ journals })).to.deep.equal(['two terminal states']);
    });

    it('finds one of which two clients saw two ends', () => {
      const other = operation(400, { task: SLOW, seen: { ...SLOW_DONE, state: 'canceled' } });
      expect(kinds({ operations: [...CLEAN, other] })).to.deep.equal(['two terminal states']);
    });

    it('finds one that failed although nothing was done to any instance', () => {
      const fails = RECORDS.map((each) =>
        each.n === 5 ? { ...each, state: 'failed', text: 'it was lost' } : each,
      );
      const operations = instead(SEND, { seen: { ...HELLO_DONE, state: 'failed' } });
      const over = { ...noViews, operations, journals: [journal({ records: fails })] };
      expect(kinds(over)).to.deep.equal(['failed without cause']);
      expect(kinds({ ...over, marks: [killed(5_000)] })).to.deep.equal([]);
    });

    it('finds one that never ended', () => {
      const operations = [SEND, { ...STREAM, outcome: 'broken', events: EVENTS.slice(0, 4) } as Operation];
      const marks = [killed(240)];
      expect(kinds({ ...noViews, operations, marks, journals: without(11) })).to.include('unfinished');
    });

    it('finds one that is not known where it has to be', () => {
      const error = { reason: 'TASK_NOT_FOUND', status: 200, retry: false };
      const get = operation(400, { task: HELLO, outcome: 'refused', error });
      expect(kinds({ operations: [...CLEAN, get] })).to.deep.equal(['lost']);
    });

    it('finds one that comes back after it was gone', () => {
      const error = { reason: 'TASK_NOT_FOUND', status: 200, retry: false };
      const get = operation(400, { task: HELLO, outcome: 'refused', error });
      const again = operation(500, { task: HELLO, seen: HELLO_DONE });
      expect(kinds({ operations: [...CLEAN, get, again] })).to.include('resurrected');
    });

    it('finds one that comes back after everything was deleted', () => {
      const marks: MarkAt[] = [{ kind: 'lost', at: 1_000 }];
      const terms = { ...TERMS, exception: { kind: 'flushed', why: '' } as const };
      expect(kinds({ ...noViews, marks, terms, journals: [] })).to.deep.equal([]);
      expect(judged({ ...noViews, marks, terms, journals: [] }).excepted).to.equal(2);
      expect(kinds({ marks, terms })).to.deep.equal(['resurrected']);
    });
  });
});
