import { expect } from 'chai';
import type { ProtocolError } from '../../../protocol/errors.ts';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { createRewindableStore, type RewindableStore } from '../../helpers/rewindable-store.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  opened,
  plainFold,
  readAll,
  refOf,
  say,
  textsOf,
  type TestManager,
} from '../../helpers/sessions.ts';

type Decide = Parameters<LiveSession['change']>[0];

describe('a store that went back and is given again what it had lost', () => {
  let behind: RewindableStore;
  let store: FaultyStore;
  let here: TestManager;
  let there: TestManager;
  let third: TestManager;
  let session: LiveSession;
  let reader: LiveSession;

  beforeEach(async () => {
    behind = createRewindableStore();
    store = new FaultyStore(behind.store, false);
    here = createTestManager(store, { instance: 'i1' });
    there = createTestManager(new FaultyStore(behind.store, false), { instance: 'i2' });
    third = createTestManager(new FaultyStore(behind.store, false), { instance: 'i3' });
    await changeOnce(here.manager, begin('t1', 'hello'));
    session = await opened(here.manager);
    reader = await opened(third.manager, refOf(), 'existing');
  });
  afterEach(async () => {
    for (const { manager } of [here, there, third]) await manager.close();
  });

  const sayAll = async (...texts: string[]): Promise<void> => {
    for (const text of texts) expect(await session.change(say('t1', text))).to.equal('stored');
  };
  const elsewhere = (decide: Decide): Promise<unknown> => changeOnce(there.manager, decide);
  /** An instance notices, and offers again what it has. */
  const comesBack = async ({ manager }: TestManager): Promise<void> => {
    const other = await opened(manager, refOf(), 'existing');
    await other.refresh();
    await other.replay();
    manager.release(other);
  };
  /** What all instances and whoever reads the store anew say. */
  const told = async (): Promise<string[]> => {
    await session.replay();
    expect(here.manager.pending.records).to.equal(0);
    const fresh = await opened(createTestManager(behind.store).manager, refOf(), 'existing');
    for (const { manager } of [here, there, third]) {
      const other = await opened(manager, refOf(), 'existing');
      await other.refresh();
      expect(plainFold(other.view)).to.deep.equal(plainFold(fresh.view));
      manager.release(other);
    }
    return textsOf(fresh.view);
  };
  const numbered = async (): Promise<string[]> =>
    (await readAll(behind.store)).slice(2).map(({ json }) => {
      const { message } = JSON.parse(json ?? '{}') as { message?: { parts: { text: string }[] } };
      return message?.parts[0]?.text ?? '';
    });
  const wentBack = (): object[] => here.logged.filter(({ event }) => event === 'store_went_back');
  const refused = (change: Promise<unknown>): Promise<string> =>
    change.then(
      () => 'done',
      (error: unknown) => (error as ProtocolError).reason,
    );

  it('is found out by a reader at whose head the same record stands again', async () => {
    const { taken } = behind;
    await sayAll('a');
    await elsewhere(say('t1', 'b'));
    await sayAll('c');
    await reader.refresh();
    expect(textsOf(reader.view)).to.deep.equal(['hello', 'a', 'b', 'c']);
    const { cursor } = reader.view;
    await behind.goBack(taken);
    await comesBack(there);
    await comesBack(here);
    await reader.refresh();
    expect(await told()).to.deep.equal(['hello', 'b', 'a', 'c']);
    expect(plainFold(reader.view)).to.deep.equal(plainFold(session.view));
    expect(reader.view.head).to.equal(cursor.head);
    expect(reader.view.w).to.include({ instance: 'i1' });
    expect(await numbered()).to.deep.equal(['hello', 'b', 'a', 'c']);
  });

  it('is found out by whoever has lost something in front of it', async () => {
    const { taken } = behind;
    await sayAll('a');
    await elsewhere(say('t1', 'b'));
    await session.refresh();
    await behind.goBack(taken);
    expect(await reader.change(say('t1', 'x'))).to.equal('stored');
    await comesBack(there);
    // as many records as here, and the same one at the end
    expect(await numbered()).to.deep.equal(['hello', 'x', 'b']);
    expect(session.journal.hasGoneBack).to.equal(false);
    await session.refresh();
    expect(session.journal.hasGoneBack).to.equal(true);
    expect(await told()).to.deep.equal(['hello', 'x', 'b', 'a']);
  });

  it('is found out at the end of a tail of several reads', async () => {
    const { taken } = behind;
    await sayAll('a');
    await elsewhere(say('t1', 'b'));
    await session.refresh();
    await behind.goBack(taken);
    await reader.change(say('t1', 'x'));
    await comesBack(there);
    await Promise.all(Array.from({ length: 1_100 }, (_, n) => reader.change(say('t1', `m${n}`))));
    await session.refresh();
    const all = await told();
    expect(all.slice(0, 3)).to.deep.equal(['hello', 'x', 'b']);
    expect(all.slice(-2)).to.deep.equal(['m1099', 'a']);
    expect(wentBack()).to.have.length(1);
  });

  it('takes no commit of one that has not found it out', async () => {
    const { taken } = behind;
    await sayAll('a');
    await elsewhere(say('t1', 'b'));
    await session.refresh();
    await behind.goBack(taken);
    await reader.change(say('t1', 'x'));
    await comesBack(there);
    await sayAll('c');
    expect(await told()).to.deep.equal(['hello', 'x', 'b', 'a', 'c']);
    expect(wentBack()).to.have.length(1);
  });

  it('is found out by a reader from whose head the tail could count on', async () => {
    const { taken } = behind;
    await sayAll('a', 'b');
    await reader.refresh();
    const half: Parameters<LiveSession['change']>[0] = (draft, at) => [
      ...say('t1', 'never')(draft, at),
      { t: 'status', at, task: 'nowhere', state: 'TASK_STATE_WORKING' },
    ];
    // it has taken a number of this instance, and comes to nothing
    expect(await session.change(half).catch(() => 'refused')).to.equal('refused');
    await sayAll('c');
    await behind.goBack(taken);
    await elsewhere(say('t1', 'x'));
    await comesBack(here);
    await reader.refresh();
    expect(await told()).to.deep.equal(['hello', 'x', 'a', 'b', 'c']);
    expect(textsOf(reader.view)).to.deep.equal(['hello', 'x', 'a', 'b', 'c']);
  });

  it('gets what nobody was told of: its answer was lost, and others have built on it', async () => {
    const { taken } = behind;
    store.once('commit', 'lose');
    expect(await refused(session.change(begin('t2', 'unknown'), { mustStore: true }))).to.equal(
      'STORE_UNAVAILABLE',
    );
    await session.refresh();
    expect(textsOf(session.view)).to.deep.equal(['hello', 'unknown']);
    here.clock.advance(2_000);
    expect(await session.change(say('t2', 'more'))).to.equal('stored');
    await behind.goBack(taken);
    await session.refresh();
    expect(await told()).to.deep.equal(['hello', 'unknown', 'more']);
    expect(here.counters.of('refused')).to.equal(0);
  });

  it('gets what nobody was told of: its answer came too late, and others have built on it', async () => {
    const { taken } = behind;
    store.once('commit', 'hold');
    const change = refused(session.change(begin('t2', 'unknown'), { mustStore: true }));
    await eventually(() => store.hanging === 1);
    here.clock.advance(2_000);
    expect(await change).to.equal('STORE_UNAVAILABLE');
    store.release();
    await eventually(() => textsOf(session.view).length === 2);
    expect(await session.change(say('t2', 'more'))).to.equal('stored');
    await behind.goBack(taken);
    await session.refresh();
    expect(await told()).to.deep.equal(['hello', 'unknown', 'more']);
    expect(here.counters.of('refused')).to.equal(0);
  });

  it('gets nothing twice that was read before its own answer came', async () => {
    const { taken } = behind;
    store.once('commit', 'hold');
    const change = session.change(say('t1', 'a'));
    await eventually(() => store.hanging === 1);
    await session.refresh();
    store.release();
    expect(await change).to.equal('stored');
    await sayAll('b');
    await behind.goBack(taken);
    await session.refresh();
    expect(await told()).to.deep.equal(['hello', 'a', 'b']);
    expect(wentBack()).to.have.length(1);
  });
});
