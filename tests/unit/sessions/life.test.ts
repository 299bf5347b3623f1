import { expect } from 'chai';
import { ProtocolError } from '../../../protocol/errors.ts';
import { SessionDamagedError } from '../../../server/sessions/session-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  HOUR,
  opened,
  refOf,
  say,
  TestClock,
  textsOf,
} from '../../helpers/sessions.ts';

describe('the life of a session in memory', () => {
  let clock: TestClock;
  let memory: MemorySessionStore;
  let store: FaultyStore;

  beforeEach(() => {
    clock = new TestClock();
    memory = new MemorySessionStore(clock.now);
    store = new FaultyStore(memory, false);
  });

  const leftInStore = async (): Promise<number> => {
    const read = await memory.read(refOf());
    return read.found ? read.remainingMs : 0;
  };

  it('ends when it ends in the store: a copy that is read near the end keeps what is left', async () => {
    await changeOnce(createTestManager(store, { clock }).manager, begin('t1', 'one'));
    clock.advance(HOUR - 10);
    const { manager } = createTestManager(store, { clock, coherence: 'exclusive' });
    const session = await opened(manager, refOf(), 'existing');
    manager.release(session);
    expect(session.journal.expiresAt - clock.mono()).to.equal(10);
    expect(manager.stats.cached).to.equal(1);
    clock.advance(9);
    expect(manager.openCached(refOf())).to.equal(session);
    manager.release(session);
    clock.advance(1);
    expect(manager.openCached(refOf())).to.equal(undefined);
    expect(await manager.open(refOf(), 'existing')).to.equal(undefined);
  });

  for (const [ttlRefresh, afterWrite, afterRead] of [
    ['write', HOUR, HOUR - 1_000],
    ['access', HOUR, HOUR],
    ['fixed', HOUR - 1_000, HOUR - 2_000],
  ] as const) {
    it(`is renewed by ${ttlRefresh === 'fixed' ? 'nothing' : ttlRefresh === 'write' ? 'a write' : 'an access'} when so configured`, async () => {
      const { manager } = createTestManager(store, { clock, ttlRefresh });
      const session = await opened(manager);
      await session.change(begin('t1', 'one'));
      expect(await leftInStore()).to.equal(HOUR);
      clock.advance(1_000);
      await session.change(say('t1', 'two'));
      expect(await leftInStore()).to.equal(afterWrite);
      clock.advance(1_000);
      await manager.catchUp(session);
      expect(await leftInStore()).to.equal(afterRead);
      expect(session.journal.expiresAt - clock.mono()).to.equal(afterRead);
    });
  }

  it('is not renewed by what is not a client’s doing', async () => {
    const { manager } = createTestManager(store, { clock });
    const session = await opened(manager);
    await session.change(begin('t1', 'one'));
    clock.advance(1_000);
    await session.change(say('t1', 'receipt'), { slides: false });
    expect(await leftInStore()).to.equal(HOUR - 1_000);
    expect(session.journal.expiresAt - clock.mono()).to.equal(HOUR - 1_000);
  });

  it('is measured from the day it was said when it is stored later, and never shortened', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    test.away = true;
    clock.advance(1_000);
    await session.change(say('t1', 'waits'));
    clock.advance(HOUR / 2);
    test.away = false;
    await session.replay();
    expect(await leftInStore()).to.equal(HOUR / 2);
    expect(session.journal.expiresAt - clock.mono()).to.equal(HOUR / 2);
  });

  it('is over for records that waited longer than it: they are dropped as expired', async () => {
    const test = createTestManager(store, { clock });
    test.away = true;
    store.once('read', 'refuse');
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    clock.advance(HOUR);
    test.away = false;
    await session.replay();
    expect(test.counters.of('dropped expired')).to.equal(3);
    expect(await leftInStore()).to.equal(0);
    expect(test.manager.pending.records).to.equal(0);
  });

  it('begins with one load, however many ask for it at once', async () => {
    await changeOnce(createTestManager(store, { clock }).manager, begin('t1', 'one'));
    const { manager, counters } = createTestManager(store, { clock });
    const before = store.calls.read ?? 0;
    const modes = ['existing', 'create', 'new', 'existing'] as const;
    const sessions = await Promise.all(modes.map((mode) => manager.open(refOf(), mode)));
    expect(new Set(sessions).size).to.equal(1);
    expect((store.calls.read ?? 0) - before).to.equal(1);
    expect(counters.of('rehydrated')).to.equal(1);
  });

  it('is one object for all who begin it at once', async () => {
    const { manager } = createTestManager(store, { clock });
    const texts = Array.from({ length: 10 }, (_, i) => `${i}`);
    const outcomes = await Promise.all(
      texts.map((text) => changeOnce(manager, (draft, at) => begin(`t${text}`, text)(draft, at))),
    );
    expect(new Set(outcomes)).to.deep.equal(new Set(['stored']));
    const session = await opened(manager, refOf(), 'existing');
    expect(textsOf(session.view).sort()).to.deep.equal(texts);
  });

  it('is begun again after a load that failed', async () => {
    const { manager } = createTestManager(store, { clock });
    store.once('read', 'refuse', 2);
    const failures = await Promise.allSettled([
      manager.open(refOf(), 'existing'),
      manager.open(refOf(), 'existing'),
    ]);
    expect(failures.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    store.always(undefined);
    expect(await manager.open(refOf(), 'existing')).to.equal(undefined);
    expect(manager.stats).to.deep.include({ inUse: 0, cached: 0 });
  });

  it('goes by count, the one that was not used for longest first', async () => {
    const test = createTestManager(store, { clock, cache: { maxSessions: 2, maxBytes: 1e9 } });
    for (const id of ['a', 'b', 'a', 'c'])
      await changeOnce(test.manager, begin(`t-${id}-${clock.mono()}`, id), refOf(id)).then(() => {
        clock.advance(1);
      });
    expect(test.manager.stats.cached).to.equal(2);
    expect(test.manager.openCached(refOf('b'))).to.equal(undefined);
    expect(test.manager.openCached(refOf('a'))).not.to.equal(undefined);
    expect(test.counters.of('evicted')).to.equal(1);
  });

  it('goes by bytes, newly weighed each time it comes back', async () => {
    const test = createTestManager(store, { clock, cache: { maxSessions: 100, maxBytes: 16_000 } });
    await changeOnce(test.manager, begin('t1', 'small'), refOf('a'));
    await changeOnce(test.manager, begin('t1', 'small'), refOf('b'));
    expect(test.manager.stats.cached).to.equal(2);
    await changeOnce(test.manager, say('t1', 'x'.repeat(3_000)), refOf('b'));
    expect(test.manager.stats.cached).to.equal(1);
    expect(test.manager.stats.cachedBytes).to.be.within(12_000, 16_000);
    await changeOnce(test.manager, say('t1', 'x'.repeat(3_000)), refOf('b'));
    expect(test.manager.stats).to.deep.include({ cached: 0, cachedBytes: 0 });
  });

  it('stays outside the bounds of the cache while it is used or waits for the store', async () => {
    const test = createTestManager(store, { clock, cache: { maxSessions: 3, maxBytes: 1e9 } });
    const used = await opened(test.manager, refOf('used'));
    await used.change(begin('t1', 'one'));
    test.away = true;
    await changeOnce(test.manager, begin('t1', 'waits'), refOf('waits'));
    test.away = false;
    for (let i = 0; i < 10; i++) await changeOnce(test.manager, begin('t1', 'x'), refOf(`${i}`));
    expect(test.manager.stats).to.deep.include({ inUse: 2, cached: 3 });
    expect(test.manager.openCached(refOf('used'))).to.equal(used);
    for (const session of [...test.manager.pending.sessions]) await session.replay();
    expect(test.manager.stats.inUse).to.equal(1);
  });

  it('is refused to more at once than the bound', async () => {
    const { manager } = createTestManager(store, { clock, cache: { maxSessions: 5, maxBytes: 1e9 } });
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => manager.open(refOf(`${i}`), 'create')),
    );
    const refused = results.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(refused).to.have.length(15);
    for (const { reason } of refused)
      expect(reason instanceof ProtocolError && reason.reason).to.equal('RESOURCE_EXHAUSTED');
  });

  it('is looked at at once where nobody else writes to it, and only while that is as fresh as the store', async () => {
    const shared = createTestManager(store, { clock });
    await changeOnce(shared.manager, begin('t1', 'one'));
    expect(shared.manager.openCurrent(refOf())).to.equal(undefined);

    const test = createTestManager(store, { clock, coherence: 'exclusive' });
    const { manager } = test;
    expect(manager.openCurrent(refOf())).to.equal(undefined);
    manager.release(await opened(manager, refOf(), 'existing'));
    const current = manager.openCurrent(refOf());
    expect(current).to.equal(await manager.openFresh(refOf()));
    expect([current?.uses, current?.isConfirmed]).to.deep.equal([2, true]);
    if (current === undefined) throw new Error('it is there');
    manager.release(current);
    manager.release(current);

    test.away = true;
    expect(manager.openCurrent(refOf())).to.equal(undefined);
    test.away = false;
    clock.advance(HOUR);
    expect(manager.openCurrent(refOf())).to.equal(undefined);
    expect(manager.stats.inUse).to.equal(0);
  });

  it('holds nothing that was opened and failed', async () => {
    const test = createTestManager(store, { clock });
    await changeOnce(test.manager, begin('t1', 'one'));
    store.fault = () => {
      throw new SessionDamagedError('key', 'v');
    };
    const reading = await test.manager.openFresh(refOf()).catch((error: unknown) => error);
    expect(reading).to.be.instanceOf(SessionDamagedError);
    expect(test.manager.stats.inUse).to.equal(0);
    expect(await test.manager.open(refOf('b'), 'create').catch((error: unknown) => error)).to.be.instanceOf(
      SessionDamagedError,
    );
    expect(test.manager.stats.inUse).to.equal(0);
  });

  it('can be changed again once a damaged head is repaired', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    store.fault = () => {
      throw new SessionDamagedError('key', 'v');
    };
    const damaged = await session.change(say('t1', 'two')).catch((error: unknown) => error);
    expect(damaged instanceof ProtocolError && damaged.reason).to.equal('SESSION_DAMAGED');
    expect(test.logged.filter(({ event }) => event === 'session_damaged')).to.have.length(1);
    test.manager.release(session);
    store.always(undefined);
    expect(await changeOnce(test.manager, say('t1', 'three'))).to.equal('stored');
  });

  it('is read only here when it holds a record that this release does not know', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    const { cursor } = session.journal.session;
    const newer = (seq: number, json: string) =>
      memory.commit(refOf(), {
        expected: seq === 1 ? cursor : { ...cursor, head: cursor.head + 1, w: 'newer.1' },
        instance: 'newer',
        records: [{ seq, json }],
        expiry: { kind: 'keep' },
        tasks: [],
        aliases: [],
      });
    await newer(1, '{"t":"dance","at":1,"o":"newer.1","skippable":true}');
    expect(await session.change(say('t1', 'two'))).to.equal('stored');
    const at = session.journal.session.cursor;
    await memory.commit(refOf(), {
      expected: at,
      instance: 'newer',
      records: [
        { seq: 2, json: '{' },
        {
          seq: 3,
          json: '{"t":"message","at":1,"task":"t1","message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"after"}]},"o":"newer.3"}',
        },
      ],
      expiry: { kind: 'keep' },
      tasks: [],
      aliases: [],
    });
    await session.refresh();
    await session.refresh();
    expect(textsOf(session.view)).to.deep.equal(['one', 'two', 'after']);
    const damaged = await session.change(say('t1', 'x')).catch((error: unknown) => error);
    expect(damaged instanceof ProtocolError && damaged.reason).to.equal('SESSION_DAMAGED');
    const lines = test.logged.filter(({ event }) => event === 'record_damaged');
    expect(lines.map(({ fields }) => fields['field'])).to.deep.equal(['6']);
  });
});
