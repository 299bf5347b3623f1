import { expect } from 'chai';
import type { SessionRef } from '../../../server/sessions/session-ref.ts';
import {
  SessionDamagedError,
  type Cursor,
  type JournalRead,
} from '../../../server/sessions/session-store.ts';
import { LmdbOutageJournal } from '../../../server/stores/lmdb/outage-journal.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { useFolder } from '../../helpers/files.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  HOUR,
  refOf,
  say,
  TestClock,
  textsOf,
  opened,
  type TestManager,
} from '../../helpers/sessions.ts';

/** One of its sessions can be made unreadable, and it can lose the orders that it had. */
class DamagedStore extends MemorySessionStore {
  damaged = '';

  loseOrders(): Promise<void> {
    return this.write((tables) => {
      tables.putSetting('erasures', '[]');
    });
  }

  override async read(ref: SessionRef, after?: Cursor, renewTtlMs?: number): Promise<JournalRead> {
    if (ref.sessionId === this.damaged) throw new SessionDamagedError(this.keyOf(ref), 'e');
    return super.read(ref, after, renewTtlMs);
  }
}

describe('an order to erase', () => {
  const folder = useFolder();
  const clock = new TestClock();
  let inner: DamagedStore;
  /** Of the store's clock. */
  let aheadMs: number;
  let store: FaultyStore;
  let running: TestManager | undefined;
  let journal: LmdbOutageJournal | undefined;

  beforeEach(() => {
    aheadMs = 0;
    inner = new DamagedStore(() => clock.now() + aheadMs);
    store = new FaultyStore(inner, false);
  });
  afterEach(async () => {
    await kill();
  });

  const start = async (instance: string): Promise<TestManager> => {
    const { mono } = clock;
    journal = await LmdbOutageJournal.open({ folder: folder.path, pid: 1, mono, onFailure: () => undefined });
    running = createTestManager(store, { instance, clock, outage: journal });
    await running.manager.start();
    return running;
  };
  const isAway = (isSo: boolean): void => {
    store.always(isSo ? 'refuse' : undefined);
  };
  /** What was in its memory is gone. */
  const kill = async (): Promise<void> => {
    await journal?.close();
    isAway(true);
    await running?.manager.close();
    isAway(false);
    running = journal = undefined;
  };

  it('does not keep others from being stored for a session that cannot be read', async () => {
    const { manager } = await start('one');
    for (const id of ['bad', 's1']) await changeOnce(manager, begin('t1', 'hello'), refOf(id));
    isAway(true);
    expect(await changeOnce(manager, say('t1', 'a'), refOf('s1'))).to.equal('deferred');
    inner.damaged = 'bad';
    await inner.orderErasure({ tenant: 'acme' }, HOUR);
    isAway(false);
    await eventually(() => expect(manager.pending.records).to.equal(0));
    const read = createTestManager(inner).manager;
    expect(textsOf((await opened(read, refOf('s1'), 'existing')).view)).to.deep.equal(['hello', 'a']);
  });

  it('is looked for before anything is stored of what a dead process had begun', async () => {
    isAway(true);
    const first = await start('one');
    expect(await changeOnce(first.manager, begin('t1', 'hello'))).to.equal('deferred');
    await kill();
    clock.advance(10);
    await inner.orderErasure({ tenant: 'acme' }, HOUR);
    isAway(true);
    const second = await start('two');
    isAway(false);
    // before its next beat, and before it has begun to store what waits
    await changeOnce(second.manager, say('t1', 'more'));
    await eventually(() => expect(second.manager.pending.records).to.equal(0));
    expect(await inner.read(refOf())).to.deep.equal({ found: false });
    expect(store.requests.flatMap(({ records }) => records.map(({ json }) => json)).join()).not.to.include(
      'hello',
    );
  });

  it('is heard of where a store that went back, and whose clock is behind, gives it a lower number', async () => {
    const { manager } = await start('one');
    await changeOnce(manager, begin('t1', 'hello'));
    aheadMs = 10_000;
    const before = await inner.orderErasure({ tenant: 'other' }, HOUR);
    await manager.liveness.beat();
    await eventually(async () => (await inner.erasureCarriedOutBy(before)).has('one'));
    aheadMs = 0;
    await inner.loseOrders();
    await inner.erase(refOf(), HOUR);
    const number = await inner.orderErasure({ tenant: 'acme' }, HOUR);
    expect(number).to.be.below(before);
    await manager.liveness.beat();
    const done = { sessions: 1, records: 0 };
    await eventually(async () =>
      expect((await inner.erasureCarriedOutBy(number)).get('one')).to.deep.equal(done),
    );
  });
});
