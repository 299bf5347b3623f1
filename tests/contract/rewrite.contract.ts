import { expect } from 'chai';
import type { Rewrite } from '../../server/sessions/rewrite-store.ts';
import { errorOf, HOUR, jsonsOf, readFound, refOf, taskOf, Writer, type Suite } from './harness.ts';

/** Texts are put as they are, so they are looked at in the store that keeps them: a sealing one would not open them. */
export function describeRewrites(suite: Suite): void {
  const kept = () => suite.harness.raw ?? suite.store;
  const rewrite = (epoch: string, ...rewrites: Rewrite[]): Promise<number> =>
    suite.store.rewrite(refOf(), epoch, rewrites);
  const texts = async (): Promise<string[]> =>
    jsonsOf(await readFound(kept(), refOf())).map((json) => json ?? 'none');
  const summaryOf = async (): Promise<string> =>
    (await kept().listTasks('acme', { limit: 10 })).tasks[0]?.summary ?? 'none';

  describe('stored texts in another form', () => {
    it('are put in their place, and nothing else changes but the size', async () => {
      const writer = await new Writer(suite.store).create(['1', '22', '333']);
      const before = await readFound(kept(), refOf());
      const [one, two, three] = await texts();
      const done = await rewrite(
        'e1',
        { at: 1, from: one!, to: '~longer é' },
        { at: 3, from: three!, to: '~' },
      );
      expect(done).to.equal(2);
      expect(await texts()).to.deep.equal(['~longer é', two, '~']);
      const { cursor, bytes, remainingMs } = await readFound(kept(), refOf());
      expect(cursor).to.deep.equal(before.cursor);
      const size = Buffer.byteLength(`~longer é${two!}~`);
      expect(bytes).to.equal(size);
      expect(remainingMs).to.be.within(1, before.remainingMs);
      await writer.append(['4']);
      expect((await readFound(kept(), refOf())).bytes).to.equal(size + suite.sizeOf('4'));
    });

    it('stay where they are not what was read any more, or are gone', async () => {
      await new Writer(suite.store).create(['1', '22', '333']);
      const [one, two, three] = await texts();
      await suite.store.compact(refOf(), 'e1', [[2, 2]]);
      const { bytes } = await readFound(kept(), refOf());
      const done = await rewrite(
        'e1',
        { at: 1, from: `${one!} `, to: '~a' },
        { at: 2, from: two!, to: '~b' },
        { at: 4, from: '', to: '~c' },
      );
      expect(done).to.equal(0);
      expect(await texts()).to.deep.equal([one, 'none', three]);
      expect((await readFound(kept(), refOf())).bytes).to.equal(bytes);
    });

    it('are not put into a session that has begun anew, was removed, or never was', async () => {
      await new Writer(suite.store).create(['1']);
      const [one] = await texts();
      const change = { at: 1, from: one!, to: '~' };
      expect(await rewrite('e2', change)).to.equal(0);
      expect(await texts()).to.deep.equal([one]);
      await suite.store.remove(refOf(), HOUR);
      expect(await rewrite('e1', change)).to.equal(0);
      expect(await suite.store.read(refOf())).to.have.property('found', false);
      expect(await suite.store.rewrite(refOf('never'), 'e1', [change])).to.equal(0);
      expect(await suite.store.read(refOf('never'))).to.deep.equal({ found: false });
    });

    it('may be summaries of tasks, which keep their place in the lists and count for nothing', async () => {
      const tasks = [taskOf('t.1', 'TASK_STATE_WORKING'), taskOf('t2', 'TASK_STATE_WORKING')];
      await new Writer(suite.store).create(['1'], { tasks: tasks.slice(0, 1) });
      const [before, { bytes }] = [await suite.harness.tasks('acme'), await readFound(kept(), refOf())];
      const from = await summaryOf();
      const to = '{"state":"TASK_STATE_WORKING"}';
      const done = await rewrite('e1', { at: 't.1', from, to }, { at: 't2', from, to });
      expect(done).to.equal(1);
      expect(await summaryOf()).to.equal(to);
      const after = [...(await suite.harness.tasks('acme'))].map(([id, { state, statusAt }]) => [
        id,
        state,
        statusAt,
      ]);
      expect(after).to.deep.equal([...before].map(([id, { state, statusAt }]) => [id, state, statusAt]));
      expect((await readFound(kept(), refOf())).bytes).to.equal(bytes);
      expect(await rewrite('e1', { at: 't.1', from, to: '{}' })).to.equal(0);
    });

    it('may be many and large', async () => {
      const long = 'x'.repeat(300_000);
      await new Writer(suite.store).create(Array.from({ length: 499 }, (_, i) => `${i}`));
      await new Writer(suite.store, refOf('large')).create([long, long, long]);
      const many = (await texts()).map((from, i) => ({ at: i + 1, from, to: `~${i}` }));
      expect(await rewrite('e1', ...many, { at: 500, from: 'none', to: '~' })).to.equal(499);
      expect(await texts()).to.deep.equal(many.map(({ to }) => to));
      const large = jsonsOf(await readFound(kept(), refOf('large')));
      const swaps = large.map((from, i) => ({ at: i + 1, from: from ?? '', to: '~'.repeat(400_000 + i) }));
      expect(await suite.store.rewrite(refOf('large'), 'e1', swaps)).to.equal(large.length);
      expect((await readFound(kept(), refOf('large'))).bytes).to.be.at.least(800_000);
    });

    suite.needs('damage')('are not put into a session whose head cannot be read', async () => {
      await new Writer(suite.store).create(['1']);
      await suite.harness.damage?.head(refOf());
      const error = await errorOf(rewrite('e1', { at: 1, from: '1', to: '~' }));
      expect(error).to.have.property('name', 'SessionDamagedError');
    });
  });
}
