import { expect } from 'chai';
import {
  HOUR,
  KEEP,
  SLIDE,
  START,
  Writer,
  aliasOf,
  createOf,
  expectOutcome,
  jsonsOf,
  readFound,
  refOf,
  requestAt,
  taskOf,
} from './harness.ts';
import type { Suite } from './harness.ts';

const SUBMITTED = 'TASK_STATE_SUBMITTED';
const WORKING = 'TASK_STATE_WORKING';
const DONE = 'TASK_STATE_COMPLETED';

export function describeIndexes(suite: Suite): void {
  const states = async (tenant = 'acme') =>
    Object.fromEntries([...(await suite.harness.tasks(tenant))].map(([id, { state }]) => [id, state]));
  const resolve = (clientTaskId: string) => suite.store.resolveAlias('acme', 'ann', clientTaskId);

  describe('the task index', () => {
    it('follows a task from state to state', async () => {
      const writer = await new Writer(suite.store).create(['1'], { tasks: [taskOf('a', SUBMITTED)] });
      const summary = '{"state":"working"}';
      await writer.append(['2'], { tasks: [taskOf('a', WORKING, SUBMITTED, { statusAt: 2_000, summary })] });
      const tasks = await suite.harness.tasks('acme');
      expect([...tasks]).to.deep.equal([['s1.a', { state: WORKING, statusAt: 2_000, summary }]]);
      await writer.append(['3'], { tasks: [taskOf('a', WORKING, WORKING), taskOf('b', SUBMITTED)] });
      expect(await states()).to.deep.equal({ 's1.a': WORKING, 's1.b': SUBMITTED });
      await writer.append([], { tasks: [taskOf('a', DONE, WORKING)], expiry: KEEP });
      expect(await states()).to.deep.equal({ 's1.a': DONE, 's1.b': SUBMITTED });
    });

    it('forgets a task that is taken out', async () => {
      const writer = await new Writer(suite.store).create(['1'], {
        tasks: [taskOf('a', WORKING), taskOf('b', WORKING)],
      });
      await writer.append(['2'], { tasks: [taskOf('a', null, WORKING), taskOf('never', null)] });
      expect(await states()).to.deep.equal({ 's1.b': WORKING });
      await writer.append(['3'], { tasks: [taskOf('a', DONE)] });
      expect(await states()).to.deep.equal({ 's1.a': DONE, 's1.b': WORKING });
    });

    it('is left alone by every commit that is not stored', async () => {
      const writer = await new Writer(suite.store).create(['1'], { tasks: [taskOf('a', WORKING)] });
      const tasks = [taskOf('a', DONE, WORKING), taskOf('x', WORKING)];
      const refused = [
        requestAt({ ...writer.cursor, head: 0, w: '' }, 2, ['2'], { tasks }),
        requestAt({ ...writer.cursor, epoch: 'e0' }, 2, ['2'], { tasks }),
        requestAt({ ...writer.cursor, head: 7 }, 2, ['2'], { tasks }),
        requestAt(writer.cursor, 1, ['1'], { tasks }),
        createOf('e2', ['1'], { tasks }),
      ];
      for (const request of refused) {
        expect((await suite.store.commit(writer.ref, request)).outcome).to.not.equal('ok');
      }
      expect(await states()).to.deep.equal({ 's1.a': WORKING });
    });

    it('keeps sessions and tenants apart whose ids begin alike', async () => {
      for (const id of ['a', 'a.b', 'a-', 'a/', 'ab']) {
        await new Writer(suite.store, refOf(id)).create(['1'], { tasks: [taskOf('t', WORKING)] });
      }
      await new Writer(suite.store, refOf('a', 'other')).create(['1'], { tasks: [taskOf('t', WORKING)] });
      await suite.store.remove(refOf('a'), HOUR);
      expect(Object.keys(await states())).to.have.members(['a%2Eb.t', 'a-.t', 'a%2F.t', 'ab.t']);
      expect(Object.keys(await states('other'))).to.deep.equal(['a.t']);
    });

    it('loses all tasks of a session that is removed', async () => {
      const tasks = ['a', 'b', 'c'].map((local) => taskOf(local, WORKING));
      const writer = await new Writer(suite.store).create(['1'], { tasks, aliases: [aliasOf('mine', 'a')] });
      await writer.append(['2'], { tasks: [taskOf('a', DONE, WORKING), taskOf('b', DONE, WORKING)] });
      await suite.store.remove(writer.ref, HOUR);
      expect(await states()).to.deep.equal({});
      expect(await resolve('mine')).to.equal(undefined);
    });
  });

  describe('retiring', () => {
    it('takes expired sessions out of the indexes, and no others', async () => {
      const soon = { expiry: { kind: 'slide', ttlMs: 40 } } as const;
      const writers: Writer[] = [];
      for (const id of ['x1', 'x2', 'x3', 'stays']) {
        const tasks = [taskOf('t', WORKING), taskOf('u', DONE)];
        const aliases = [aliasOf(`of ${id}`, 't')];
        writers.push(await new Writer(suite.store, refOf(id)).create(['1'], { tasks, aliases }));
      }
      writers.push(await new Writer(suite.store, refOf('x1', 'other')).create(['1']));
      expect(await suite.store.retire('acme')).to.equal(0);
      for (const writer of writers) if (writer.ref.sessionId !== 'stays') await writer.append([], soon);
      await suite.harness.elapse(45);
      expect(await suite.store.retire('acme')).to.equal(3);
      expect(await suite.store.retire('acme')).to.equal(0);
      expect(await states()).to.deep.equal({ 'stays.t': WORKING, 'stays.u': DONE });
      expect(await resolve('of x1')).to.equal(undefined);
      expect(await resolve('of stays')).to.equal('stays.t');
      expect(await suite.store.retire('other')).to.equal(1);
      await writers[3]!.append(['2'], { expiry: SLIDE });
    });

    it('takes 50 at once', async () => {
      const expiry = { kind: 'slide', ttlMs: 100 } as const;
      const ids = Array.from({ length: 53 }, (_, i) => `s${i}`);
      await Promise.all(ids.map((id) => new Writer(suite.store, refOf(id)).create(['1'], { expiry })));
      await suite.harness.elapse(101);
      const first = await suite.store.retire('acme');
      expect(first).to.be.within(1, 53);
      let all = first;
      for (let more = first; more > 0; all += more) more = await suite.store.retire('acme');
      expect(all).to.equal(53);
    });

    it('is not needed for a new session to be free of the old one under its id', async () => {
      const expiry = { kind: 'slide', ttlMs: 40 } as const;
      const tasks = [taskOf('old', WORKING)];
      await new Writer(suite.store).create(['1'], { expiry, tasks, aliases: [aliasOf('mine', 'old')] });
      await suite.harness.elapse(45);
      const create = createOf('e2', ['1'], {
        tasks: [taskOf('new', SUBMITTED)],
        aliases: [aliasOf('mine', 'new')],
      });
      expectOutcome(await suite.store.commit(refOf(), create), 'ok');
      expect(await states()).to.deep.equal({ 's1.new': SUBMITTED });
      expect(await resolve('mine')).to.equal('s1.new');
    });
  });

  describe('aliases', () => {
    it('name nothing until they are committed', async () => {
      expect(await resolve('mine')).to.equal(undefined);
      await new Writer(suite.store, refOf('a.b/c')).create(['1'], { aliases: [aliasOf('mine: 1.2', 't')] });
      expect(await resolve('mine: 1.2')).to.equal('a.b/c.t');
      expect(await suite.store.resolveAlias('acme', 'bob', 'mine: 1.2')).to.equal(undefined);
      expect(await suite.store.resolveAlias('other', 'ann', 'mine: 1.2')).to.equal(undefined);
    });

    it('keep subjects and ids apart that only differ in what separates', async () => {
      const aliases = [
        { subject: 'a/b', clientTaskId: 'c', local: 't1', expected: null },
        { subject: 'a', clientTaskId: 'b/c', local: 't2', expected: null },
      ];
      await new Writer(suite.store).create(['1'], { aliases });
      expect(await suite.store.resolveAlias('acme', 'a/b', 'c')).to.equal('s1.t1');
      expect(await suite.store.resolveAlias('acme', 'a', 'b/c')).to.equal('s1.t2');
    });

    it('refuse the commit when they name another task already', async () => {
      await new Writer(suite.store).create(['1'], { aliases: [aliasOf('mine', 't1')] });
      const second = createOf('e2', ['1'], {
        aliases: [aliasOf('free', 't2'), aliasOf('mine', 't2')],
        tasks: [taskOf('t2', WORKING)],
      });
      expect(await suite.store.commit(refOf('s2'), second)).to.deep.equal({
        outcome: 'aliased',
        clientTaskId: 'mine',
        taskId: 's1.t1',
      });
      expect(await suite.store.read(refOf('s2'))).to.deep.equal({ found: false });
      expect([await resolve('mine'), await resolve('free')]).to.deep.equal(['s1.t1', undefined]);
    });

    it('move on when the task they name is the expected one', async () => {
      const writer = await new Writer(suite.store).create(['1'], {
        tasks: [taskOf('t1', WORKING)],
        aliases: [aliasOf('mine', 't1')],
      });
      const wrong = requestAt(writer.cursor, 2, ['2'], { aliases: [aliasOf('mine', 't2', 's1.t0')] });
      expectOutcome(await suite.store.commit(writer.ref, wrong), 'aliased');
      await writer.append(['2'], { aliases: [aliasOf('mine', 't2', 's1.t1')] });
      expect(await resolve('mine')).to.equal('s1.t2');
      expect(jsonsOf(await readFound(suite.store, writer.ref))).to.deep.equal(['1', '2']);
    });

    it('are looked at last', async () => {
      const writer = await new Writer(suite.store).create(['1'], {
        tasks: [taskOf('t1', WORKING)],
        aliases: [aliasOf('mine', 't1')],
      });
      const aliases = [aliasOf('mine', 't2')];
      const at = writer.cursor;
      const cases = [
        ['gone', requestAt({ ...at, epoch: 'e0' }, 2, ['2'], { aliases })],
        ['stored', requestAt(at, 1, ['1'], { aliases })],
        ['moved', requestAt({ ...at, head: 0, w: '' }, 2, ['2'], { aliases })],
        ['diverged', requestAt({ ...at, head: 5 }, 2, ['2'], { aliases })],
        ['exists', createOf('e2', ['1'], { aliases })],
        ['aliased', requestAt(at, 2, ['2'], { aliases })],
      ] as const;
      for (const [outcome, request] of cases) {
        expectOutcome(await suite.store.commit(writer.ref, request), outcome);
      }
      expect(await resolve('mine')).to.equal('s1.t1');
    });

    it('are not set by a commit that is refused', async () => {
      const writer = await new Writer(suite.store).create(['1'], { aliases: [aliasOf('mine', 't1')] });
      const aliases = [aliasOf('mine', 't2', 's1.t1'), aliasOf('free', 't2')];
      const request = requestAt({ ...writer.cursor, head: 0, w: '' }, 2, ['2'], { aliases });
      expectOutcome(await suite.store.commit(writer.ref, request), 'moved');
      expect([await resolve('mine'), await resolve('free')]).to.deep.equal(['s1.t1', undefined]);
    });

    it('go with their session, unless they have moved to another', async () => {
      const tasks = [taskOf('t1', DONE)];
      const aliases = ['one', 'two', 'moves'].map((id) => aliasOf(id, 't1'));
      const first = await new Writer(suite.store).create(['1'], { tasks, aliases });
      await new Writer(suite.store, refOf('s2')).create(['1'], {
        tasks,
        aliases: [aliasOf('moves', 't1', 's1.t1')],
      });
      await suite.store.remove(first.ref, HOUR);
      expect(await Promise.all(['one', 'two', 'moves'].map(resolve))).to.deep.equal([
        undefined,
        undefined,
        's2.t1',
      ]);
    });

    it('are free again once their session has expired', async () => {
      const expiry = { kind: 'slide', ttlMs: 40 } as const;
      await new Writer(suite.store).create(['1'], { expiry, aliases: [aliasOf('mine', 't1')] });
      await suite.harness.elapse(45);
      await new Writer(suite.store, refOf('s2')).create(['1'], { aliases: [aliasOf('mine', 't2')] });
      expect(await resolve('mine')).to.equal('s2.t2');
      await suite.store.retire('acme');
      expect(await resolve('mine')).to.equal('s2.t2');
    });

    it('can be taken again over a tombstone', async () => {
      const writer = await new Writer(suite.store).create(['1'], { aliases: [aliasOf('mine', 't1')] });
      await new Writer(suite.store, refOf('s2')).create(['1'], { aliases: [aliasOf('yours', 't1')] });
      await suite.store.remove(writer.ref, HOUR);
      const over = { ...START, epoch: 'e1' };
      const taken = createOf('e2', ['1'], { expected: over, aliases: [aliasOf('yours', 't2')] });
      expectOutcome(await suite.store.commit(writer.ref, taken), 'aliased');
      expect(await suite.store.read(writer.ref)).to.have.nested.property('tombstone.epoch', 'e1');
      const free = createOf('e2', ['1'], { expected: over, aliases: [aliasOf('mine', 't2')] });
      expectOutcome(await suite.store.commit(writer.ref, free), 'ok');
      expect(await resolve('mine')).to.equal('s1.t2');
    });
  });
}
