import { expect } from 'chai';
import { PATIENCE_MS } from '../../../server/sessions/session-parts.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  moveTo,
  opened,
  plainFold,
  readAll,
  reasonOf,
  refOf,
  say,
  TestClock,
  textsOf,
  type TestManager,
} from '../../helpers/sessions.ts';

describe('a change that the store does not take in time', () => {
  let clock: TestClock;
  let memory: MemorySessionStore;
  let store: FaultyStore;
  let test: TestManager;
  let other: TestManager;

  beforeEach(() => {
    clock = new TestClock();
    memory = new MemorySessionStore(clock.now);
    store = new FaultyStore(memory, false);
    test = createTestManager(store, { clock, instance: 'one' });
    other = createTestManager(new FaultyStore(memory, false), { clock, instance: 'two' });
  });

  it('rebases what was acknowledged: identity, time and content stay, and nothing is decided again', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    test.away = true;
    const decided: number[] = [];
    const said = clock.now();
    await session.change((draft, at) => {
      decided.push(draft.head);
      return say('t1', 'waits')(draft, at);
    });
    clock.advance(60_000);
    await changeOnce(other.manager, say('t1', 'missed'));
    test.away = false;
    await session.replay();
    expect(decided).to.deep.equal([3]);
    expect(textsOf(session.view)).to.deep.equal(['one', 'missed', 'waits']);
    const last = (await readAll(memory)).at(-1);
    expect(JSON.parse(last?.json ?? '')).to.deep.include({ at: said, o: 'one.4' });
  });

  it('is stored, and others after it, when the store went away again just before it was offered', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    test.away = true;
    await session.change(say('t1', 'waits'));
    await session.replay();
    test.away = false;
    await session.replay();
    expect(session.isPending).to.equal(false);
    expect(await session.change(say('t1', 'later'))).to.equal('stored');
    expect(textsOf(session.view)).to.deep.equal(['one', 'waits', 'later']);
  });

  it('stores what no longer applies as refused, logs and counts it, and keeps its message', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    test.away = true;
    await session.change(say('t1', 'too late'));
    await session.change(moveTo('t1', 'TASK_STATE_FAILED'));
    await changeOnce(other.manager, moveTo('t1', 'TASK_STATE_COMPLETED'));
    test.away = false;
    await session.replay();
    expect(session.view.task('t1')?.state).to.equal('TASK_STATE_COMPLETED');
    expect(textsOf(session.view)).to.deep.equal(['one', 'too late']);
    const types = (await readAll(memory)).map(({ json }) => (JSON.parse(json ?? '') as { t: string }).t);
    expect(types.slice(-2)).to.deep.equal(['refused', 'refused']);
    expect(test.counters.of('refused')).to.equal(2);
    expect(test.logged.filter(({ event }) => event === 'record_refused')).to.have.length(2);
    expect(test.manager.pending.records).to.equal(0);
    expect(test.manager.pending.bytes).to.equal(0);
  });

  it('merges two sessions that were begun under one id: the first stays, the other adds what is new', async () => {
    await changeOnce(other.manager, begin('o1', 'hello'));
    store.once('read', 'refuse');
    const session = await opened(test.manager);
    expect(await session.change(begin('t1', 'hello'))).to.equal('deferred');
    expect(await session.change(say('t1', 'and more'))).to.equal('deferred');
    await session.replay();
    expect(textsOf(session.view)).to.deep.equal(['hello', 'and more']);
    expect([...session.view.tasks()].map(({ local }) => local)).to.deep.equal(['o1', 't1']);
    expect(session.view.epoch).not.to.equal('');
    const fresh = await opened(other.manager, refOf(), 'existing');
    await other.manager.catchUp(fresh);
    expect(plainFold(fresh.view)).to.deep.equal(plainFold(session.view));
  });

  it('takes a repeated message for a new one where no two sessions are merged', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'again'));
    test.away = true;
    await session.change(say('t1', 'again'));
    await changeOnce(other.manager, say('t1', 'between'));
    test.away = false;
    await session.replay();
    expect(textsOf(session.view)).to.deep.equal(['again', 'between', 'again']);
  });

  it('does not lose an attempt that ran after it was given up, and stores nothing twice', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    store.once('commit', 'late');
    expect(await session.change(say('t1', 'late'))).to.equal('deferred');
    expect(await session.change(say('t1', 'grown'))).to.equal('deferred');
    await store.runLate();
    await session.replay();
    expect(store.answers.map(({ result }) => result.outcome)).to.deep.equal(['ok', 'ok', 'stored', 'ok']);
    expect(textsOf(session.view)).to.deep.equal(['one', 'late', 'grown']);
    store.once('commit', 'late');
    await session.change(say('t1', 'first'));
    await session.replay();
    await store.runLate();
    expect(store.answers.at(-1)?.result.outcome).to.equal('stored');
    expect(await readAll(memory)).to.have.length(6);
  });

  it('waits for the store 250 ms in all, and not behind the commit of somebody else', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    store.once('commit', 'hang');
    const first = session.change(say('t1', 'two'));
    await eventually(() => store.hanging === 1);
    clock.advance(PATIENCE_MS - 1);
    const second = session.change(say('t1', 'three'));
    clock.advance(1);
    expect(await first).to.equal('deferred');
    expect(await second).to.equal('deferred');
    expect(textsOf(session.view)).to.deep.equal(['one', 'two', 'three']);
    expect(test.manager.pending.records).to.equal(2);
    store.release();
    await eventually(() => session.persistence === 'stored');
    expect(textsOf(session.view)).to.deep.equal(['one', 'two', 'three']);
    expect(test.manager.pending.sessions.size).to.equal(0);
    expect(await readAll(memory)).to.have.length(5);
  });

  it('rebases what was acknowledged meanwhile when a commit that hung comes back as moved', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    store.once('commit', 'hang');
    const first = session.change(say('t1', 'two'));
    await eventually(() => store.hanging === 1);
    await changeOnce(other.manager, moveTo('t1', 'TASK_STATE_COMPLETED'));
    clock.advance(PATIENCE_MS);
    expect(await first).to.equal('deferred');
    store.release();
    await eventually(() => !session.isPending);
    expect(session.view.task('t1')?.state).to.equal('TASK_STATE_COMPLETED');
    expect(textsOf(session.view)).to.deep.equal(['one', 'two']);
    expect(test.counters.of('refused')).to.equal(1);
    expect(test.manager.pending.records).to.equal(0);
  });

  it('does not wait a second time once reading has failed the same request', async () => {
    store.once('read', 'refuse');
    const session = await opened(test.manager);
    expect(await session.change(begin('t1', 'one'))).to.equal('deferred');
    expect(store.calls.commit).to.equal(undefined);
    await session.replay();
    store.once('read', 'refuse');
    await test.manager.catchUp(session);
    const commits = store.calls.commit;
    expect(await session.change(say('t1', 'two'))).to.equal('deferred');
    expect(store.calls.commit).to.equal(commits);
    await session.replay();
    clock.advance(PATIENCE_MS);
    expect(await session.change(say('t1', 'three'))).to.equal('stored');
  });

  it('waits again at once when the store is said to be back', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    store.once('read', 'refuse');
    await test.manager.catchUp(session);
    clock.advance(1);
    test.manager.storeIsBack(true);
    expect(await session.change(say('t1', 'two'))).to.equal('deferred');
    await session.replay();
    test.manager.storeIsBack();
    expect(await session.change(say('t1', 'three'))).to.equal('stored');
  });

  it('does not wait at all when its time is over', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    expect(await session.change(say('t1', 'two'), { deadline: clock.mono() })).to.equal('deferred');
    expect(store.calls.commit).to.equal(1);
  });

  it('refuses new work when too much waits, and loses nothing of what it took', async () => {
    const pending = { maxRecords: 10, maxBytes: 1_000_000 };
    const bounded = createTestManager(store, { clock, pending });
    const session = await opened(bounded.manager);
    await session.change(begin('t1', 'one'));
    bounded.away = true;
    const taken: string[] = [];
    for (let i = 0; i < 20; i++) {
      const reason = await reasonOf(session.change(say('t1', `${i}`)));
      if (reason === 'it succeeded') taken.push(`${i}`);
      else expect(reason).to.equal('RESOURCE_EXHAUSTED');
    }
    expect(taken).to.have.length.within(8, 10);
    // The end of a task always finds room: without it the task would work for ever.
    expect(await session.change(moveTo('t1', 'TASK_STATE_COMPLETED'))).to.equal('deferred');
    bounded.away = false;
    await session.replay();
    expect(textsOf(session.view)).to.deep.equal(['one', ...taken]);
    expect(bounded.manager.pending.records).to.equal(0);
    expect(bounded.manager.pending.bytes).to.equal(0);
  });

  it('bounds what waits by bytes too', async () => {
    const bounded = createTestManager(store, { clock, pending: { maxRecords: 100, maxBytes: 1_000 } });
    bounded.away = true;
    store.once('read', 'refuse');
    const session = await opened(bounded.manager);
    expect(await reasonOf(session.change(begin('t1', 'x'.repeat(2_000))))).to.equal('RESOURCE_EXHAUSTED');
    expect(await session.change(begin('t1', 'x'))).to.equal('deferred');
  });

  for (const [why, end] of [
    ['deleted', () => memory.remove(refOf(), 3_600_000)],
    [
      'expired',
      () => {
        clock.advance(3_600_001);
      },
    ],
    [
      'lost',
      () => {
        memory = new MemorySessionStore(clock.now);
      },
    ],
  ] as const) {
    it(`gives up what waits for a session that was ${why}, says so, and starts anew`, async () => {
      let current: MemorySessionStore = memory;
      const front = new FaultyStore(
        new Proxy(memory, {
          get: (_target, name) => {
            const value: unknown = Reflect.get(current, name, current);
            return typeof value === 'function' ? (value.bind(current) as unknown) : value;
          },
        }),
        false,
      );
      const one = createTestManager(front, { clock });
      const session = await opened(one.manager);
      await session.change(begin('t1', 'one'));
      one.away = true;
      expect(await session.change(say('t1', 'waits'), { slides: false })).to.equal('deferred');
      await end();
      current = memory;
      one.away = false;
      await session.replay();
      expect(one.counters.of(`dropped ${why}`)).to.equal(1);
      const gone = one.logged.filter(({ event }) => event === 'session_gone');
      expect(gone.map(({ fields }) => fields['why'])).to.deep.equal([why]);
      expect(one.logged.filter(({ event }) => event === 'records_dropped')).to.have.length(1);
      expect(one.manager.pending.records).to.equal(0);
      expect(await session.change(begin('t2', 'two'))).to.equal('stored');
      expect(textsOf(session.view)).to.deep.equal(['two']);
    });
  }

  it('keeps a client id that another session has taken out of an acknowledged task, and does not loop', async () => {
    const alias = { alias: 'c1', subject: 'ann' };
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    test.away = true;
    await session.change((draft, at) => begin('t2', 'two', 'one.1', alias)(draft, at));
    test.away = false;
    await changeOnce(other.manager, begin('o1', 'other', 'two.1', alias), refOf('other'));
    await session.replay();
    expect(session.persistence).to.equal('stored');
    expect(textsOf(session.view)).to.deep.equal(['one', 'two']);
    expect(session.view.alias('ann', 'c1')).to.equal(undefined);
    expect(test.manager.pending.bytes).to.equal(0);
  });
});
