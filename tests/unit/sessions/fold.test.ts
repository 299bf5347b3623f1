import { expect } from 'chai';
import fc from 'fast-check';
import { stub, restore, spy } from 'sinon';
import { TASK_STATES, isTerminal, type TaskState } from '../../../protocol/task-state.ts';
import { LayeredList, LayeredMap } from '../../../server/sessions/layered.ts';
import { toDecided, type RecordBody } from '../../../server/sessions/records.ts';
import { Session } from '../../../server/sessions/session.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  opened,
  plainFold,
  refOf,
  say,
  userMessage,
} from '../../helpers/sessions.ts';
import { CREATED, fold, journalOf, steps } from './journals.ts';

describe('the fold of a session', () => {
  afterEach(() => {
    restore();
  });

  it('is the same for records that were decided here and for those that come back from the store', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const { decided, stored } = journalOf([CREATED, ...list]);
        expect(plainFold(fold(stored))).to.deep.equal(plainFold(fold(decided)));
      }),
    );
  });

  it('is the same through any number of forks, and a fork leaves what it stands on alone', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(40), { maxLength: 3 }), (list, cuts) => {
        const { decided } = journalOf([CREATED, ...list]);
        const whole = plainFold(fold(decided));
        let session = new Session(refOf(), 'e1');
        let from = 0;
        for (const cut of [...cuts].sort((a, b) => a - b)) {
          fold(decided.slice(from, cut), session);
          from = Math.max(from, cut);
          const before = plainFold(session);
          const fork = session.fork();
          fold(decided.slice(from), fork);
          expect(plainFold(fork)).to.deep.equal(whole);
          expect(plainFold(session)).to.deep.equal(before);
          session = session.fork();
        }
        expect(plainFold(fold(decided.slice(from), session))).to.deep.equal(whole);
      }),
    );
  });

  it('is the same object for a cursor until it moves, and another one then', () => {
    const session = running();
    const { cursor } = session;
    expect(session.cursor).to.equal(cursor);
    add(session, { t: 'message', at: 2, task: 't1', message: userMessage('two') });
    expect(session.cursor).to.include({ epoch: 'e1', head: cursor.head + 1 });
    expect(session.cursor.w).to.not.equal(cursor.w);
    const { cursor: moved } = session;
    session.w = { instance: 'i9', seq: 9 };
    expect([session.cursor.head, session.cursor.w]).to.deep.equal([moved.head, 'i9.9']);
  });

  it('keeps the end of a task by every path that is checked', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const session = new Session(refOf(), 'e1');
        const ended = new Map<string, string>();
        for (const { decided } of [journalOf([CREATED, ...list])]) {
          for (const record of decided) {
            if (record.body === undefined || session.check(record.body) !== undefined) continue;
            session.apply({ ...record, n: session.head + 1 });
            for (const task of session.tasks()) {
              const shown = JSON.stringify([
                task.state,
                task.by,
                task.statusMessage,
                [...task.artifacts.entries()],
              ]);
              const before = ended.get(task.local);
              if (before !== undefined) expect(shown).to.equal(before);
              if (isTerminal(task.state) || task.withdrawn) ended.set(task.local, shown);
            }
          }
        }
      }),
    );
  });

  it('never throws on what is stored, whatever it is', () => {
    fc.assert(
      fc.property(steps, (list) => {
        fold(journalOf(list).stored);
      }),
    );
  });

  const running = (): Session =>
    fold(
      journalOf([
        CREATED,
        { body: { t: 'task', at: 1, task: 't1', by: 'i1.1' }, instance: 'i1', startsCommit: false },
        {
          body: { t: 'message', at: 1, task: 't1', message: userMessage('one') },
          instance: 'i1',
          startsCommit: false,
        },
      ]).decided,
    );

  const add = (session: Session, content: RecordBody): Session => {
    session.apply({
      n: session.head + 1,
      ...toDecided({ instance: 'i1', seq: session.head + 1 }, content),
      skippable: false,
    });
    return session;
  };

  for (const state of TASK_STATES.filter(isTerminal)) {
    it(`refuses everything that would move a task that is ${state}`, () => {
      const session = add(running(), { t: 'status', at: 2, task: 't1', state });
      const artifact = { artifactId: 'a', parts: [{ text: 'late' }] };
      const late: RecordBody[] = [
        ...TASK_STATES.map((to): RecordBody => ({ t: 'status', at: 3, task: 't1', state: to })),
        { t: 'status', at: 3, task: 't1', by: 'i1.1', state: 'TASK_STATE_WORKING' },
        { t: 'artifact', at: 3, task: 't1', artifact },
        { t: 'artifact', at: 3, task: 't1', by: 'i1.1', artifact, append: true },
        { t: 'run', at: 3, task: 't1', by: 'i2.2' },
        { t: 'message', at: 3, task: 't1', message: userMessage('late') },
        { t: 'reply', at: 3, task: 't1', by: 'i1.1', message: userMessage('late') },
      ];
      for (const record of late) expect(session.check(record), JSON.stringify(record)).to.be.a('string');
      expect(session.check({ t: 'state', at: 3, task: 't1', by: 'i1.1', key: 'k', value: 1 })).to.equal(
        undefined,
      );
    });
  }

  it('refuses what a runner writes after another run has taken its task', () => {
    const session = add(running(), { t: 'run', at: 2, task: 't1', by: 'i2.2' });
    const artifact = { artifactId: 'a', parts: [{ text: 'old' }] };
    const old: RecordBody[] = [
      { t: 'status', at: 3, task: 't1', by: 'i1.1', state: 'TASK_STATE_COMPLETED' },
      { t: 'artifact', at: 3, task: 't1', by: 'i1.1', artifact },
      { t: 'reply', at: 3, task: 't1', by: 'i1.1', message: userMessage('old') },
      { t: 'state', at: 3, task: 't1', by: 'i1.1', key: 'k', value: 1 },
    ];
    for (const record of old) expect(session.check(record)).to.equal('the task has another runner');
    expect(
      session.check({ t: 'status', at: 3, task: 't1', by: 'i2.2', state: 'TASK_STATE_COMPLETED' }),
    ).to.equal(undefined);
  });

  it('refuses what has no session, no task, or begins one twice', () => {
    const empty = new Session(refOf(), 'e1');
    expect(empty.check({ t: 'task', at: 1, task: 't1', by: 'i1.1' })).to.equal('no such session');
    const session = running();
    expect(session.check({ t: 'created', at: 1 })).to.equal('the session exists');
    expect(session.check({ t: 'task', at: 1, task: 't1', by: 'i1.1' })).to.equal('the task exists');
    expect(session.check({ t: 'message', at: 1, task: 't2', message: userMessage('x') })).to.equal(
      'no such task',
    );
  });

  it('passes over a stored record that makes no sense, counts it, and goes on', () => {
    const session = add(running(), { t: 'message', at: 2, task: 'nowhere', message: userMessage('lost') });
    add(session, { t: 'message', at: 3, task: 't1', message: userMessage('two') });
    expect([session.skipped, session.head, session.readOnly]).to.deep.equal([1, 5, false]);
    expect(session.task('t1')?.history.length).to.equal(2);
  });

  it('knows which message is being answered, and how many wait behind it', () => {
    const session = running();
    const seen = (): unknown => [session.task('t1')?.queued, session.task('t1')?.turn?.message.messageId];
    expect(seen()).to.deep.equal([0, 'one']);
    add(session, { t: 'message', at: 2, task: 't1', message: userMessage('two') });
    add(session, { t: 'message', at: 2, task: 't1', message: userMessage('three') });
    expect(seen()).to.deep.equal([2, 'one']);
    add(session, { t: 'run', at: 3, task: 't1', by: 'i1.2', next: true });
    expect(seen()).to.deep.equal([1, 'two']);
    // Again, because its runner was gone: the same message.
    add(session, { t: 'run', at: 3, task: 't1', by: 'i2.3' });
    expect(seen()).to.deep.equal([1, 'two']);
    add(session, { t: 'run', at: 3, task: 't1', by: 'i2.4', next: true });
    expect(seen()).to.deep.equal([0, 'three']);
  });

  it('is pristine until anything but submitted and working is recorded', () => {
    const states: [RecordBody, boolean][] = [
      [{ t: 'status', at: 2, task: 't1', state: 'TASK_STATE_WORKING' }, true],
      [{ t: 'run', at: 2, task: 't1', by: 'i1.2' }, true],
      [{ t: 'artifact', at: 2, task: 't1', artifact: { artifactId: 'a', parts: [] } }, false],
    ];
    const session = running();
    for (const [record, isPristine] of states)
      expect(add(session, record).task('t1')?.pristine).to.equal(isPristine);
    const input = add(running(), { t: 'status', at: 2, task: 't1', state: 'TASK_STATE_INPUT_REQUIRED' });
    expect(input.task('t1')?.pristine).to.equal(false);
  });

  it('keeps the message of a refused record in the history and moves nothing by it', () => {
    const ended = add(running(), { t: 'status', at: 2, task: 't1', state: 'TASK_STATE_COMPLETED' });
    const record: RecordBody = { t: 'message', at: 3, task: 't1', message: userMessage('too late') };
    add(ended, { t: 'refused', at: 3, why: 'the task has ended', record });
    expect(ended.task('t1')?.state).to.equal('TASK_STATE_COMPLETED');
    expect([...ended.messages].at(-1)?.message.messageId).to.equal('too late');
    const status: RecordBody = { t: 'status', at: 3, task: 't1', state: 'TASK_STATE_FAILED' as TaskState };
    add(ended, { t: 'refused', at: 3, why: 'the task has ended', record: status });
    expect(ended.task('t1')?.state).to.equal('TASK_STATE_COMPLETED');
  });

  it('costs a change what the change adds, however long the session is', async () => {
    const applied = async (length: number): Promise<number> => {
      const { manager } = createTestManager(new MemorySessionStore());
      await changeOnce(manager, begin('t1', 'first'));
      const session = await opened(manager);
      await Promise.all(Array.from({ length }, (_, i) => session.change(say('t1', `${i}`))));
      const apply = spy(Session.prototype, 'apply');
      const walked = [
        stub(LayeredList.prototype, Symbol.iterator).throws(new Error('walks a list of the session')),
        stub(LayeredMap.prototype, 'entries').throws(new Error('walks a map of the session')),
        stub(LayeredList.prototype, 'newestFirst').throws(new Error('looks back in the session')),
        stub(LayeredList.prototype, 'toArray').throws(new Error('copies a list of the session')),
        stub(LayeredMap.prototype, 'keys').throws(new Error('copies a map of the session')),
      ];
      for (let i = 0; i < 10; i++) expect(await session.change(say('t1', `more ${i}`))).to.equal('stored');
      const { callCount } = apply;
      expect(walked.map((walk) => walk.callCount)).to.deep.equal([0, 0, 0, 0, 0]);
      restore();
      return callCount;
    };
    const short = await applied(2);
    expect(await applied(400)).to.equal(short);
    expect(short).to.be.at.most(40);
  });
});
