import { expect } from 'chai';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import { SYSTEM_CLOCK } from '../../../server/sessions/session-parts.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { chunk, tellAll } from '../../helpers/following.ts';
import { createRewindableStore, type RewindableStore } from '../../helpers/rewindable-store.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  moveTo,
  opened,
  plainFold,
  readAll,
  refOf,
  say,
  textsOf,
  type TestManager,
} from '../../helpers/sessions.ts';

describe('a store that went back behind what it had acknowledged', () => {
  let behind: RewindableStore;
  let store: FaultyStore;
  let here: TestManager;
  let there: TestManager;
  let session: LiveSession;

  beforeEach(async () => {
    behind = createRewindableStore();
    store = new FaultyStore(behind.store, false);
    here = createTestManager(store, { instance: 'i1' });
    there = createTestManager(new FaultyStore(behind.store, false), { instance: 'i2' });
    await changeOnce(here.manager, begin('t1', 'hello'));
    session = await opened(here.manager);
  });

  afterEach(async () => {
    await here.manager.close();
    await there.manager.close();
  });

  const sayAll = async (...texts: string[]): Promise<void> => {
    for (const text of texts) expect(await session.change(say('t1', text))).to.equal('stored');
  };
  const elsewhere = (...decides: Parameters<LiveSession['change']>[0][]): Promise<unknown> =>
    decides.reduce<Promise<unknown>>(
      (before, decide) => before.then(() => changeOnce(there.manager, decide)),
      Promise.resolve(),
    );
  /** Both instances and whoever reads the store anew say the same. */
  const told = async (): Promise<string[]> => {
    await session.replay();
    expect(session.persistence).to.equal('stored');
    expect(here.manager.pending.records).to.equal(0);
    expect(here.manager.pending.bytes).to.equal(0);
    const fresh = await opened(createTestManager(behind.store).manager, refOf(), 'existing');
    const other = await opened(there.manager, refOf(), 'existing');
    await other.refresh();
    expect(plainFold(session.view)).to.deep.equal(plainFold(fresh.view));
    expect(plainFold(other.view)).to.deep.equal(plainFold(fresh.view));
    there.manager.release(other);
    return textsOf(fresh.view);
  };
  const wentBack = (manager = here): object[] =>
    manager.logged.filter(({ event }) => event === 'store_went_back').map(({ fields }) => fields);

  it('gets what was lost once more, in its order, from whoever reads next', async () => {
    await sayAll('a');
    const { taken } = behind;
    await sayAll('b', 'c');
    const follower = session.follow('t1');
    await behind.goBack(taken);
    await session.refresh();
    expect(textsOf(session.view)).to.deep.equal(['hello', 'a', 'b', 'c']);
    expect(session.persistence).to.equal('deferred');
    expect(here.manager.pending.records).to.equal(2);
    expect(await tellAll(follower)).to.equal('<reset>');
    follower.restart();
    expect(await told()).to.deep.equal(['hello', 'a', 'b', 'c']);
    expect(await tellAll(follower)).to.equal('');
    follower.close();
    expect(wentBack()).to.deep.equal([
      { tenant: 'acme', sessionId: 's1', head: 6, storedHead: 4, offered: 2, givenUp: 0 },
    ]);
  });

  it('gets it in front of what is new, from whoever writes next', async () => {
    const { taken } = behind;
    await sayAll('a', 'b');
    await behind.goBack(taken);
    await sayAll('c');
    expect(await told()).to.deep.equal(['hello', 'a', 'b', 'c']);
    expect(wentBack()).to.have.length(1);
  });

  it('is found out when others have written as much since', async () => {
    const { taken } = behind;
    await sayAll('a', 'b');
    await behind.goBack(taken);
    await elsewhere(say('t1', 'x'), say('t1', 'y'));
    await session.refresh();
    expect(await told()).to.deep.equal(['hello', 'x', 'y', 'a', 'b']);
    expect(wentBack()).to.have.length(1);
  });

  it('is found out when others have written more since, by whom their first record follows', async () => {
    const { taken } = behind;
    await sayAll('a', 'b');
    await behind.goBack(taken);
    await elsewhere(say('t1', 'x'), say('t1', 'y'), say('t1', 'z'));
    await session.refresh();
    expect(await told()).to.deep.equal(['hello', 'x', 'y', 'z', 'a', 'b']);
  });

  it('is found out when others have written more in one commit, which says nothing at our head', async () => {
    const { taken } = behind;
    await sayAll('a', 'b');
    await behind.goBack(taken);
    const three = [say('t1', 'x'), say('t1', 'y'), say('t1', 'z')];
    await elsewhere((draft, at) => three.flatMap((decide) => decide(draft, at)));
    await session.refresh();
    expect(await told()).to.deep.equal(['hello', 'x', 'y', 'z', 'a', 'b']);
  });

  it('keeps as refused what no longer applies, the message in it too', async () => {
    await session.change(moveTo('t1', 'TASK_STATE_WORKING', 'i1.1'));
    const { taken } = behind;
    await session.change(chunk('lost'));
    await sayAll('a');
    await behind.goBack(taken);
    await elsewhere(moveTo('t1', 'TASK_STATE_CANCELED'));
    await session.refresh();
    expect(await told()).to.deep.equal(['hello', 'a']);
    expect(here.counters.of('refused')).to.be.above(0);
    expect(session.view.task('t1')?.state).to.equal('TASK_STATE_CANCELED');
    const types = (await readAll(behind.store)).map(
      ({ json }) => (JSON.parse(json ?? '') as { t: string }).t,
    );
    expect(types.filter((t) => t === 'refused')).to.have.length.above(0);
  });

  it('is looked for in sessions that nobody uses, and in those that have left memory', async () => {
    const cache = { maxSessions: 2, maxBytes: 1_000_000 };
    const small = createTestManager(store, { instance: 'i3', cache, clock: SYSTEM_CLOCK });
    const ids = ['r1', 'r2', 'r3', 'r4'];
    for (const id of ids) await changeOnce(small.manager, begin('t1', 'hello', 'i3.1'), refOf(id));
    const { taken } = behind;
    for (const id of ids) await changeOnce(small.manager, say('t1', `a ${id}`), refOf(id));
    await behind.goBack(taken);
    const reads = store.calls.read ?? 0;
    small.manager.storeIsBack();
    await small.manager.start();
    await eventually(() => wentBack(small).length === 4 && small.manager.pending.records === 0);
    // one look each, what it leads to, and one more for the one that was lost sight of
    expect((store.calls.read ?? 0) - reads).to.be.below(8 * 4);
    for (const id of ids) {
      const read = await opened(createTestManager(behind.store).manager, refOf(id), 'existing');
      expect(textsOf(read.view)).to.deep.equal(['hello', `a ${id}`]);
    }
    await small.manager.close();
  });

  it('is not looked for in what was stored since it is back', async () => {
    const young = createTestManager(store, { instance: 'i4', clock: SYSTEM_CLOCK });
    await changeOnce(young.manager, begin('t1', 'hello', 'i4.1'), refOf('before'));
    await eventually(() => young.manager.stats.recentBytes > 0);
    const backAt = performance.now();
    await eventually(() => performance.now() > backAt);
    young.manager.storeIsBack();
    for (const id of ['y1', 'y2']) await changeOnce(young.manager, begin('t1', 'hello', 'i4.1'), refOf(id));
    const looked: string[] = [];
    const read = store.read.bind(store);
    store.read = (ref, ...rest) => {
      looked.push(ref.sessionId);
      return read(ref, ...rest);
    };
    await young.manager.start();
    await eventually(() => looked.includes('before'));
    await young.manager.close();
    expect(looked.filter((id) => id !== 'before')).to.deep.equal([]);
  });

  it('gets no record that is older than a minute: it is counted', async () => {
    const { taken } = behind;
    await sayAll('old');
    here.clock.advance(61_000);
    await sayAll('young');
    await behind.goBack(taken);
    await session.refresh();
    expect(await told()).to.deep.equal(['hello', 'young']);
    expect(wentBack()).to.deep.equal([
      { tenant: 'acme', sessionId: 's1', head: 5, storedHead: 3, offered: 1, givenUp: 1 },
    ]);
  });

  it('does not get a session back that it does not have at all', async () => {
    await sayAll('a');
    await behind.goBack(0);
    expect(await session.refresh()).to.equal(false);
    await session.replay();
    expect(session.view.exists).to.equal(false);
    here.manager.storeIsBack();
    expect((await behind.store.read(refOf())).found).to.equal(false);
    expect(here.logged.map(({ event }) => event)).to.include('session_gone');
  });

  it('is left alone for a while when it goes back again and again', async () => {
    const { taken } = behind;
    await sayAll('a');
    const commit = store.commit.bind(store);
    store.commit = (ref, request) =>
      Promise.resolve({ outcome: 'diverged' as const }).then((diverged) => {
        expect(request.records.length).to.be.above(0);
        return store.calls.read !== undefined && store.calls.read > 100 ? commit(ref, request) : diverged;
      });
    await behind.goBack(taken);
    await session.refresh();
    const reads = store.calls.read ?? 0;
    await session.replay();
    expect((store.calls.read ?? 0) - reads).to.be.below(20);
    expect(session.persistence).to.equal('deferred');
    store.commit = commit;
    expect(await told()).to.deep.equal(['hello', 'a']);
  });

  it('keeps its long journals whole: no change meets one that is half read', async () => {
    await Promise.all(Array.from({ length: 1_700 }, (_, n) => session.change(say('t1', `m${n}`))));
    const { taken } = behind;
    await sayAll('a');
    await session.change(begin('t2', 'second'));
    await behind.goBack(taken);
    const [refreshed, outcome] = await Promise.all([
      session.refresh(),
      // only possible where the task is known: at the end of the journal
      session.change(say('t2', 'b')),
      session.refresh(),
    ]);
    expect(refreshed).to.equal(true);
    expect(outcome).to.equal('stored');
    expect((await told()).slice(-4)).to.deep.equal(['m1699', 'a', 'second', 'b']);
    expect(here.counters.of('refused')).to.equal(0);
    expect(wentBack()).to.have.length(1);
  });
});
