import { expect } from 'chai';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  moveTo,
  opened,
  readAll,
  reasonOf,
  refOf,
  say,
  TestClock,
  textsOf,
  userMessage,
  type TestManager,
} from '../../helpers/sessions.ts';

describe('changing a session', () => {
  let clock: TestClock;
  let memory: MemorySessionStore;
  let store: FaultyStore;
  let test: TestManager;
  let other: TestManager;

  beforeEach(() => {
    clock = new TestClock();
    memory = new MemorySessionStore(clock.now);
    store = new FaultyStore(memory, false);
    test = createTestManager(store, { clock, instance: 'one' });
    other = createTestManager(new FaultyStore(memory, false), { clock, instance: 'two' });
  });

  it('commits what is decided together in one commit', async () => {
    const session = await opened(test.manager);
    await Promise.all([session.change(begin('t1', 'one')), session.change(say('t1', 'two'))]);
    expect(store.requests.map(({ records }) => records.length)).to.deep.equal([4]);
  });

  it('commits what is decided during a commit in one more', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    store.once('commit', 'hang');
    const first = session.change(say('t1', 'two'));
    await eventually(() => store.hanging === 1);
    const rest = Array.from({ length: 20 }, (_, i) => session.change(say('t1', `${i}`)));
    store.release();
    expect(await Promise.all([first, ...rest])).to.deep.equal(Array.from({ length: 21 }, () => 'stored'));
    expect(store.requests.map(({ records }) => records.length)).to.deep.equal([3, 1, 20]);
  });

  it('shows a change only once it is stored', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    store.once('commit', 'hold');
    const change = session.change(say('t1', 'two'));
    await eventually(() => store.hanging === 1);
    expect(textsOf(session.view)).to.deep.equal(['one']);
    expect(textsOf(session.draft)).to.deep.equal(['one', 'two']);
    store.release();
    await change;
    expect(textsOf(session.view)).to.deep.equal(['one', 'two']);
  });

  it('decides again, on what it missed, when the head had moved', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    await changeOnce(other.manager, say('t1', 'missed'));
    const seen: string[][] = [];
    await session.change((draft, at) => {
      seen.push(textsOf(draft));
      return say('t1', 'two')(draft, at);
    });
    expect(seen).to.deep.equal([['one'], ['one', 'missed']]);
    expect(textsOf(session.view)).to.deep.equal(['one', 'missed', 'two']);
  });

  it('refuses a change that the missed records forbid', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    await changeOnce(other.manager, moveTo('t1', 'TASK_STATE_CANCELED'));
    expect(await reasonOf(session.change(moveTo('t1', 'TASK_STATE_COMPLETED')))).to.equal(
      'UNSUPPORTED_OPERATION',
    );
    expect(session.view.task('t1')?.state).to.equal('TASK_STATE_CANCELED');
    expect(await readAll(memory)).to.have.length(4);
  });

  it('leaves nothing behind of a decision that throws half way', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    const half = session.change((draft, at) => [
      ...say('t1', 'half')(draft, at),
      { t: 'message', at, task: 'nowhere', message: userMessage('x') },
    ]);
    expect(await reasonOf(half)).to.equal('UNSUPPORTED_OPERATION');
    expect(textsOf(session.draft)).to.deep.equal(['one']);
  });

  it('answers `unchanged` without a round trip when there is nothing to store', async () => {
    const session = await opened(test.manager);
    expect(await session.change(() => [])).to.equal('unchanged');
    expect(store.calls.commit).to.equal(undefined);
  });

  it('renews the life of a session without adding to it', async () => {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    clock.advance(1_800_000);
    await session.change(() => [], { renews: true });
    const read = await memory.read(refOf());
    expect(read.found && [read.remainingMs, read.cursor.head]).to.deep.equal([3_600_000, 3]);
    store.once('commit', 'refuse');
    expect(await reasonOf(session.change(() => [], { renews: true }))).to.equal('STORE_UNAVAILABLE');
    expect(test.manager.pending.records).to.equal(0);
  });

  it('bounds a record, a session and its count, and lets a task end all the same', async () => {
    const limits = { recordMaxBytes: 300, sessionMaxBytes: 1_500, sessionMaxRecords: 8 };
    const bounded = createTestManager(store, { clock, limits });
    const session = await opened(bounded.manager);
    await session.change(begin('t1', 'one'));
    expect(await reasonOf(session.change(say('t1', 'x'.repeat(300))))).to.equal('RESOURCE_EXHAUSTED');
    const outcomes = new Set<string>();
    for (let i = 0; i < 10; i++) outcomes.add(await reasonOf(session.change(say('t1', 'x'.repeat(50)))));
    expect([...outcomes]).to.deep.equal(['it succeeded', 'RESOURCE_EXHAUSTED']);
    // A status that ends nothing could be said for ever.
    expect(await reasonOf(session.change(moveTo('t1', 'TASK_STATE_WORKING')))).to.equal('RESOURCE_EXHAUSTED');
    expect(await session.change(moveTo('t1', 'TASK_STATE_COMPLETED'))).to.equal('stored');
  });

  it('tells whoever listens of every change of what is shown, until they stop', async () => {
    const session = await opened(test.manager);
    const seen: number[] = [];
    const stop = session.observe(() => seen.push(session.view.head));
    await session.change(begin('t1', 'one'));
    expect(seen.at(-1)).to.equal(3);
    await changeOnce(other.manager, say('t1', 'elsewhere'));
    await session.refresh();
    expect(seen.at(-1)).to.equal(4);
    test.away = true;
    await session.change(say('t1', 'waits'));
    expect(seen.at(-1)).to.equal(5);
    stop();
    const { length } = seen;
    await session.change(say('t1', 'unheard'));
    expect(seen).to.have.length(length);
  });
});
