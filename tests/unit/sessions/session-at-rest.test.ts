import { expect } from 'chai';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { chunk } from '../../helpers/following.ts';
import { createRewindableStore, type RewindableStore } from '../../helpers/rewindable-store.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  moveTo,
  opened,
  readAll,
  say,
  textsOf,
  type TestManager,
} from '../../helpers/sessions.ts';

describe('a session that is told to rest', () => {
  let behind: RewindableStore;
  let store: FaultyStore;
  let here: TestManager;
  let session: LiveSession;

  beforeEach(async () => {
    behind = createRewindableStore();
    store = new FaultyStore(behind.store, false);
    here = createTestManager(store, { instance: 'i1' });
    await changeOnce(here.manager, begin('t1', 'hello'));
    session = await opened(here.manager);
  });

  afterEach(async () => {
    await here.manager.close();
  });

  it('goes on where it was with the next change', async () => {
    session.rest();
    expect(await session.change(say('t1', 'a'))).to.equal('stored');
    session.rest();
    expect(await session.change(say('t1', 'b'))).to.equal('stored');
    expect(textsOf(session.view)).to.deep.equal(['hello', 'a', 'b']);
    expect(await readAll(store)).to.have.length(session.view.head);
  });

  it('keeps what it has acknowledged', async () => {
    store.always('refuse', 'commit');
    expect(await session.change(say('t1', 'a'))).to.equal('deferred');
    session.rest();
    expect([session.persistence, session.isPending]).to.deep.equal(['deferred', true]);
    store.always(undefined);
    await session.replay();
    session.rest();
    expect(session.persistence).to.equal('stored');
    expect(textsOf(session.view)).to.deep.equal(['hello', 'a']);
  });

  it('gives a store that went back what it lost, though it rested while that was found out', async () => {
    const { taken } = behind;
    expect(await session.change(say('t1', 'a'))).to.equal('stored');
    await behind.goBack(taken);
    store.once('read', 'hang');
    const reading = session.refresh();
    await eventually(() => store.hanging === 1);
    session.rest();
    store.release();
    await reading;
    expect(session.persistence).to.equal('deferred');
    await session.replay();
    expect(await readAll(store)).to.have.length(session.view.head);
    expect(textsOf(session.view)).to.deep.equal(['hello', 'a']);
  });

  it('knows that it was removed: who begins it again has to name what was there', async () => {
    await store.remove(session.ref, 60_000);
    expect(await session.refresh()).to.equal(false);
    expect(session.knowsTombstone).to.equal(true);
    session.rest();
    expect(session.knowsTombstone).to.equal(true);
  });

  it('remembers what failed its caller and may be stored all the same', async () => {
    store.always('lose', 'commit');
    const failed = session
      .change(moveTo('t1', 'TASK_STATE_WORKING'), { mustStore: true })
      .catch(() => 'failed');
    expect(await failed).to.equal('failed');
    session.rest();
    const later = session.change(chunk('x'));
    expect(await later).to.equal('deferred');
    const follower = session.follow('t1');
    expect(follower.position.isVague).to.equal(true);
    follower.close();
  });
});
