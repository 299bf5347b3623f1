import { expect } from 'chai';
import { formatPosition, type FeedPosition } from '../../../server/sessions/feed-position.ts';
import type { JournalFollower } from '../../../server/sessions/journal-feed.ts';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import type { OutageJournal } from '../../../server/sessions/outage-journal.ts';
import { toDecided } from '../../../server/sessions/records.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { chunk, cursorOf, pullAll, tellAll } from '../../helpers/following.ts';
import { createRewindableStore } from '../../helpers/rewindable-store.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  moveTo,
  opened,
  refOf,
  type TestManager,
} from '../../helpers/sessions.ts';

const DONE = moveTo('t1', 'TASK_STATE_COMPLETED');

describe('a follower of a task whose store is away', () => {
  let store: FaultyStore;
  let here: TestManager;
  let session: LiveSession;
  const followers: JournalFollower[] = [];

  beforeEach(async () => {
    store = new FaultyStore(new MemorySessionStore(), false);
    here = createTestManager(store, { instance: 'i1' });
    await changeOnce(here.manager, begin('t1', 'hello'));
    session = await opened(here.manager);
  });
  afterEach(() => {
    for (const follower of followers.splice(0)) follower.close();
  });

  const follow = (from?: FeedPosition, of = session): JournalFollower => {
    const follower = of.follow('t1', from);
    followers.push(follower);
    return follower;
  };
  const add = async (...texts: string[]): Promise<void> => {
    for (const text of texts) await session.change(chunk(text));
  };

  describe('of a session whose store is away', () => {
    beforeEach(async () => {
      await add('a');
      store.always('refuse', 'commit');
    });
    const back = async (): Promise<void> => {
      store.always(undefined);
      await session.replay();
      expect(session.persistence).to.equal('stored');
    };

    it('is given what was acknowledged, and not once more when it is stored', async () => {
      const follower = follow();
      await add('b', 'c');
      const { epoch } = session.view;
      const { told } = await pullAll(follower);
      const cursors = told.map(({ word, cursor }) => `${word} ${cursor.replace(/\d+$/, '')}`);
      expect(cursors).to.deep.equal([`b ${epoch}.4~i1.`, `c ${epoch}.4~i1.`]);
      await back();
      expect(await tellAll(follower)).to.equal('');
      await add('d');
      expect((await pullAll(follower)).told).to.deep.equal([{ word: 'd', cursor: `${epoch}.7` }]);
    });

    it('goes on behind what it saw of it, before and after that is stored, here and elsewhere', async () => {
      const follower = follow();
      await add('b', 'c', 'd');
      const { told } = await pullAll(follower);
      const after = async (of?: LiveSession): Promise<string[]> => {
        const all = told.map(({ cursor }) => tellAll(follow(cursorOf(cursor), of)));
        return Promise.all(all);
      };
      expect(await after()).to.deep.equal(['c d', 'd', '']);
      const there = createTestManager(store, { instance: 'i2' });
      const other = await opened(there.manager);
      expect(await after(other)).to.deep.equal(['<reset>', '<reset>', '<reset>']);
      await back();
      expect(await after()).to.deep.equal(['c d', 'd', '']);
      await there.manager.catchUp(other);
      expect(await after(other)).to.deep.equal(['c d', 'd', '']);
      for (const follower of followers.splice(0)) follower.close();
      // With nothing in memory, so that whose the first record is has to be found out.
      expect(await after(other)).to.deep.equal(['c d', 'd', '']);
    });

    it('begins behind what was acknowledged before', async () => {
      await add('b');
      const follower = follow();
      expect(follower.position.deferred?.instance).to.equal('i1');
      await add('c');
      expect(await tellAll(follower)).to.equal('c');
      await back();
      expect(await tellAll(follower)).to.equal('');
    });

    it('is given what others stored in between, and its own not again behind it', async () => {
      const follower = follow();
      await add('b', 'c');
      expect(await tellAll(follower)).to.equal('b c');
      store.always(undefined);
      const there = createTestManager(store, { instance: 'i2' });
      await changeOnce(there.manager, chunk('x'));
      await add('d');
      await session.replay();
      expect(await tellAll(follower)).to.equal('x d');
    });

    it('is given nothing of what was refused when it came back', async () => {
      const follower = follow();
      await add('b');
      expect(await tellAll(follower)).to.equal('b');
      store.always(undefined);
      const there = createTestManager(store, { instance: 'i2' });
      await changeOnce(there.manager, DONE);
      await session.replay();
      expect(await tellAll(follower)).to.equal('completed');
      expect(session.view.head).to.equal(6);
      const late = follow(cursorOf(`${session.view.epoch}.4`));
      expect(await tellAll(late)).to.equal('completed');
    });

    it('is given what changes that are not acknowledged yet do not forestall', async () => {
      await add('b');
      store.always('hang', 'commit');
      const replay = session.replay();
      await eventually(() => store.hanging === 1);
      const live = session.change(chunk('c'));
      const follower = follow();
      expect([...session.view.tasks()][0]?.toTask('s1').artifacts[0]?.parts).to.have.length(2);
      expect(await tellAll(follower)).to.equal('');
      store.always(undefined);
      store.release();
      await Promise.all([replay, live]);
      expect(await tellAll(follower)).to.equal('c');
    });
  });

  it('is given nothing before what was made earlier, though the disk answers for the later change first', async () => {
    const writes: (() => void)[] = [];
    const outage: OutageJournal = {
      location: '',
      isFailing: false,
      changes: 0,
      left: () => Promise.resolve([]),
      keep: () => new Promise((resolve) => writes.push(resolve)),
      rebase: () => undefined,
      release: () => undefined,
      overwrite: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const { manager } = createTestManager(store, { instance: 'i2', outage });
    session = await opened(manager);
    const follower = follow();
    store.always('refuse', 'commit');
    const outcomes = Promise.all([session.change(chunk('b')), session.change(chunk('c'))]);
    await eventually(() => writes.length === 1);
    const last = session.change(chunk('d'));
    await eventually(() => writes.length === 2);
    writes[1]?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await tellAll(follower)).to.equal('');
    expect([...session.view.tasks()][0]?.artifacts.entries().next().done).to.equal(true);
    writes[0]?.();
    expect([...(await outcomes), await last]).to.deep.equal(['deferred', 'deferred', 'deferred']);
    expect(await tellAll(follower)).to.equal('b c d');
    store.always(undefined);
    await session.replay();
    expect(await tellAll(follower)).to.equal('');
    expect(session.persistence).to.equal('stored');
  });

  it('is told what failed its caller and was stored all the same, though later ones were acknowledged', async () => {
    await changeOnce(here.manager, begin('t2', 'another'));
    const follower = follow();
    store.fault = (method) => (method === 'commit' ? 'lose' : 'refuse');
    const failed = session.change(DONE, { mustStore: true }).catch(() => 'failed');
    const later = session.change(chunk('x', 't2'));
    expect([await failed, await later]).to.deep.equal(['failed', 'deferred']);
    expect(await tellAll(follower)).to.equal('');
    const { position } = follower;
    const late = follow();
    store.always(undefined);
    await session.replay();
    expect(await tellAll(follower)).to.equal('completed');
    expect(await tellAll(late)).to.equal('completed');
    expect(await tellAll(follow(cursorOf(formatPosition(position))))).to.equal('<reset>');
    const there = createTestManager(store, { instance: 'i2' });
    const other = await opened(there.manager);
    expect(await tellAll(follow(cursorOf(formatPosition(position)), other))).to.equal('<reset>');
  });

  it('is named by its cursor what it was given, where nothing in front of it can have been stored', async () => {
    const follower = follow();
    here.away = true;
    const failed = session.change(DONE, { mustStore: true }).catch(() => 'failed');
    const later = session.change(chunk('x'));
    expect([await failed, await later]).to.deep.equal(['failed', 'deferred']);
    expect(await tellAll(follower)).to.equal('x');
    expect(follower.position.deferred?.instance).to.equal('i1');
    expect(follower.position.isVague).to.equal(undefined);
  });

  it('is given once what had to be stored, and is stored again by a store that went back', async () => {
    const rewindable = createRewindableStore();
    const { manager } = createTestManager(rewindable.store, { instance: 'i1' });
    await changeOnce(manager, begin('t1', 'hello'));
    session = await opened(manager);
    await session.change(chunk('a'), { mustStore: true });
    await rewindable.goBack(1);
    await manager.catchUp(session);
    const follower = follow();
    expect(await tellAll(follower)).to.equal('');
    await session.replay();
    expect(session.persistence).to.equal('stored');
    expect([...(session.view.task('t1')?.artifacts.get('a')?.parts ?? [])]).to.have.length(1);
    expect(await tellAll(follower)).to.equal('');
  });

  it('is given once what a process that is gone and this one have acknowledged', async () => {
    const ref = refOf('s2');
    store.always('refuse');
    const begun = await opened(here.manager, ref);
    const left = [begin('t1', 'mine'), chunk('a')].flatMap((decide) => decide(begun.draft, 0));
    const records = left.map((body, i) => toDecided({ instance: 'i0', seq: i + 1 }, body));
    const base = { epoch: '', createEpoch: '', tombstone: '' };
    begun.takeUp([{ records, since: 0, slides: true }], base);
    const fromThere = follow(cursorOf('.0~i0.3'), begun);
    expect(await tellAll(fromThere)).to.equal('a');
    await begun.change(chunk('b'));
    const fromHere = follow(undefined, begun);
    await begun.change(chunk('c'));
    expect(await tellAll(fromThere)).to.equal('b c');
    expect(await tellAll(fromHere)).to.equal('c');
    const cursors = [fromThere, fromHere].map(({ position }) => cursorOf(formatPosition(position)));
    store.always(undefined);
    await begun.replay();
    expect(begun.persistence).to.equal('stored');
    await begun.change(chunk('d'));
    expect([await tellAll(fromThere), await tellAll(fromHere)]).to.deep.equal(['d', 'd']);
    for (const cursor of cursors) expect(await tellAll(follow(cursor, begun))).to.equal('<reset>');
  });

  it('follows a session that has not begun in the store into the one it becomes', async () => {
    const ref = refOf('s2');
    store.always('refuse');
    const provisional = await opened(here.manager, ref);
    await provisional.change(begin('t1', 'mine'));
    const follower = follow(undefined, provisional);
    await provisional.change(chunk('a'));
    const { told } = await pullAll(follower);
    expect(told.map(({ word }) => word)).to.deep.equal(['a']);
    store.always(undefined);
    const there = createTestManager(store, { instance: 'i2' });
    await changeOnce(there.manager, begin('t9', 'theirs'), ref);
    await provisional.replay();
    here.clock.advance(1_000);
    expect(await provisional.change(chunk('b'))).to.equal('stored');
    expect(await tellAll(follower)).to.equal('b');
    expect(await tellAll(follow(cursorOf(told[0]?.cursor ?? ''), provisional))).to.equal('b');
    const other = await opened(there.manager, ref);
    await there.manager.catchUp(other);
    expect(await tellAll(follow(cursorOf(told[0]?.cursor ?? ''), other))).to.equal('b');
  });
});
