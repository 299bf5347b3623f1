import { expect } from 'chai';
import {
  HOUR,
  KEEP,
  START,
  Writer,
  createOf,
  errorOf,
  expectOutcome,
  jsonsOf,
  readFound,
  refOf,
  requestAt,
  taskOf,
} from './harness.ts';
import type { Suite } from './harness.ts';

const SOON = 40;

export function describeOutbox(suite: Suite): void {
  const claim = async (holdMs = HOUR, limit = 100, only?: string) =>
    [...(await suite.store.claimDue('acme', limit, holdMs, only))].sort();
  const due = (sessionId: string, outboxInMs: number | null = 0) =>
    new Writer(suite.store, refOf(sessionId)).create(['1'], { outboxInMs });

  describe('the outbox', () => {
    it('gives out what is due, to one, until it is due again', async () => {
      await due('s1');
      await due('a.b/c');
      await due('later', HOUR);
      await new Writer(suite.store, refOf('never')).create(['1']);
      expect(await claim(SOON)).to.deep.equal(['a.b/c', 's1']);
      expect(await claim(SOON)).to.deep.equal([]);
      await suite.harness.elapse(SOON + 1);
      expect(await claim()).to.deep.equal(['a.b/c', 's1']);
    });

    it('is per tenant', async () => {
      await due('s1');
      expect(await suite.store.claimDue('other', 10, HOUR)).to.deep.equal([]);
      expect(await claim()).to.deep.equal(['s1']);
    });

    it('gives out no more than is asked for, and the rest to the next', async () => {
      const ids = Array.from({ length: 7 }, (_, i) => `s${i}`);
      for (const id of ids) await due(id);
      const first = await claim(HOUR, 3);
      expect(first).to.have.length(3);
      const second = await claim(HOUR, 3);
      expect(second).to.have.length(3);
      const all = [...first, ...second, ...(await claim(HOUR, 3))];
      expect(all.sort()).to.deep.equal(ids);
    });

    it('is moved by a commit: further away, nearer, and away', async () => {
      const writer = await due('s1', HOUR);
      expect(await claim()).to.deep.equal([]);
      await writer.append(['2'], { outboxInMs: 0, expiry: KEEP });
      expect(await claim()).to.deep.equal(['s1']);
      await writer.append(['3'], { outboxInMs: 0 });
      await writer.append([], { outboxInMs: HOUR, expiry: KEEP });
      expect(await claim()).to.deep.equal([]);
      await writer.append([], { outboxInMs: SOON });
      await suite.harness.elapse(SOON + 1);
      await writer.append([], { outboxInMs: null });
      expect(await claim()).to.deep.equal([]);
      await writer.append(['4'], { outboxInMs: null, tasks: [taskOf('a', 'TASK_STATE_WORKING')] });
      expect(jsonsOf(await readFound(suite.store, writer.ref))).to.deep.equal(['1', '2', '3', '4']);
    });

    it('is left alone by a commit that says nothing of it', async () => {
      const writer = await due('s1', SOON);
      await writer.append(['2'], { tasks: [taskOf('a', 'TASK_STATE_WORKING')] });
      await suite.harness.elapse(SOON + 1);
      await writer.append(['3']);
      expect(await claim()).to.deep.equal(['s1']);
    });

    it('is filled together with all else that a commit brings', async () => {
      const more = {
        tasks: [taskOf('a', 'TASK_STATE_WORKING')],
        aliases: [{ subject: 'ann', clientTaskId: 'mine', local: 'a', expected: null }],
      };
      const writer = await new Writer(suite.store).create(['1', '2'], { ...more, outboxInMs: 0 });
      expect(jsonsOf(await readFound(suite.store, writer.ref))).to.deep.equal(['1', '2']);
      expect(await suite.store.resolveAlias('acme', 'ann', 'mine')).to.equal('s1.a');
      expect([...(await suite.harness.tasks('acme')).keys()]).to.deep.equal(['s1.a']);
      expect(await claim()).to.deep.equal(['s1']);
    });

    it('is not changed by a commit that is refused', async () => {
      const writer = await due('s1', HOUR);
      await new Writer(suite.store, refOf('s2')).create(['1'], {
        aliases: [{ subject: 'ann', clientTaskId: 'taken', local: 'a', expected: null }],
      });
      const aliases = [{ subject: 'ann', clientTaskId: 'taken', local: 'b', expected: null }];
      const refused = [
        requestAt({ ...writer.cursor, head: 0, w: '' }, 2, ['2'], { outboxInMs: 0 }),
        requestAt({ ...writer.cursor, epoch: 'e0' }, 2, ['2'], { outboxInMs: 0 }),
        requestAt({ ...writer.cursor, head: 7 }, 2, ['2'], { outboxInMs: 0 }),
        requestAt(writer.cursor, 1, ['1'], { outboxInMs: 0 }),
        requestAt(writer.cursor, 2, ['2'], { outboxInMs: 0, aliases }),
        createOf('e2', ['1'], { outboxInMs: 0 }),
      ];
      for (const request of refused)
        expect((await suite.store.commit(writer.ref, request)).outcome).to.not.equal('ok');
      expect(await claim()).to.deep.equal([]);
    });

    it('gives out a single session when it is due', async () => {
      await due('s1');
      await due('s2');
      await due('s3', HOUR);
      expect(await claim(HOUR, 1, 's2')).to.deep.equal(['s2']);
      expect(await claim(HOUR, 1, 's2')).to.deep.equal([]);
      expect(await claim(HOUR, 1, 's3')).to.deep.equal([]);
      expect(await claim(HOUR, 1, 'nobody')).to.deep.equal([]);
      expect(await claim()).to.deep.equal(['s1']);
    });

    it('lets the holder go on holding, as long as something is due', async () => {
      const writer = await due('s1');
      expect(await claim(SOON)).to.deep.equal(['s1']);
      await suite.store.holdDue(writer.ref, HOUR);
      await suite.harness.elapse(SOON + 1);
      expect(await claim()).to.deep.equal([]);
      await writer.append([], { outboxInMs: null });
      await suite.store.holdDue(writer.ref, SOON);
      await suite.store.holdDue(refOf('nobody'), SOON);
      await suite.harness.elapse(SOON + 1);
      expect(await claim()).to.deep.equal([]);
    });

    it('forgets a session that is removed, or has expired, retired or not', async () => {
      const gone = await due('removed');
      await suite.store.remove(gone.ref, HOUR);
      const expiry = { kind: 'slide', ttlMs: SOON } as const;
      for (let i = 0; i < 60; i += 1)
        await new Writer(suite.store, refOf(`x${i}`)).create(['1'], { outboxInMs: 0, expiry });
      await due('lives', 20);
      await suite.harness.elapse(SOON + 1);
      expect(await claim(HOUR, 1, 'removed')).to.deep.equal([]);
      expect(await claim(HOUR, 1, 'x3')).to.deep.equal([]);
      expect(await claim(HOUR, 5)).to.deep.equal(['lives']);
      await suite.store.retire('acme');
      for (const id of ['removed', 'x3'])
        await new Writer(suite.store, refOf(id)).create(
          ['1'],
          { expected: { ...START, epoch: id === 'removed' ? 'e1' : '' } },
          'e2',
        );
      expect(await claim()).to.deep.equal([]);
    });

    it('does not pass to the session that begins anew under the same id', async () => {
      const expiry = { kind: 'slide', ttlMs: SOON } as const;
      await new Writer(suite.store).create(['1'], {
        outboxInMs: 0,
        expiry,
        tasks: [taskOf('a', 'TASK_STATE_WORKING')],
      });
      await suite.harness.elapse(SOON + 1);
      expectOutcome(await suite.store.commit(refOf(), createOf('e2', ['1'])), 'ok');
      expect(await claim()).to.deep.equal([]);
    });

    it('takes no time that is none', async () => {
      for (const outboxInMs of [-1, NaN, Infinity])
        expect(
          await errorOf(suite.store.commit(refOf(), createOf('e1', ['1'], { outboxInMs }))),
        ).to.be.instanceOf(RangeError);
    });
  });

  describe('compacting', () => {
    const records = ['{"n":1}', '{"n":"zwei ä"}', '{"n":333}', '{"n":4}'];

    it('deletes the content of records and takes their size off the session, and nothing else', async () => {
      const writer = await new Writer(suite.store).create(records);
      const before = await readFound(suite.store, writer.ref);
      await suite.store.compact(writer.ref, 'e1', [[2, 3]]);
      const after = await readFound(suite.store, writer.ref);
      expect(jsonsOf(after)).to.deep.equal([records[0], null, null, records[3]]);
      expect(after.bytes).to.equal(before.bytes - suite.sizeOf(records[1]!, records[2]!));
      expect(after.cursor).to.deep.equal(before.cursor);
      expect(after.remainingMs).to.be.within(before.remainingMs - 10_000, before.remainingMs);
      await writer.append(['{"n":5}']);
    });

    it('may be done again, and takes nothing off twice', async () => {
      const writer = await new Writer(suite.store).create(records);
      await suite.store.compact(writer.ref, 'e1', [[2, 2]]);
      await suite.store.compact(writer.ref, 'e1', [
        [1, 3],
        [2, 3],
      ]);
      const { bytes, tail } = await readFound(suite.store, writer.ref);
      expect(jsonsOf({ tail })).to.deep.equal([null, null, null, records[3]]);
      expect(bytes).to.equal(suite.sizeOf(records[3]!));
    });

    it('does nothing to another epoch, to what is missing, and behind the head', async () => {
      const writer = await new Writer(suite.store).create(records);
      await suite.store.compact(writer.ref, 'e0', [[1, 4]]);
      await suite.store.compact(writer.ref, 'e1', []);
      await suite.store.compact(refOf('nobody'), 'e1', [[1, 4]]);
      await suite.store.compact(writer.ref, 'e1', [[4, 40]]);
      expect(jsonsOf(await readFound(suite.store, writer.ref))).to.deep.equal([...records.slice(0, 3), null]);
      await writer.append(['5', '6']);
      expect(jsonsOf(await readFound(suite.store, writer.ref)).slice(3)).to.deep.equal([null, '5', '6']);
      expect(await suite.store.read(refOf('nobody'))).to.deep.equal({ found: false });
      await suite.store.remove(writer.ref, HOUR);
      await suite.store.compact(writer.ref, 'e1', [[1, 4]]);
      expect(await suite.store.read(writer.ref)).to.have.nested.property('tombstone.epoch', 'e1');
    });

    it('takes a long run of records', async () => {
      const writer = await new Writer(suite.store).create(['first']);
      for (let i = 0; i < 6; i += 1)
        await writer.append(Array.from({ length: 400 }, () => '{"some":"record"}'));
      await writer.append(['last']);
      await suite.store.compact(writer.ref, 'e1', [
        [2, 1_200],
        [1_202, 2_401],
      ]);
      const { bytes } = await readFound(suite.store, writer.ref);
      expect(bytes).to.equal(suite.sizeOf('first', '{"some":"record"}', 'last'));
    });

    it('refuses what is no range', async () => {
      const writer = await new Writer(suite.store).create(records);
      for (const range of [
        [0, 2],
        [3, 2],
        [1, 1.5],
      ] as const)
        expect(await errorOf(suite.store.compact(writer.ref, 'e1', [range]))).to.be.instanceOf(RangeError);
    });
  });
}
