import { expect } from 'chai';
import type { Expiry } from '../../server/sessions/session-store.ts';
import {
  HOUR,
  KEEP,
  START,
  Writer,
  createOf,
  expectOutcome,
  readFound,
  refOf,
  requestAt,
} from './harness.ts';
import type { Suite } from './harness.ts';

/** Short enough to wait for, long enough to do something within. */
const BLINK = 60;
const slide = (ttlMs: number): Expiry => ({ kind: 'slide', ttlMs });
const lengthen = (ttlMs: number): Expiry => ({ kind: 'lengthen', ttlMs });

export function describeLife(suite: Suite): void {
  const remaining = async (ref = refOf()) => (await readFound(suite.store, ref)).remainingMs;
  const near = (ttlMs: number) => [ttlMs - 10_000, ttlMs] as const;

  describe('the life of a session', () => {
    it('ends when its time is over, and is then missing, not removed', async () => {
      const writer = await new Writer(suite.store).create(['1'], { expiry: slide(BLINK) });
      await suite.harness.elapse(BLINK + 1);
      expect(await suite.store.read(writer.ref)).to.deep.equal({ found: false });
      expect(await suite.store.commit(writer.ref, requestAt(writer.cursor, 2, ['2']))).to.deep.equal({
        outcome: 'gone',
      });
      expect(await suite.store.remove(writer.ref, HOUR)).to.equal('missing');
    });

    it('begins anew under the same id after its end, with nothing of before', async () => {
      const writer = await new Writer(suite.store).create(['1', '2'], { expiry: slide(BLINK) });
      await suite.harness.elapse(BLINK + 1);
      expectOutcome(await suite.store.commit(writer.ref, createOf('e2', ['new'])), 'ok');
      const read = await readFound(suite.store, writer.ref);
      expect([read.cursor, read.bytes]).to.deep.equal([
        { epoch: 'e2', head: 1, w: 'i1.1' },
        suite.sizeOf('new'),
      ]);
      expect(read.tail.records).to.deep.equal([{ n: 1, json: 'new' }]);
    });

    it('slides with a write: longer and shorter', async () => {
      const writer = await new Writer(suite.store).create(['1'], { expiry: slide(HOUR) });
      expect(await remaining()).to.be.within(...near(HOUR));
      await writer.append(['2'], { expiry: slide(2 * HOUR) });
      expect(await remaining()).to.be.within(...near(2 * HOUR));
      await writer.append(['3'], { expiry: slide(HOUR) });
      expect(await remaining()).to.be.within(...near(HOUR));
    });

    it('is only ever lengthened by `lengthen`', async () => {
      const writer = await new Writer(suite.store).create(['1'], { expiry: lengthen(HOUR) });
      expect(await remaining()).to.be.within(...near(HOUR));
      await writer.append(['2'], { expiry: lengthen(HOUR / 2) });
      expect(await remaining()).to.be.within(...near(HOUR));
      await writer.append(['3'], { expiry: lengthen(2 * HOUR) });
      expect(await remaining()).to.be.within(...near(2 * HOUR));
    });

    it('stays as it is with `keep`', async () => {
      const writer = await new Writer(suite.store).create(['1'], { expiry: slide(HOUR) });
      const before = await remaining();
      await suite.harness.elapse(20);
      await writer.append(['2'], { expiry: KEEP });
      expect(await remaining()).to.be.within(before - 10_000, before - 20);
    });

    it('is renewed by a read that says so, and by no other', async () => {
      const writer = await new Writer(suite.store).create(['1'], { expiry: slide(HOUR) });
      const renewed = await suite.store.read(writer.ref, undefined, 2 * HOUR);
      expect(renewed.found && renewed.tail.records.length).to.equal(1);
      expect(renewed.found && renewed.remainingMs).to.be.within(...near(2 * HOUR));
      expect(await remaining()).to.be.within(...near(2 * HOUR));
      const again = await suite.store.read(writer.ref, writer.cursor, HOUR);
      expect(again.found && again.tail.records.length).to.equal(0);
      expect(await remaining()).to.be.within(...near(HOUR));
    });

    it('is not begun by a read that would renew it', async () => {
      expect(await suite.store.read(refOf(), undefined, HOUR)).to.deep.equal({ found: false });
      expect(await suite.store.read(refOf())).to.deep.equal({ found: false });
    });

    it('is not changed by a commit that is refused', async () => {
      const writer = await new Writer(suite.store).create(['1'], { expiry: slide(HOUR) });
      const wrong = { ...writer.cursor, head: 0, w: '' };
      expectOutcome(
        await suite.store.commit(writer.ref, requestAt(wrong, 2, ['x'], { expiry: slide(2 * HOUR) })),
        'moved',
      );
      expect(await remaining()).to.be.at.most(HOUR);
    });
  });

  describe('removing', () => {
    it('leaves a tombstone that says when, and nothing else', async () => {
      const writer = await new Writer(suite.store).create(['1']);
      expect(await suite.store.remove(writer.ref, HOUR)).to.equal('removed');
      await suite.harness.elapse(20);
      const read = await suite.store.read(writer.ref);
      expect(read).to.have.nested.property('tombstone.epoch', 'e1');
      expect(read.found ? -1 : read.tombstone?.deletedAgoMs).to.be.within(20, 10_000);
      expect(await suite.store.remove(writer.ref, HOUR)).to.equal('missing');
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [1] }]);
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [], serves: '' }]);
      expect(await suite.store.claimDerived(writer.ref, 'e1', '', 'next')).to.equal(undefined);
      expect(await suite.store.read(writer.ref, writer.cursor, HOUR)).to.have.property('found', false);
    });

    it('answers `missing` for what was never there', async () => {
      expect(await suite.store.remove(refOf(), HOUR)).to.equal('missing');
      expect(await suite.store.read(refOf())).to.deep.equal({ found: false });
    });

    it('removes at an expected head only when it is still there', async () => {
      const writer = await new Writer(suite.store).create(['1']);
      const { cursor } = writer;
      await writer.append(['2']);
      expect(await suite.store.remove(writer.ref, HOUR, cursor)).to.equal('moved');
      expect(await suite.store.remove(writer.ref, HOUR, { ...writer.cursor, w: 'x.2' })).to.equal('moved');
      expect(await suite.store.remove(writer.ref, HOUR, { ...writer.cursor, epoch: 'e0' })).to.equal('moved');
      expect((await readFound(suite.store, writer.ref)).cursor).to.deep.equal(writer.cursor);
      expect(await suite.store.remove(writer.ref, HOUR, writer.cursor)).to.equal('removed');
    });

    it('forgets the tombstone after its time', async () => {
      const writer = await new Writer(suite.store).create(['1']);
      await suite.store.remove(writer.ref, BLINK);
      await suite.harness.elapse(BLINK + 1);
      expect(await suite.store.read(writer.ref)).to.deep.equal({ found: false });
      const knowing = createOf('e2', ['1'], { expected: { ...START, epoch: 'e1' } });
      expectOutcome(await suite.store.commit(writer.ref, knowing), 'ok');
    });

    it('removes a long session', async () => {
      const writer = await new Writer(suite.store).create(['1']);
      for (let i = 0; i < 5; i += 1) {
        await writer.append(Array.from({ length: 400 }, () => '{"some":"record"}'));
      }
      expect(await suite.store.remove(writer.ref, HOUR)).to.equal('removed');
      const again = createOf('e2', ['1'], { expected: { ...START, epoch: 'e1' } });
      expectOutcome(await suite.store.commit(writer.ref, again), 'ok');
      expect((await readFound(suite.store, writer.ref)).tail.records).to.have.length(1);
    });
  });
}
