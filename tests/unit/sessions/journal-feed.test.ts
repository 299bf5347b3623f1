import { expect } from 'chai';
import type { FeedPosition } from '../../../server/sessions/feed-position.ts';
import type { JournalFollower } from '../../../server/sessions/journal-feed.ts';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { chunk, cursorOf, pullAll, tellAll } from '../../helpers/following.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  moveTo,
  opened,
  refOf,
  say,
  type TestManager,
} from '../../helpers/sessions.ts';

const DONE = moveTo('t1', 'TASK_STATE_COMPLETED');

describe('a follower of a task', () => {
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
  const isRead = (): number => store.calls.read ?? 0;

  it('is given what is stored from now on, in order, with where it leaves it', async () => {
    const follower = follow();
    await add('a', 'b');
    const { epoch } = session.journal.session;
    expect((await pullAll(follower)).told).to.deep.equal([
      { word: 'a', cursor: `${epoch}.4` },
      { word: 'b', cursor: `${epoch}.5` },
    ]);
    await session.change(DONE);
    expect(await tellAll(follower)).to.equal('completed');
    expect(await tellAll(follower)).to.equal('');
  });

  it('is not given what is on its way to the store', async () => {
    const follower = follow();
    store.once('commit', 'hang');
    const change = session.change(chunk('a'));
    expect(await tellAll(follower)).to.equal('');
    store.release();
    await change;
    expect(await tellAll(follower)).to.equal('a');
  });

  it('passes over the records of other tasks, and stands behind them', async () => {
    const follower = follow();
    await session.change(begin('t2', 'another'));
    await session.change(chunk('not mine', 't2'));
    expect(await tellAll(follower)).to.equal('');
    expect(follower.position.n).to.equal(session.view.head);
  });

  it('reads nothing from the store while memory reaches back to where it stands', async () => {
    const follower = follow();
    const before = isRead();
    for (let i = 0; i < 500; i += 100) {
      await add(...Array.from({ length: 100 }, (_, k) => `${i + k}`));
    }
    expect((await pullAll(follower)).told).to.have.length(500);
    expect(isRead()).to.equal(before);
  });

  it('reads from the store, in portions, what memory does not reach back to', async () => {
    const follower = follow();
    const texts = Array.from({ length: 1_200 }, (_, i) => `${i}`);
    await Promise.all(texts.map((text) => session.change(chunk(text))));
    const before = isRead();
    expect((await tellAll(follower)).split(' ')).to.deep.equal(texts);
    expect(isRead() - before).to.be.within(1, 3);
  });

  it('keeps no more than a mebibyte of records for those who follow', async () => {
    const follower = follow();
    const texts = Array.from({ length: 24 }, (_, i) => `${i}`.padEnd(100_000, '.'));
    for (const text of texts) await session.change(chunk(text));
    expect(session.journal.recent.after(session.view.head - 24)).to.equal(undefined);
    expect(session.journal.recent.after(session.view.head - 10)).to.have.length(10);
    expect((await tellAll(follower)).split(' ')).to.deep.equal(texts);
  });

  it('keeps nothing once nobody follows any more', async () => {
    const [one, other] = [follow(), follow()];
    one.close();
    one.close();
    await add('a');
    expect(session.journal.recent.after(session.view.head - 1)).to.have.length(1);
    other.close();
    expect(session.journal.recent.after(session.view.head - 1)).to.equal(undefined);
  });

  it('goes on behind its cursor, wherever in the journal that is', async () => {
    const follower = follow();
    await add('a', 'b', 'c', 'd');
    const { told } = await pullAll(follower);
    follower.close();
    for (const [i, { cursor }] of told.entries()) {
      expect(await tellAll(follow(cursorOf(cursor)))).to.equal(['b', 'c', 'd'].slice(i).join(' '));
    }
    const begun = follow(cursorOf(`${session.view.epoch}.0`));
    expect(await tellAll(begun)).to.equal('task "hello" a b c d');
  });

  it('has to begin anew with the cursor of another epoch, or one past the head', async () => {
    await add('a');
    const { epoch, head } = session.view;
    expect(await tellAll(follow({ epoch: 'other', n: 2 }))).to.equal('<reset>');
    expect(await tellAll(follow({ epoch, n: head + 1 }))).to.equal('<reset>');
    expect(await tellAll(follow({ epoch, n: head, deferred: { instance: 'i1', seq: 99 } }))).to.equal(
      '<reset>',
    );
    expect(await tellAll(follow({ epoch, n: 1, deferred: { instance: 'i9', seq: 1 } }))).to.equal('<reset>');
  });

  it('stands where the session stands once it has begun anew', async () => {
    const follower = follow({ epoch: 'other', n: 2 });
    expect(await tellAll(follower)).to.equal('<reset>');
    expect(follower.restart()).to.deep.equal({ epoch: session.view.epoch, n: session.view.head });
    await add('a');
    expect(await tellAll(follower)).to.equal('a');
  });

  it('is told when the session is gone', async () => {
    const follower = follow();
    await here.manager.remove(refOf());
    expect(await tellAll(follower)).to.equal('<gone>');
  });

  it('has to begin anew when the store lost what it stands on', async () => {
    await add('a', 'b');
    const follower = follow();
    await here.manager.remove(refOf());
    await session.change(begin('t1', 'once more'));
    expect(await tellAll(follower)).to.equal('<reset>');
  });

  it('is given nothing that the session itself has not taken in yet', async () => {
    const cursor = { epoch: session.view.epoch, n: 3 };
    await add('a');
    const there = createTestManager(store, { instance: 'i2' });
    await changeOnce(there.manager, chunk('b'));
    const follower = follow(cursor);
    expect(await tellAll(follower)).to.equal('a');
    await here.manager.catchUp(session);
    expect(await tellAll(follower)).to.equal('b');
  });

  it('has to begin anew when the store went back, even if it has come as far again since', async () => {
    const follower = follow();
    await add('a', 'b', 'c');
    const lagging = await store.read(refOf());
    await add('d', 'e', 'f');
    expect(await tellAll(follower)).to.equal('a b c d e f');
    await follower.pull();
    const at = { epoch: session.view.epoch, n: 4 };
    const early = follow(at);
    const read = store.read.bind(store);
    store.read = () => Promise.resolve(lagging);
    await here.manager.catchUp(session);
    store.read = read;
    expect(session.journal.session.head).to.equal(6);
    expect(await tellAll(early)).to.equal('<reset>');
    expect(await tellAll(follower)).to.equal('<reset>');
    expect(await tellAll(follow(at))).to.equal('b c d e f');
  });

  it('waits while what it needs is in a store that is away', async () => {
    const cursor = cursorOf(`${session.view.epoch}.2`);
    await add('a');
    const follower = follow(cursor);
    store.always('refuse', 'read');
    expect(await tellAll(follower)).to.equal('<unavailable>');
    store.always(undefined);
    expect(await tellAll(follower)).to.equal('"hello" a');
  });

  it('has to begin anew at a record that is missing or cannot be read', async () => {
    const inner = new MemorySessionStore();
    const damaging = new FaultyStore(inner, false);
    const read = damaging.read.bind(damaging);
    let damage: string | null | undefined;
    damaging.read = async (ref, after, renew) => {
      const found = await read(ref, after, renew);
      if (!found.found || damage === undefined) return found;
      const records = found.tail.records.map((one) => (one.n === 4 ? { n: 4, json: damage ?? null } : one));
      return { ...found, tail: { ...found.tail, records } };
    };
    const { manager } = createTestManager(damaging, { instance: 'i1' });
    await changeOnce(manager, begin('t1', 'hello'));
    const whole = await opened(manager);
    for (const text of ['a', 'b']) await whole.change(chunk(text));
    const cursor = { epoch: whole.view.epoch, n: 3 };
    expect(await tellAll(follow(cursor, whole))).to.equal('a b');
    for (const json of [null, '{"t":"artifact"', '{"t":"status","at":1}']) {
      damage = json;
      for (const follower of followers.splice(0)) follower.close();
      expect(await tellAll(follow(cursor, whole))).to.equal('<reset>');
      expect(await tellAll(follow({ ...cursor, n: 4 }, whole))).to.equal('b');
    }
  });

  it('wakes for what is new, for an abort, and after a while', async () => {
    const follower = follow();
    await follower.pull();
    const stop = new AbortController();
    const woken = follower.news(60_000, stop.signal);
    await session.change(say('t1', 'more'));
    await woken;
    expect(follower.hasNews).to.equal(true);
    await follower.news(60_000, stop.signal);
    await follower.pull();
    await follower.news(1, stop.signal);
    expect(follower.hasNews).to.equal(false);
    const left = follower.news(60_000, stop.signal);
    stop.abort();
    await left;
    await follower.news(60_000, stop.signal);
  });
});
