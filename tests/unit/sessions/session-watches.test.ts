import { expect } from 'chai';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  opened,
  refOf,
  say,
  type TestManager,
} from '../../helpers/sessions.ts';

describe('a session that is watched', () => {
  let inner: MemorySessionStore;
  let store: FaultyStore;
  let here: TestManager;
  let there: TestManager;
  let session: LiveSession;

  beforeEach(async () => {
    inner = new MemorySessionStore();
    store = new FaultyStore(inner, false);
    here = createTestManager(store, { instance: 'here' });
    there = createTestManager(new FaultyStore(inner, false), { instance: 'there' });
    await changeOnce(there.manager, begin('t1', 'one'));
    session = await opened(here.manager, refOf(), 'existing');
  });
  afterEach(async () => {
    store.always(undefined);
    store.release();
    here.manager.release(session);
    await here.manager.close();
    await there.manager.close();
  });

  const write = (text: string): Promise<unknown> => changeOnce(there.manager, say('t1', text));
  const reads = (): number => store.calls.read ?? 0;
  const isCurrent = async (): Promise<boolean> => {
    const read = await inner.read(refOf());
    return read.found && read.cursor.head === session.view.head;
  };

  it('learns what others write, from what was written before hints came on', async () => {
    await write('before');
    const unwatch = here.manager.watch(session);
    await eventually(isCurrent);
    for (let i = 0; i < 5; i += 1) {
      await write(`${i}`);
      await eventually(isCurrent, 300);
    }
    unwatch();
    const before = reads();
    await write('after');
    await new Promise((resolve) => setImmediate(resolve));
    expect(reads()).to.equal(before);
    expect(await isCurrent()).to.equal(false);
  });

  it('is read once for all who watch it, one read at a time and one for all that came meanwhile', async () => {
    const unwatch = Array.from({ length: 10 }, () => here.manager.watch(session));
    await eventually(() => here.manager.lookOf(session) !== undefined);
    expect(reads()).to.equal(2);
    store.always('hang', 'read');
    await write('0');
    await eventually(() => store.hanging === 1);
    for (let i = 1; i < 20; i += 1) await write(`${i}`);
    expect(reads()).to.equal(3);
    store.release();
    await eventually(() => store.hanging === 1);
    store.always(undefined);
    store.release();
    await eventually(isCurrent);
    expect(reads()).to.equal(4);
    for (const end of unwatch.slice(1)) {
      end();
      end();
    }
    await write('more');
    await eventually(isCurrent, 300);
    unwatch[0]?.();
    expect(here.manager.lookOf(session)).to.equal(undefined);
  });

  it('is not read for what it knows already, such as what was written here', async () => {
    const unwatch = here.manager.watch(session);
    await eventually(() => here.manager.lookOf(session) !== undefined);
    const before = reads();
    for (let i = 0; i < 10; i += 1) await session.change(say('t1', `own ${i}`));
    await new Promise((resolve) => setImmediate(resolve));
    expect(reads()).to.equal(before);
    unwatch();
  });

  it('is read now and then when no hints come', async () => {
    store.watch = () => Promise.resolve(() => undefined);
    const unwatch = here.manager.watch(session);
    await eventually(() => here.manager.lookOf(session) !== undefined);
    await write('unheard');
    expect(await isCurrent()).to.equal(false);
    await eventually(isCurrent, 2_400);
    unwatch();
  });

  it('is not read while the store is away, and is when it is back', async () => {
    const unwatch = here.manager.watch(session);
    await eventually(() => here.manager.lookOf(session) !== undefined);
    here.away = true;
    const [before, asked] = [reads(), here.awayAsked];
    await write('meanwhile');
    // At the hint, and when the poll's time has come.
    await eventually(() => here.awayAsked >= asked + 2);
    expect(reads()).to.equal(before);
    here.away = false;
    await eventually(isCurrent, 2_400);
    unwatch();
  });

  it('that is removed is known to be gone at once', async () => {
    const unwatch = here.manager.watch(session);
    await eventually(() => here.manager.lookOf(session)?.isThere === true);
    await there.manager.remove(refOf());
    await eventually(() => here.manager.lookOf(session)?.isThere === false, 300);
    unwatch();
  });

  it('is of no interest where nobody else writes', async () => {
    const alone = createTestManager(new FaultyStore(inner, true));
    const own = await opened(alone.manager, refOf(), 'existing');
    alone.manager.watch(own)();
    alone.manager.watch(own);
    await write('unseen');
    await new Promise((resolve) => setImmediate(resolve));
    expect(alone.manager.lookOf(own)).to.equal(undefined);
    alone.manager.release(own);
    await alone.manager.close();
  });
});
