import { expect } from 'chai';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { LmdbOutageJournal } from '../../../server/stores/lmdb/outage-journal.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { useFolder } from '../../helpers/files.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  moveTo,
  opened,
  plainFold,
  refOf,
  say,
  TestClock,
  textsOf,
  type TestManager,
} from '../../helpers/sessions.ts';

describe('a message that was acknowledged from memory while another instance stored the same', () => {
  const folder = useFolder();
  let store: FaultyStore;
  let test: TestManager;
  let other: TestManager;
  let session: LiveSession;

  beforeEach(async () => {
    const clock = new TestClock();
    const memory = new MemorySessionStore(clock.now);
    store = new FaultyStore(memory, false);
    test = createTestManager(store, { clock, instance: 'one' });
    other = createTestManager(new FaultyStore(memory, false), { clock, instance: 'two' });
    session = await opened(test.manager);
    await session.change(begin('t1', 'first'));
  });

  async function replayed(): Promise<string[]> {
    test.away = false;
    await session.replay();
    expect(session.persistence).to.equal('stored');
    expect([test.manager.pending.records, test.manager.pending.bytes]).to.deep.equal([0, 0]);
    const fresh = await opened(other.manager, refOf(), 'existing');
    await other.manager.catchUp(fresh);
    expect(plainFold(fresh.view)).to.deep.equal(plainFold(session.view));
    return textsOf(session.view);
  }
  const tasks = (): string[] => [...session.view.tasks()].map(({ local, state }) => `${local} ${state}`);

  it('stands there once; the task that was made for it stays, and goes on as it went on', async () => {
    test.away = true;
    expect(await session.change(begin('mine', 'again'))).to.equal('deferred');
    await session.change(moveTo('mine', 'TASK_STATE_COMPLETED', 'i1.1'));
    await changeOnce(other.manager, begin('theirs', 'again'));
    expect(await replayed()).to.deep.equal(['first', 'again']);
    expect(tasks()).to.deep.equal([
      't1 TASK_STATE_SUBMITTED',
      'theirs TASK_STATE_SUBMITTED',
      'mine TASK_STATE_COMPLETED',
    ]);
    expect(test.counters.of('refused')).to.equal(0);
  });

  it('stands there once when it was for a task that was there', async () => {
    test.away = true;
    await session.change(say('t1', 'again'));
    await session.change(say('t1', 'more'));
    await changeOnce(other.manager, say('t1', 'again'));
    expect(await replayed()).to.deep.equal(['first', 'again', 'more']);
  });

  it('is another one when it was for another task', async () => {
    test.away = true;
    await session.change(say('t1', 'again'));
    await session.change(begin('mine', 'once more'));
    await changeOnce(other.manager, begin('theirs', 'again'));
    await changeOnce(other.manager, say('t1', 'once more'));
    expect(await replayed()).to.deep.equal(['first', 'again', 'once more', 'again', 'once more']);
  });

  it('is another one when it was said in full knowledge of that', async () => {
    await changeOnce(other.manager, begin('theirs', 'again'));
    await test.manager.catchUp(session);
    test.away = true;
    await session.change(begin('mine', 'again'));
    await changeOnce(other.manager, say('t1', 'between'));
    expect(await replayed()).to.deep.equal(['first', 'again', 'between', 'again']);
  });

  it('stands there once when the instance that acknowledged it was killed, and its outage journal is taken up', async () => {
    const start = async (instance: string): Promise<{ made: TestManager; outage: LmdbOutageJournal }> => {
      const { mono } = test.clock;
      const outage = await LmdbOutageJournal.open({
        folder: folder.path,
        pid: 1,
        mono,
        onFailure: () => undefined,
      });
      const made = createTestManager(store, { clock: test.clock, instance, outage });
      await made.manager.start();
      return { made, outage };
    };
    const killed = await start('killed');
    await changeOnce(killed.made.manager, say('t1', 'known'));
    killed.made.away = true;
    await changeOnce(killed.made.manager, say('t1', 'again'));
    await changeOnce(killed.made.manager, begin('mine', 'once more'));
    await changeOnce(killed.made.manager, say('t1', 'known'));
    await killed.outage.close();
    await killed.made.manager.close();
    await changeOnce(other.manager, say('t1', 'again'));
    await changeOnce(other.manager, begin('theirs', 'once more'));
    const { made, outage } = await start('next');
    expect(made.manager.pending.records).to.equal(4);
    for (const waiting of [...made.manager.pending.sessions]) await waiting.replay();
    expect([made.manager.pending.records, made.manager.pending.bytes, outage.changes]).to.deep.equal([
      0, 0, 0,
    ]);
    await test.manager.catchUp(session);
    expect(textsOf(session.view)).to.deep.equal(['first', 'known', 'again', 'once more', 'known']);
    expect([...session.view.tasks()].map(({ local }) => local)).to.deep.equal(['t1', 'theirs', 'mine']);
    await outage.close();
    await made.manager.close();
  });

  it('is another one when both were said to this instance', async () => {
    store.once('commit', 'late');
    expect(await session.change(begin('t2', 'again'))).to.equal('deferred');
    expect(await session.change(begin('t3', 'again'))).to.equal('deferred');
    await store.runLate();
    await changeOnce(other.manager, say('t1', 'between'));
    expect(await replayed()).to.deep.equal(['first', 'again', 'between', 'again']);
  });
});
