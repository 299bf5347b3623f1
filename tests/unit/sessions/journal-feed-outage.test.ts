import { expect } from 'chai';
import type { FeedPosition } from '../../../server/sessions/feed-position.ts';
import type { JournalFollower } from '../../../server/sessions/journal-feed.ts';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { chunk, cursorOf, pullAll, tellAll } from '../../helpers/following.ts';
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
