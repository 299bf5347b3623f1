import { expect } from 'chai';
import { TASK_STATES, isTerminal } from '../../../protocol/task-state.ts';
import { isCompacted } from '../../../server/sessions/ended-tasks.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { chunk, chunkTexts, endTask, identitiesOf, shown, wordsOf } from '../../helpers/chunked-tasks.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { begin, opened, readAll, reasonOf, refOf, say } from '../../helpers/sessions.ts';
import { artifacts, RESUME_MS, useEndedTasks } from './ended-task-world.ts';

describe('a task that has ended', () => {
  const at = useEndedTasks();

  for (const state of TASK_STATES.filter(isTerminal)) {
    for (const by of ['i1.1', undefined]) {
      it(`has its chunked artifact whole in front of ${state}, in one commit, said by ${by ?? 'somebody else'}`, async () => {
        const session = await at.streamed();
        const before = artifacts(session);
        const commits = at.store.requests.length;
        await session.change(endTask('t1', state, by));
        expect(at.store.requests.length - commits).to.equal(1);
        expect((await at.words()).slice(-3)).to.deep.equal(['artifact', 'whole', 'status']);
        expect(artifacts(session)).to.deep.equal(before);
        expect(artifacts(await at.reread())).to.deep.equal(before);
      });
    }
  }

  for (const [what, texts] of [
    ['few chunks', chunkTexts(8)],
    ['chunks so large that little would be saved', chunkTexts(20).map((text) => text.padEnd(2_000))],
    ['chunks of more than fits a commit', Array.from({ length: 5_000 }, () => 'x'.repeat(300))],
  ] as const) {
    it(`stays as it is with ${what}`, async () => {
      const session = await at.streamed([...texts]);
      await session.change(endTask('t1'));
      expect(await at.words()).to.not.include('whole');
      at.clock.advance(RESUME_MS);
      await session.change(begin('t2', 'later'));
      expect(await at.words()).to.not.include('compacted');
    });
  }

  it('has all its chunks where it was ended from memory while another instance stored one more', async () => {
    await at.streamed();
    const other = await opened(at.start('i2').manager);
    const ahead = await opened(at.start('i3', {}, new FaultyStore(at.memory, false)).manager);
    at.store.once('commit', 'refuse');
    expect(await other.change(endTask('t1'))).to.equal('deferred');
    await ahead.change(chunk('t1', 'one more'));
    await other.replay();
    expect(await at.words()).to.not.include('whole');
    expect((await at.words()).slice(-2)).to.deep.equal(['artifact', 'status']);
    const texts = [...chunkTexts(20), 'one more'].map((text) => ({ text }));
    expect(artifacts(other)).to.deep.equal([{ artifactId: 'a', parts: texts }]);
    expect(artifacts(await at.reread())).to.deep.equal(artifacts(other));
  });

  it('loses its chunks with the first commit after the time to resume, and nothing before that', async () => {
    const session = await at.streamed();
    await session.change(endTask('t1'));
    const before = shown(session.view);
    at.clock.advance(RESUME_MS - 1);
    await session.change(begin('t2', 'early'));
    expect(await at.words()).to.not.include('compacted');
    expect(at.store.calls.compact).to.equal(undefined);
    at.clock.advance(1);
    await session.change(say('t2', 'later'));
    await eventually(() => at.store.calls.compact === 1);
    const all = await at.words();
    // The first chunk says where the artifact stands among others.
    expect(all.join(' ')).to.equal(
      `created task message artifact ${'- '.repeat(19)}whole status task message compacted message`,
    );
    const again = await at.reread();
    expect(shown(again.view)).to.deep.equal(shown(session.view));
    expect((shown(again.view) as { tasks: unknown[] }).tasks[0]).to.deep.equal(
      (before as { tasks: unknown[] }).tasks[0],
    );
    expect([
      isCompacted(again.view, 4),
      isCompacted(again.view, 5),
      isCompacted(again.view, 23),
    ]).to.deep.equal([false, true, true]);
    // Once is enough.
    at.clock.advance(RESUME_MS);
    await session.change(say('t2', 'later still'));
    await again.change(say('t2', 'and later'));
    expect(await at.count('compacted')).to.equal(1);
    expect(at.store.calls.compact).to.equal(1);
  });

  it('makes no commit for that', async () => {
    const session = await at.streamed();
    await session.change(endTask('t1'));
    at.clock.advance(RESUME_MS);
    const commits = at.store.requests.length;
    expect(await session.change(() => [])).to.equal('unchanged');
    expect(at.store.requests.length).to.equal(commits);
    // A renewal is one anyhow.
    await session.change(() => [], { renews: true });
    expect((await at.words()).at(-1)).to.equal('compacted');
  });

  it('loses its chunks also when they came in the commit that ended it', async () => {
    const session = await opened(at.start('i1').manager);
    await session.change(begin('t1', 'one'));
    const chunks = chunkTexts(20).map((text, i) => session.change(chunk('t1', text, 'a', i > 0)));
    const commits = at.store.requests.length;
    await Promise.all([...chunks, session.change(endTask('t1'))]);
    expect(at.store.requests.length - commits).to.equal(1);
    await at.compact(session);
    expect(await at.count('-')).to.equal(19);
  });

  it('keeps chunks on which the identity of another record leans, as others may have written them', async () => {
    const written = (body: object, o?: string): string =>
      JSON.stringify({ at: at.clock.now(), task: 't1', ...body, o });
    const chunks = (count: number): string[] =>
      chunkTexts(count).map((text) =>
        written({ t: 'artifact', artifact: { artifactId: 'a', parts: [{ text }] }, append: true }),
      );
    const jsons = [
      written({ t: 'created' }, 'old.1'),
      written({ t: 'task', by: 'old.1' }),
      ...chunks(11),
      written({ t: 'message', message: { messageId: 'm', role: 'ROLE_USER', parts: [] } }),
      ...chunks(10),
    ];
    await at.memory.commit(refOf(), {
      expected: { epoch: '', head: 0, w: '' },
      createEpoch: 'e1',
      instance: 'old',
      records: jsons.map((json, i) => ({ seq: i + 1, json })),
      expiry: { kind: 'slide', ttlMs: 3_600_000 },
      tasks: [],
      aliases: [],
    });
    const before = identitiesOf(await readAll(at.memory));
    const session = await at.reread();
    await session.change(endTask('t1'));
    await at.compact(session);
    const records = await readAll(at.memory);
    expect(wordsOf(records).filter((word) => word === '-')).to.have.length(10);
    for (const [n, identity] of identitiesOf(records))
      if (before.has(n)) expect(identity, `${n}`).to.equal(before.get(n));
  });

  it('gives back the room of its chunks, here and in the store alike', async () => {
    const session = await at.streamed(chunkTexts(100));
    await session.change(endTask('t1'));
    const { bytes } = session.view;
    await at.compact(session);
    expect(session.view.bytes).to.be.below(bytes / 2);
    const read = await at.memory.read(session.ref);
    expect((await at.reread()).view.bytes).to.equal(read.found && read.bytes);
    // Here the identities are not counted, which are made when a record is stored.
    expect(read.found && read.bytes - session.view.bytes).to.be.within(0, 200);
  });

  it('makes room for the very message on which that rides', async () => {
    const test = at.start('i1', { sessionMaxBytes: 24_000 });
    const session = await at.streamed(chunkTexts(150), test);
    await session.change(endTask('t1'));
    const large = 'x'.repeat(8_000);
    expect(await reasonOf(session.change(begin('t2', large)))).to.equal('RESOURCE_EXHAUSTED');
    at.clock.advance(RESUME_MS);
    expect(await session.change(begin('t2', large))).to.equal('stored');
  });

  it('ends all the same where its artifact would not fit a second time', async () => {
    const elsewhere = at.start('i0', {}, new FaultyStore(new MemorySessionStore(at.clock.now)));
    const { bytes } = (await at.streamed(chunkTexts(120), elsewhere)).view;
    const session = await at.streamed(chunkTexts(120), at.start('i1', { sessionMaxBytes: bytes + 1_000 }));
    await session.change(endTask('t1'));
    expect(await at.words()).to.not.include('whole');
    expect(session.view.task('t1')?.state).to.equal('TASK_STATE_COMPLETED');
  });

  it('keeps the order of its artifacts', async () => {
    const session = await at.streamed(chunkTexts(2));
    await session.change(chunk('t1', 'second', 'b', false));
    for (const text of chunkTexts(20, 2)) await session.change(chunk('t1', text));
    await session.change(endTask('t1'));
    const before = artifacts(session);
    await at.compact(session);
    const after = await at.reread();
    expect(artifacts(after)).to.deep.equal(before);
    expect([...(after.view.task('t1')?.artifacts.entries() ?? [])].map(([id]) => id)).to.deep.equal([
      'a',
      'b',
    ]);
  });
});
