import { expect } from 'chai';
import { TAIL_MAX_RECORDS } from '../../../server/sessions/session-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  HOUR,
  opened,
  readAll,
  refOf,
  say,
  TestClock,
  textsOf,
} from '../../helpers/sessions.ts';

describe('a session that is deleted while records are on their way', () => {
  let clock: TestClock;
  let memory: MemorySessionStore;
  let store: FaultyStore;
  /** What somebody else does in the store. */
  let other: ReturnType<typeof createTestManager>;

  beforeEach(() => {
    clock = new TestClock();
    memory = new MemorySessionStore(clock.now);
    store = new FaultyStore(memory, false);
    other = createTestManager(new FaultyStore(memory, false), { clock, instance: 'other' });
  });

  it('does not bring back what was deleted with the session it had begun', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    store.once('commit', 'lose');
    expect(await session.change(begin('t1', 'deleted'))).to.equal('deferred');
    clock.advance(1_000);
    await memory.remove(refOf(), HOUR);
    clock.advance(1_000);
    expect(await session.change(say('t1', 'later'))).to.equal('deferred');
    await session.replay();
    expect(await readAll(memory)).to.deep.equal([]);
    expect(test.counters.of('dropped deleted')).to.equal(4);
    expect(test.manager.pending.records).to.equal(0);
  });

  it('knows what it had begun even when it was deleted within the same millisecond', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    store.once('commit', 'lose');
    expect(await session.change(begin('t1', 'deleted'))).to.equal('deferred');
    await memory.remove(refOf(), HOUR);
    await session.replay();
    expect(await readAll(memory)).to.deep.equal([]);
    expect(test.counters.of('dropped deleted')).to.equal(3);
  });

  it('drops all of what was begun before the session of the same id was deleted', async () => {
    await changeOnce(other.manager, begin('o1', 'theirs'));
    const test = createTestManager(store, { clock });
    test.away = true;
    store.once('read', 'refuse');
    const session = await opened(test.manager);
    await session.change(begin('t1', 'before'));
    clock.advance(1_000);
    await memory.remove(refOf(), HOUR);
    clock.advance(1_000);
    await session.change(say('t1', 'after'));
    test.away = false;
    await session.replay();
    expect(await readAll(memory)).to.deep.equal([]);
    expect(test.counters.of('dropped deleted')).to.equal(4);
  });

  it('keeps what was begun after the session before it had been deleted', async () => {
    const test = createTestManager(store, { clock });
    await changeOnce(other.manager, begin('t1', 'deleted'));
    await memory.remove(refOf(), HOUR);
    clock.advance(1_000);
    store.once('read', 'refuse');
    test.away = true;
    const session = await opened(test.manager);
    expect(await session.change(begin('t2', 'new'))).to.equal('deferred');
    test.away = false;
    await session.replay();
    expect(textsOf(session.view)).to.deep.equal(['new']);
    expect(await readAll(memory)).to.have.length(3);
  });

  it('does not carry waiting records into a session that took its place while it was read', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    for (let i = 0; i < TAIL_MAX_RECORDS + 1; i++) await changeOnce(other.manager, say('t1', `${i}`));
    test.away = true;
    expect(await session.change(say('t1', 'waits'))).to.equal('deferred');
    test.away = false;
    store.once('read', 'hang');
    const replay = session.replay();
    await eventually(() => store.hanging === 1);
    await memory.remove(refOf(), HOUR);
    await changeOnce(other.manager, begin('t9', 'successor'));
    store.release();
    await replay;
    expect(await readAll(memory)).to.have.length(3);
    expect(test.manager.pending.records).to.equal(0);
  });

  it('knows its own beginning again although a read found nothing of it meanwhile', async () => {
    await changeOnce(other.manager, begin('t0', 'before'));
    await memory.remove(refOf(), HOUR);
    clock.advance(1_000);
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    store.once('commit', 'late');
    expect(await session.change(begin('t1', 'one'))).to.equal('deferred');
    expect(await session.refresh()).to.equal(false);
    await store.runLate();
    clock.advance(1_000);
    await memory.remove(refOf(), HOUR);
    await changeOnce(other.manager, begin('t2', 'successor'));
    await session.replay();
    expect(textsOf(session.view)).to.deep.equal([]);
    expect(test.counters.of('dropped deleted')).to.equal(3);
    expect(await readAll(memory)).to.have.length(3);
  });

  it('takes a change that was decided again after a deletion for one made after it', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    store.once('commit', 'hang');
    const change = session.change(begin('t2', 'two'));
    await eventually(() => store.hanging === 1);
    clock.advance(100);
    await memory.remove(refOf(), HOUR);
    clock.advance(100);
    // Gone, decided again for a session of its own; that attempt is given up and finds the tombstone forgotten.
    store.once('commit', 'refuse');
    store.release();
    expect(await change).to.equal('deferred');
    await session.replay();
    expect(textsOf(session.view)).to.deep.equal(['two']);
    expect(test.counters.of('dropped deleted')).to.equal(0);
  });

  it('measures how old a deletion is from when it asked, however long the answer took', async () => {
    await changeOnce(other.manager, begin('t0', 'before'));
    const test = createTestManager(store, { clock });
    await memory.remove(refOf(), HOUR);
    clock.advance(1_000);
    store.once('read', 'refuse');
    const session = await opened(test.manager);
    expect(await session.change(begin('t1', 'one'))).to.equal('deferred');
    store.once('commit', 'hold');
    const replay = session.replay();
    await eventually(() => store.hanging === 1);
    clock.advance(5_000);
    store.release();
    await replay;
    expect(textsOf(session.view)).to.deep.equal(['one']);
    expect(test.counters.of('dropped deleted')).to.equal(0);
  });

  it('is not carried into its successor when it was deleted before its beginning was known', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    store.once('commit', 'lose');
    expect(await session.change(begin('t1', 'deleted'))).to.equal('deferred');
    for (const name of ['first', 'second']) {
      clock.advance(1_000);
      await memory.remove(refOf(), HOUR);
      await changeOnce(other.manager, begin(name, name));
    }
    await session.refresh().catch(() => undefined);
    await session.replay();
    expect(test.counters.of('dropped deleted')).to.equal(3);
    expect((await readAll(memory)).map(({ json }) => json).join()).not.to.include('deleted');
  });

  it('leaves nothing in use when it is removed while records wait', async () => {
    const test = createTestManager(store, { clock });
    await changeOnce(test.manager, begin('t1', 'one'));
    test.away = true;
    expect(await changeOnce(test.manager, say('t1', 'waits'))).to.equal('deferred');
    test.away = false;
    expect(await test.manager.remove(refOf())).to.equal(true);
    expect(test.manager.stats).to.deep.include({ inUse: 0, cached: 0 });
    expect(test.manager.pending.records).to.equal(0);
    expect(test.manager.pending.sessions.size).to.equal(0);
  });

  it('is removed although the store goes away right after', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    store.once('read', 'refuse');
    expect(await test.manager.remove(refOf())).to.equal(true);
    await session.refresh();
    expect(session.view.exists).to.equal(false);
  });
});
