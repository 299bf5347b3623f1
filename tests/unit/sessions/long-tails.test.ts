import { expect } from 'chai';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { chunk, tellAll } from '../../helpers/following.ts';
import { begin, changeOnce, createTestManager, opened, type TestManager } from '../../helpers/sessions.ts';

/** More than three reads bring at once. */
const MISSED = 1_700;
/** Whoever reads more often than this would do so for ever, and no time-out would end it. */
const READS_MAX = 200;
const TEXTS = Array.from({ length: MISSED }, (_, n) => `c${n}`);

describe('a session that has missed more than one read brings', () => {
  let store: FaultyStore;
  let here: TestManager;
  let session: LiveSession;
  let there: LiveSession;

  beforeEach(async () => {
    const shared = new MemorySessionStore();
    store = new FaultyStore(shared, false);
    here = createTestManager(store, { instance: 'i1' });
    const other = createTestManager(new FaultyStore(shared, false), { instance: 'i2' });
    await changeOnce(here.manager, begin('t1', 'hello'));
    session = await opened(here.manager);
    there = await opened(other.manager);
    await Promise.all(TEXTS.map((text) => there.change(chunk(text))));
    const read = store.read.bind(store);
    store.read = (...args) => {
      if ((store.calls.read ?? 0) > READS_MAX) throw new Error('it reads without end');
      return read(...args);
    };
  });

  const texts = (): string[] =>
    [...(session.view.task('t1')?.toTask('s').artifacts ?? [])].flatMap(({ parts }) =>
      parts.map((part) => ('text' in part ? part.text : '?')),
    );

  it('is brought up to date by several who ask at once, none of whom takes it for one that went back', async () => {
    const follower = session.follow('t1');
    const { generation } = session.journal;
    const found = await Promise.all([1, 2, 3, 4].map(() => session.refresh()));
    expect(found).to.deep.equal([true, true, true, true]);
    expect(session.journal.generation).to.equal(generation);
    expect(texts()).to.deep.equal(TEXTS);
    expect((await tellAll(follower)).split(' ')).to.deep.equal(TEXTS);
    follower.close();
    // Each reads what is left, at most.
    expect(store.calls.read).to.be.below(1 + 4 * 5);
  });

  it('keeps what was acknowledged meanwhile, whoever reads while that is being stored', async () => {
    store.always('refuse');
    const own = ['x', 'y', 'z'];
    const outcomes = await Promise.all(own.map((text) => session.change(chunk(text))));
    expect(outcomes).to.deep.equal(['deferred', 'deferred', 'deferred']);
    store.always(undefined);
    await Promise.all([session.refresh(), session.replay(), session.refresh(), session.refresh()]);
    await session.replay();
    expect(session.persistence).to.equal('stored');
    expect(here.counters.of('refused')).to.equal(0);
    expect(texts()).to.deep.equal([...TEXTS, ...own]);
    await there.refresh();
    expect(there.view.head).to.equal(session.view.head);
  });
});
