import { expect } from 'chai';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  opened,
  readAll,
  refOf,
  say,
  TestClock,
  type TestManager,
} from '../../helpers/sessions.ts';

describe('beside the changes of a session', () => {
  let clock: TestClock;
  let memory: MemorySessionStore;
  let store: FaultyStore;
  let test: TestManager;

  beforeEach(() => {
    clock = new TestClock();
    memory = new MemorySessionStore(clock.now);
    store = new FaultyStore(memory, false);
    test = createTestManager(store, { clock });
  });
  afterEach(async () => {
    await test.manager.close();
  });

  const answeredInStore = async (): Promise<readonly number[]> => {
    const read = await memory.read(refOf());
    return read.found ? read.answered : [];
  };

  it('answers are marked in batches, not one by one', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    for (let n = 3; n < 20; n++) test.manager.marks.answered(session, () => n);
    expect([...session.journal.answered]).to.have.length(17);
    await eventually(async () => (await answeredInStore()).length === 17);
    expect(store.calls.markAnswered).to.equal(1);
  });

  it('a mark that cannot be stored is known here all the same, and is no error', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    store.always('refuse', 'markAnswered');
    test.manager.marks.answered(session, () => 3);
    await test.manager.marks.flush();
    expect(session.journal.answered.has(3)).to.equal(true);
    expect(test.logged.filter(({ event }) => event === 'answer_mark_failed')).to.have.length(0);
  });

  it('a mark of a message that waits for the store goes where the message goes', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    test.away = true;
    await session.change(say('t1', 'waits'));
    const numberNow = (): number =>
      [...session.view.messages].find(({ message }) => message.messageId === 'waits')?.n ?? 0;
    expect(numberNow()).to.equal(4);
    test.manager.marks.answered(session, numberNow);
    expect([...session.journal.answered]).to.deep.equal([4]);
    test.away = false;
    await test.manager.marks.flush();
    expect(store.calls.markAnswered).to.equal(undefined);
    await changeOnce(createTestManager(store, { clock }).manager, say('t1', 'somebody else'));
    await session.replay();
    await test.manager.marks.flush();
    expect(numberNow()).to.equal(5);
    expect([...session.journal.answered]).to.deep.equal([5]);
    expect(await answeredInStore()).to.deep.equal([5]);
  });

  it('a mark reaches another instance with the session', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    test.manager.marks.answered(session, () => 3);
    await test.manager.marks.flush();
    const copy = await opened(createTestManager(store, { clock }).manager);
    expect([...copy.journal.answered]).to.deep.equal([3]);
  });

  it('an answered message of a derived session is handed to one of those who send it anew', async () => {
    const first = await opened(test.manager);
    await first.change(begin('t1', 'one'));
    test.manager.marks.derivedAnswered(first, 'somebody else');
    expect(first.journal.derived.answered).to.equal(false);
    test.manager.marks.derivedAnswered(first, '');
    expect(await test.manager.marks.claim(first, 'next')).to.equal('next');
    expect(first.journal.derived).to.deep.equal({ serves: 'next', answered: false });
    const copy = await opened(createTestManager(store, { clock }).manager);
    expect(copy.journal.derived).to.deep.equal({ serves: 'next', answered: false });
  });

  it('what waits is stored by itself, once the store is back and has settled', async () => {
    await test.manager.start();
    test.away = true;
    await changeOnce(test.manager, begin('t1', 'one'), refOf('a'));
    await changeOnce(test.manager, begin('t1', 'one'), refOf('b'));
    test.away = false;
    test.manager.storeIsBack();
    const { commit: before } = store.calls;
    await new Promise((resolve) => setImmediate(resolve));
    expect(store.calls.commit).to.equal(before);
    clock.advance(5_000);
    await eventually(() => test.manager.pending.sessions.size === 0);
    expect(await readAll(memory, refOf('a'))).to.have.length(3);
    expect(await readAll(memory, refOf('b'))).to.have.length(3);
    expect(test.manager.stats).to.deep.include({ inUse: 0, cached: 2 });
  });

  it('what is replayed and what is said meanwhile keep their order', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    test.away = true;
    await session.change(say('t1', 'waits'));
    test.away = false;
    store.once('commit', 'hang');
    const replay = session.replay();
    await eventually(() => store.hanging === 1);
    const live = session.change(say('t1', 'live'));
    store.release();
    await replay;
    expect(await live).to.equal('stored');
    const texts = (await readAll(memory)).map(({ json }) => json ?? '').join();
    expect(texts.indexOf('waits')).to.be.below(texts.indexOf('live'));
  });

  it('what waits is stored before the goodbye', async () => {
    test.away = true;
    await changeOnce(test.manager, begin('t1', 'one'));
    test.away = false;
    expect(await test.manager.close()).to.equal(0);
    expect(await readAll(memory)).to.have.length(3);
  });

  it('what cannot be stored before the goodbye is counted', async () => {
    test.away = true;
    await changeOnce(test.manager, begin('t1', 'one'));
    expect(await test.manager.close()).to.equal(3);
  });
});
