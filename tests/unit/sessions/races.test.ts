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
  reasonOf,
  refOf,
  say,
  TestClock,
  textsOf,
  userMessage,
} from '../../helpers/sessions.ts';

const failure = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it succeeded',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

describe('a session whose store answers late, twice, or not at all', () => {
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

  it('decides again what waits behind a commit when a read says that the session is gone', async () => {
    const { manager } = createTestManager(store, { clock });
    const session = await opened(manager);
    await session.change(begin('t1', 'one'));
    store.once('commit', 'hold');
    const first = session.change(say('t1', 'two'));
    await eventually(() => store.hanging === 1);
    const second = failure(session.change(say('t1', 'three')));
    await memory.remove(refOf(), HOUR);
    expect(await session.refresh()).to.equal(false);
    store.release();
    expect(await first).to.equal('stored');
    expect(await second).to.include('not possible');
    expect(await readAll(memory)).to.deep.equal([]);
    expect(store.requests.map(({ createEpoch }) => createEpoch !== undefined)).to.deep.equal([true, false]);
  });

  it('is not changed by who finds in front of a change what cannot be read', async () => {
    const { manager } = createTestManager(store, { clock });
    const session = await opened(manager);
    await session.change(begin('t1', 'one'));
    const { cursor } = session.journal.session;
    await memory.commit(refOf(), {
      expected: cursor,
      instance: 'newer',
      records: [{ seq: 1, json: '~' }],
      expiry: { kind: 'keep' },
      tasks: [],
      aliases: [],
    });
    expect(await reasonOf(session.change(say('t1', 'two')))).to.equal('SESSION_DAMAGED');
    expect(await readAll(memory)).to.have.length(cursor.head + 1);
    expect(session.journal.seqOf(manager.instance)).to.be.at.most(cursor.head);
    expect(session.isPending).to.equal(false);
    expect(textsOf(session.view)).to.deep.equal(['one']);
  });

  it('loses nothing that was acknowledged to records that cannot be read, whosever they seem to be', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    const { cursor } = session.journal.session;
    test.away = true;
    expect(await session.change(say('t1', 'two'))).to.equal('deferred');
    // The second one counts on from the first.
    const json = '{"t":"state","at":1,"task":"t1","key":"k","value":1}';
    await memory.commit(refOf(), {
      expected: cursor,
      instance: 'newer',
      records: [
        { seq: 1, json: '~' },
        { seq: 2, json },
      ],
      expiry: { kind: 'keep' },
      tasks: [],
      aliases: [],
    });
    test.away = false;
    await session.replay();
    const stored = (await readAll(memory)).map((record) => record.json ?? '');
    expect(stored).to.have.length(cursor.head + 3);
    expect(stored.at(-1)).to.include('"two"');
    expect(session.isPending).to.equal(false);
  });

  it('is not ended by a read that was answered before it began', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    store.once('read', 'hold');
    const read = session.refresh();
    await eventually(() => store.hanging === 1);
    await memory.remove(refOf(), HOUR);
    expect(await session.change(begin('t2', 'two'))).to.equal('stored');
    test.away = true;
    expect(await session.change(say('t2', 'three'))).to.equal('deferred');
    store.release();
    expect(await read).to.equal(true);
    expect(textsOf(session.view)).to.deep.equal(['two', 'three']);
    test.away = false;
    await session.replay();
    expect(test.counters.counts).not.to.have.keys('dropped lost', 'dropped deleted');
    expect(await readAll(memory)).to.have.length(4);
  });

  it('is not ended by a commit that was answered before its successor was met', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    await memory.remove(refOf(), HOUR);
    await changeOnce(other.manager, begin('t2', 'successor'));
    store.once('commit', 'hold');
    const late = failure(session.change(say('t1', 'late')));
    await eventually(() => store.hanging === 1);
    expect(await session.refresh()).to.equal(true);
    expect(await session.change(say('t2', 'waits'), { deadline: clock.mono() })).to.equal('deferred');
    store.release();
    expect(await late).to.equal('store unavailable');
    await session.replay();
    expect(textsOf(session.view)).to.deep.equal(['successor', 'waits']);
    expect(test.counters.of('dropped lost')).to.equal(0);
  });

  it('does not acknowledge what was decided on a change that failed', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    store.once('commit', 'refuse');
    const first = failure(session.change(begin('t1', 'one'), { mustStore: true }));
    const second = failure(session.change(say('t1', 'two')));
    expect(await first).to.equal('store unavailable');
    expect(await second).to.equal('store unavailable');
    expect(session.isPending).to.equal(false);
    expect(test.manager.pending.records).to.equal(0);
    expect(await session.change(begin('t2', 'three'))).to.equal('stored');
    expect(textsOf(session.view)).to.deep.equal(['three']);
  });

  it('acknowledges what does not depend on a change that failed', async () => {
    const { manager } = createTestManager(store, { clock });
    const session = await opened(manager);
    await session.change(begin('t1', 'one'));
    store.once('commit', 'lose');
    const first = failure(session.change(begin('t2', 'unknown'), { mustStore: true }));
    const second = session.change(say('t1', 'two'));
    expect(await first).to.equal('store unavailable');
    expect(await second).to.equal('deferred');
    await session.replay();
    // What was lost was only the answer: that it had failed could not be known.
    expect(textsOf(session.view)).to.deep.equal(['one', 'unknown', 'two']);
    expect(await readAll(memory)).to.have.length(6);
  });

  it('merges once although reading the other session fails half way', async () => {
    const filler = Array.from({ length: TAIL_MAX_RECORDS }, (_, i) => `filler ${i}`);
    await changeOnce(other.manager, begin('o1', 'hello'));
    for (const text of filler) await changeOnce(other.manager, say('o1', text));
    const test = createTestManager(store, { clock });
    store.once('read', 'refuse');
    test.away = true;
    const session = await opened(test.manager);
    expect(await session.change(begin('t1', 'hello'))).to.equal('deferred');
    test.away = false;
    store.once('read', 'refuse');
    await session.replay();
    expect(session.persistence).to.equal('deferred');
    await session.replay();
    expect(session.persistence).to.equal('stored');
    expect(textsOf(session.view)).to.deep.equal(['hello', ...filler]);
    expect(session.view.task('t1')?.by).to.equal('i1.1');
    expect(test.counters.of('refused')).to.equal(0);
  });

  it('lives as long as a live write says although old records are stored with it', async () => {
    const test = createTestManager(store, { clock });
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    store.once('commit', 'refuse');
    expect(await session.change(say('t1', 'old'))).to.equal('deferred');
    clock.advance(HOUR / 2);
    store.once('commit', 'hang');
    const replay = session.replay();
    await eventually(() => store.hanging === 1);
    const live = session.change(say('t1', 'live'));
    // Another one's record makes the waiting one and the live one go together.
    await changeOnce(other.manager, say('t1', 'between'), refOf(), { slides: false });
    store.release();
    await replay;
    expect(await live).to.equal('stored');
    const read = await memory.read(refOf());
    expect(read.found && read.remainingMs).to.equal(HOUR);
    expect(session.journal.expiresAt - clock.mono()).to.equal(HOUR);
  });

  it('refuses a change of more records than one commit can take, and stays usable', async () => {
    const { manager } = createTestManager(store, { clock });
    const session = await opened(manager);
    await session.change(begin('t1', 'one'));
    const many = session.change((_draft, at) =>
      Array.from({ length: TAIL_MAX_RECORDS + 1 }, (_, i) => ({
        t: 'message' as const,
        at,
        task: 't1',
        message: userMessage(`${i}`),
      })),
    );
    expect(await failure(many)).to.include('too many records');
    expect(await session.change(say('t1', 'two'))).to.equal('stored');
  });
});
