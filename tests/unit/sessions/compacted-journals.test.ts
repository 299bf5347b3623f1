import { expect } from 'chai';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import {
  chunk,
  chunkTexts,
  endTask,
  identitiesOf,
  shown,
  streamInto,
  wordsOf,
} from '../../helpers/chunked-tasks.ts';
import { eventually } from '../../helpers/eventually.ts';
import { begin, moveTo, opened, readAll, reasonOf, say } from '../../helpers/sessions.ts';
import { artifacts, RESUME_MS, useEndedTasks } from './ended-task-world.ts';

describe('an ended task whose chunks are compacted', () => {
  const at = useEndedTasks();

  it('is right for a copy that stood in its middle', async () => {
    const other = at.start('i2');
    const session = await at.streamed(chunkTexts(10));
    const behind = await opened(other.manager);
    for (const text of chunkTexts(10, 10)) await session.change(chunk('t1', text));
    await session.change(endTask('t1'));
    await at.compact(session);
    expect(behind.view.head).to.equal(13);
    await other.manager.catchUp(behind);
    expect(shown(behind.view)).to.deep.equal(shown(session.view));
    expect(other.logged.filter(({ event }) => event === 'record_damaged')).to.deep.equal([]);
    expect(await behind.change(begin('t9', 'on'))).to.equal('stored');
  });

  it('leaves the identity of every other record as it was, whoever wrote between the chunks', async () => {
    const [one, two] = [at.start('i1'), at.start('i2')];
    const mine = await at.streamed(chunkTexts(6), one);
    const theirs = await opened(two.manager);
    const more = chunkTexts(60, 6);
    for (const [i, text] of more.entries()) {
      // Others' records between the chunks, and in one commit with them.
      const also = i % 13 === 0 ? [theirs.change(say('t1', `their ${i}`))] : [];
      const own = i % 7 === 0 ? [mine.change(say('t1', `my ${i}`))] : [];
      await Promise.all([mine.change(chunk('t1', text)), ...own, ...also]);
    }
    await mine.change(endTask('t1'));
    const before = identitiesOf(await readAll(at.memory));
    await at.compact(mine);
    const records = await readAll(at.memory);
    expect(wordsOf(records).filter((word) => word === '-').length).to.be.above(20);
    for (const [n, identity] of identitiesOf(records))
      if (before.has(n)) expect(identity, `${n}`).to.equal(before.get(n));
    const again = await at.reread();
    expect(again.view.w).to.deep.equal(mine.view.w);
    expect(shown(again.view)).to.deep.equal(shown(mine.view));
  });

  it('is compacted once, however many instances find it due', async () => {
    const session = await at.streamed();
    const other = await opened(at.start('i2').manager);
    await session.change(endTask('t1'));
    await at.start('i3').manager.catchUp(other);
    at.clock.advance(RESUME_MS);
    await Promise.all([session.change(begin('t2', 'two')), other.change(begin('t3', 'three'))]);
    expect(await at.count('compacted')).to.equal(1);
    for (const [i, copy] of [session, other].entries()) {
      await at.managers[i]?.manager.catchUp(copy);
      expect(shown(copy.view)).to.deep.equal(shown((await at.reread()).view));
    }
  });

  it('is read alike when its chunks were not deleted after all, and rid of them when it is next loaded', async () => {
    const session = await at.streamed();
    await session.change(endTask('t1'));
    at.store.always('refuse', 'compact');
    await at.compact(session);
    expect(await at.words()).to.not.include('-');
    at.store.always(undefined);
    const again = await at.reread();
    expect(shown(again.view)).to.deep.equal(shown(session.view));
    await eventually(async () => (await at.words()).includes('-'));
    expect(shown((await at.reread()).view)).to.deep.equal(shown(session.view));
    expect(at.store.calls.compact).to.equal(2);
    const read = await at.memory.read(session.ref);
    expect(read.found && read.bytes).to.equal(again.view.bytes);
  });

  it('is compacted by the commit whose answer was lost, too', async () => {
    const session = await at.streamed();
    await session.change(endTask('t1'));
    at.clock.advance(RESUME_MS);
    at.store.once('commit', 'lose');
    await session.change(begin('t2', 'later'));
    at.store.always(undefined);
    await session.replay();
    await eventually(() => at.store.calls.compact === 1);
    expect(await at.count('compacted')).to.equal(1);
    expect(shown((await at.reread()).view)).to.deep.equal(shown(session.view));
  });

  it('is not compacted by a deferred change with numbers that are not final', async () => {
    const test = at.start('i1');
    const session = await at.streamed(chunkTexts(20), test);
    const other = await opened(at.start('i2').manager);
    test.away = true;
    await session.change(endTask('t1'));
    await other.change(say('t1', 'in between'));
    at.clock.advance(RESUME_MS);
    await session.change(begin('t2', 'later'));
    test.away = false;
    await session.replay();
    await session.change(say('t2', 'and later'));
    // It ended while the store was away: it stays in chunks.
    const all = await at.words();
    expect(
      all.filter((word) => word === 'whole' || word === 'compacted' || word === 'refused'),
    ).to.deep.equal([]);
    expect(shown((await at.reread()).view)).to.deep.equal(shown(session.view));
  });

  it('keeps chunks that whoever ended it had not seen', async () => {
    const settling = at.start('i2');
    const session = await at.streamed(chunkTexts(20));
    const other = await opened(settling.manager);
    // The end is decided on what is known, and acknowledged while its commit hangs.
    at.store.once('commit', 'late');
    expect(await other.change(endTask('t1', 'TASK_STATE_FAILED'), { slides: false })).to.equal('deferred');
    await session.change(chunk('t1', 'unseen'));
    await other.replay();
    await at.store.runLate();
    await settling.manager.catchUp(other);
    const again = await at.reread();
    expect(again.view.task('t1')?.state).to.equal('TASK_STATE_FAILED');
    expect(JSON.stringify(artifacts(again))).to.contain('unseen');
    expect(shown(again.view)).to.deep.equal(shown(other.view));
    expect(await at.words()).to.not.include('refused');
  });

  it('is not compacted while a webhook is still to be told of it', async () => {
    const session = await opened(at.start('i1').manager);
    await session.change(begin('t1', 'one'));
    await session.change((_draft, at) => [
      { t: 'push', at, task: 't1', id: 'p', config: { url: 'https://example.com/hook' } },
    ]);
    await streamInto(session, 't1', chunkTexts(20));
    await session.change(endTask('t1'));
    at.clock.advance(RESUME_MS);
    await session.change(begin('t2', 'later'));
    expect(await at.words()).to.not.include('compacted');
    await session.change((draft, at) => [{ t: 'receipt', at, task: 't1', id: 'p', upTo: draft.head }]);
    await session.change(say('t2', 'later still'));
    expect(await at.words()).to.include('compacted');
  });

  it('does not hide damage: what is missing elsewhere is reported, once, and nothing is changed any more', async () => {
    const session = await at.streamed();
    await session.change(endTask('t1'));
    await at.compact(session);
    const { epoch } = session.view;
    // The message of the task, and a record behind the chunks.
    await at.memory.compact(session.ref, epoch, [[3, 3]]);
    const reader = at.start('r');
    const again = await opened(reader.manager);
    expect(again.view.readOnly).to.equal(true);
    const damaged = reader.logged.filter(({ event }) => event === 'record_damaged');
    expect(damaged.map(({ fields }) => fields['field'])).to.deep.equal(['3']);
    expect(reader.counters.of('damaged')).to.equal(1);
    expect(await reasonOf(again.change(say('t1', 'on')))).to.equal('SESSION_DAMAGED');
    expect(artifacts(again)).to.deep.equal(artifacts(session));
  });

  it('is compacted in portions, each bounded, when its chunks are scattered', async () => {
    const session = await at.streamed(chunkTexts(1));
    for (let run = 0; run < 40; run++) {
      await streamIntoOne(session, run);
      await session.change(moveTo('t1', 'TASK_STATE_WORKING'));
    }
    await session.change(endTask('t1'));
    await at.compact(session);
    const count = async (): Promise<number> =>
      (await at.words()).filter((word) => word === 'compacted').length;
    expect(await count()).to.equal(16);
    for (const expected of [32, 40, 40]) {
      await session.change(begin(`more ${expected} ${at.clock.now()}`, 'x'));
      at.clock.advance(1);
      expect(await count()).to.equal(expected);
    }
    await eventually(async () => (await at.words()).filter((word) => word === '-').length === 200);
    expect(shown((await at.reread()).view)).to.deep.equal(shown(session.view));
  });

  async function streamIntoOne(session: LiveSession, run: number): Promise<void> {
    await Promise.all(chunkTexts(5, run * 5).map((text) => session.change(chunk('t1', text))));
  }

  it('goes on where many tasks have ended, one after the other', async () => {
    const session = await opened(at.start('i1').manager);
    for (const task of ['t1', 't2', 't3']) {
      await session.change(begin(task, task));
      await streamInto(session, task, chunkTexts(20));
      await session.change(endTask(task));
      at.clock.advance(RESUME_MS / 2);
    }
    // The first is due already, the second with the next commit, the third later.
    const order: number[] = [];
    for (let i = 0; i < 4; i++) {
      order.push((await at.words()).filter((word) => word === 'compacted').length);
      await session.change(begin(`u${i}`, 'x'));
      at.clock.advance(RESUME_MS / 4);
    }
    expect(order).to.deep.equal([1, 2, 2, 3]);
  });
});
