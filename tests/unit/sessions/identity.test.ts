import { expect } from 'chai';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
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
  textsOf,
} from '../../helpers/sessions.ts';

describe('the identity of a record', () => {
  const clock = new TestClock();
  let store: FaultyStore;
  beforeEach(() => {
    store = new FaultyStore(new MemorySessionStore(clock.now), false);
  });

  /** Room for one session beside those in use: a second one pushes the first out. */
  const smallManager = () => createTestManager(store, { clock, cache: { maxSessions: 1, maxBytes: 1e9 } });

  it('is new again for a session that left memory and is begun as if it were new', async () => {
    const { manager } = smallManager();
    await changeOnce(manager, begin('t1', 'one'));
    await changeOnce(manager, begin('t1', 'other'), refOf('other'));
    const again = await opened(manager, refOf(), 'new');
    expect(await again.change(begin('t2', 'two'))).to.equal('stored');
    expect(textsOf(again.view)).to.deep.equal(['one', 'two']);
    expect(await readAll(store)).to.have.length(5);
  });

  it('is new again for a provisional session whose stored one was written by the same process', async () => {
    const test = smallManager();
    const { manager } = test;
    await changeOnce(manager, begin('t1', 'one'));
    await changeOnce(manager, say('t1', 'two'));
    await changeOnce(manager, begin('t1', 'other'), refOf('other'));
    store.once('read', 'refuse');
    test.away = true;
    const provisional = await opened(manager);
    expect(await provisional.change(begin('t2', 'three'))).to.equal('deferred');
    test.away = false;
    await provisional.replay();
    expect(provisional.persistence).to.equal('stored');
    expect(textsOf(provisional.view)).to.deep.equal(['one', 'two', 'three']);
    expect(await readAll(store)).to.have.length(6);
    expect(test.counters.of('refused')).to.equal(0);
  });

  it('is not used again after a change whose outcome nobody knows', async () => {
    const { manager } = smallManager();
    await changeOnce(manager, begin('t1', 'one'));
    store.once('commit', 'late');
    const failed = await changeOnce(manager, say('t1', 'unknown'), refOf(), { mustStore: true }).catch(
      () => 'failed',
    );
    expect(failed).to.equal('failed');
    await changeOnce(manager, begin('t1', 'other'), refOf('other'));
    const again = await opened(manager);
    await store.runLate();
    expect(await again.change(say('t1', 'two'))).to.equal('stored');
    expect(textsOf(again.view)).to.deep.equal(['one', 'unknown', 'two']);
  });
});
