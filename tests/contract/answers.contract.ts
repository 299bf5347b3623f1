import { expect } from 'chai';
import { Writer, createOf, expectOutcome, readFound, refOf, requestAt } from './harness.ts';
import type { Suite } from './harness.ts';

export function describeAnswers(suite: Suite): void {
  describe('answered marks', () => {
    it('come with the session, each once', async () => {
      const writer = await new Writer(suite.store).create(['1', '2', '3']);
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [111] }]);
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [11, 1, 111, 1] }]);
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [] }]);
      expect((await readFound(suite.store, writer.ref)).answered).to.have.members([1, 11, 111]);
      const moved = await suite.store.commit(
        writer.ref,
        requestAt({ ...writer.cursor, head: 0, w: '' }, 9, ['x']),
      );
      expect(expectOutcome(moved, 'moved').answered).to.have.members([1, 11, 111]);
      await writer.append(['4']);
      expect((await readFound(suite.store, writer.ref, writer.cursor)).answered).to.have.length(3);
    });

    it('come to a reader who has all of the session as to one who has nothing of it', async () => {
      const writer = await new Writer(suite.store).create(['1', '2']);
      const differences = async () => {
        const whole = await readFound(suite.store, writer.ref);
        const rest = await readFound(suite.store, writer.ref, writer.cursor);
        expect(rest.tail).to.deep.equal({ records: [], more: false });
        expect([rest.after, whole.after]).to.deep.equal([2, 0]);
        // store time goes on between the two
        expect(rest.remainingMs).to.be.within(1, whole.remainingMs);
        const same = { after: 0, tail: whole.tail, remainingMs: whole.remainingMs };
        expect({ ...rest, ...same }).to.deep.equal(whole);
      };
      await differences();
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [], serves: '' }]);
      await differences();
      await suite.store.claimDerived(writer.ref, 'e1', '', 'a b,c 1');
      await differences();
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [2, 1], serves: 'a b,c 1' }]);
      await differences();
      expect((await readFound(suite.store, writer.ref, writer.cursor)).derived).to.deep.equal({
        serves: 'a b,c 1',
        answered: true,
      });
    });

    it('are taken for many sessions at once, with who answered', async () => {
      const writers = await Promise.all(
        Array.from({ length: 250 }, (_, i) =>
          new Writer(suite.store, refOf(`s${i}`, i % 2 === 0 ? 'acme' : 'else')).create(['1']),
        ),
      );
      const marks = writers.map(({ ref }, i) => ({ ref, epoch: 'e1', messages: [i + 1], serves: '' }));
      const others = [
        { ref: refOf('missing'), epoch: 'e1', messages: [1], serves: '' },
        { ref: refOf('s0'), epoch: 'e0', messages: [7], serves: 'another' },
      ];
      await suite.store.markAnswered([...others, ...marks]);
      await suite.store.markAnswered([]);
      for (const [i, { ref }] of writers.entries()) {
        const { answered, derived } = await readFound(suite.store, ref);
        expect([answered, derived]).to.deep.equal([[i + 1], { serves: '', answered: true }]);
      }
    });

    it('are kept for the last 100', async () => {
      const writer = await new Writer(suite.store).create();
      const numbers = Array.from({ length: 150 }, (_, i) => i + 1);
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: numbers.slice(0, 99) }]);
      expect((await readFound(suite.store, writer.ref)).answered).to.have.length(99);
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: numbers.slice(99) }]);
      expect((await readFound(suite.store, writer.ref)).answered).to.have.members(numbers.slice(50));
    });

    it('change nothing of a session that is missing or has another epoch', async () => {
      await suite.store.markAnswered([{ ref: refOf(), epoch: 'e1', messages: [1] }]);
      expect(await suite.store.read(refOf())).to.deep.equal({ found: false });
      const writer = await new Writer(suite.store).create();
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e0', messages: [1] }]);
      const read = await readFound(suite.store, writer.ref);
      expect([read.answered, read.cursor]).to.deep.equal([[], writer.cursor]);
    });
  });

  describe('a derived session', () => {
    const derived = async () => (await readFound(suite.store, refOf())).derived;

    it('is answered by whoever serves it, and only by that one', async () => {
      const writer = await new Writer(suite.store).create();
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [], serves: 'another' }]);
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e0', messages: [], serves: '' }]);
      expect(await derived()).to.deep.equal({ serves: '', answered: false });
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [], serves: '' }]);
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [], serves: '' }]);
      expect(await derived()).to.deep.equal({ serves: '', answered: true });
      const exists = await suite.store.commit(writer.ref, createOf('e2', ['1'], { onExists: 'head' }));
      expect(expectOutcome(exists, 'exists').derived).to.deep.equal({ serves: '', answered: true });
      await writer.append(['2']);
    });

    it('is handed on once it was answered, to one of many', async () => {
      const writer = await new Writer(suite.store).create();
      expect(await suite.store.claimDerived(writer.ref, 'e1', '', 'too early')).to.equal('');
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [], serves: '' }]);
      const claims = ['a', 'b', 'c'].map((next) => suite.store.claimDerived(writer.ref, 'e1', '', next));
      const [winner = '', ...others] = await Promise.all(claims);
      expect(['a', 'b', 'c']).to.include(winner);
      expect(others).to.deep.equal([winner, winner]);
      expect(await derived()).to.deep.equal({ serves: winner, answered: false });
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [], serves: '' }]);
      expect(await derived()).to.deep.equal({ serves: winner, answered: false });
      await suite.store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [], serves: winner }]);
      expect(await suite.store.claimDerived(writer.ref, 'e1', winner, 'next')).to.equal('next');
      expect(await derived()).to.deep.equal({ serves: 'next', answered: false });
    });

    it('cannot be claimed once it is gone', async () => {
      expect(await suite.store.claimDerived(refOf(), 'e1', '', 'next')).to.equal(undefined);
      await new Writer(suite.store).create();
      expect(await suite.store.claimDerived(refOf(), 'e0', '', 'next')).to.equal(undefined);
      expect(await suite.store.read(refOf('next'))).to.deep.equal({ found: false });
    });
  });
}
