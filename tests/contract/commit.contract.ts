import { expect } from 'chai';
import { TAIL_MAX_RECORDS } from '../../server/sessions/session-store.ts';
import {
  KEEP,
  START,
  Writer,
  createOf,
  expectOutcome,
  jsonsOf,
  readFound,
  refOf,
  requestAt,
} from './harness.ts';
import type { Suite } from './harness.ts';

export function describeCommit(suite: Suite): void {
  describe('committing', () => {
    it('appends at the head, in order', async () => {
      const writer = await new Writer(suite.store).create(['1']);
      await writer.append(['2', '3']);
      await writer.append(['4']);
      const read = await readFound(suite.store, writer.ref);
      expect(jsonsOf(read)).to.deep.equal(['1', '2', '3', '4']);
      expect([read.cursor, read.bytes]).to.deep.equal([writer.cursor, suite.sizeOf('1', '2', '3', '4')]);
    });

    it('takes a whole batch or nothing of it', async () => {
      const writer = await new Writer(suite.store).create();
      const jsons = Array.from({ length: TAIL_MAX_RECORDS }, (_, i) => `${i}`);
      expectOutcome(
        await suite.store.commit(writer.ref, requestAt({ ...writer.cursor, head: 0, w: '' }, 2, jsons)),
        'moved',
      );
      expect((await readFound(suite.store, writer.ref)).cursor).to.deep.equal(writer.cursor);
      await writer.append(jsons);
    });

    it('takes a commit without records: only the expiry changes', async () => {
      const writer = await new Writer(suite.store).create(['1']);
      await writer.append([], { expiry: { kind: 'slide', ttlMs: 10_000 } });
      const read = await readFound(suite.store, writer.ref);
      expect([read.cursor, read.remainingMs <= 10_000]).to.deep.equal([writer.cursor, true]);
    });

    it('creates a session without records, and again with the same epoch', async () => {
      const writer = await new Writer(suite.store).create([]);
      expect((await readFound(suite.store, writer.ref)).cursor).to.deep.equal({
        epoch: 'e1',
        head: 0,
        w: '',
      });
      expectOutcome(await suite.store.commit(writer.ref, createOf('e1', [])), 'ok');
      await writer.append(['1']);
    });

    it('answers `moved` with everything that was missed', async () => {
      const mine = await new Writer(suite.store).create(['1']);
      const other = new Writer(suite.store, mine.ref, 'i2');
      other.cursor = mine.cursor;
      await other.append(['2', '3']);
      const moved = expectOutcome(
        await suite.store.commit(mine.ref, requestAt(mine.cursor, 2, ['lost'])),
        'moved',
      );
      expect(moved.tail).to.deep.equal({
        records: [
          { n: 2, json: '2' },
          { n: 3, json: '3' },
        ],
        more: false,
      });
      expect(moved.cursor).to.deep.equal({ epoch: 'e1', head: 3, w: 'i2.2' });
      expect(moved.bytes).to.equal(suite.sizeOf('1', '2', '3'));
      expect(moved.remainingMs).to.be.within(1, 3_600_000);
      expect(jsonsOf(await readFound(suite.store, mine.ref))).to.deep.equal(['1', '2', '3']);
    });

    it('cuts a tail that was missed and says that there are more', async () => {
      const mine = await new Writer(suite.store).create(['1']);
      const other = new Writer(suite.store, mine.ref, 'i2');
      other.cursor = mine.cursor;
      const large = JSON.stringify('x'.repeat(700_000));
      await other.append([large, large]);
      const bytes = expectOutcome(
        await suite.store.commit(mine.ref, requestAt(mine.cursor, 2, ['x'])),
        'moved',
      );
      expect([bytes.tail.records.length, bytes.tail.more]).to.deep.equal([1, true]);
      const { cursor } = other;
      await other.append(Array.from({ length: TAIL_MAX_RECORDS }, () => '0'));
      await other.append(['1']);
      const count = expectOutcome(await suite.store.commit(mine.ref, requestAt(cursor, 2, ['x'])), 'moved');
      expect([count.tail.records.length, count.tail.more]).to.deep.equal([TAIL_MAX_RECORDS, true]);
    });

    it('answers `stored` to the same commit sent again, and stores nothing twice', async () => {
      const writer = await new Writer(suite.store).create(['1']);
      const again = requestAt(writer.cursor, 2, ['2', '3']);
      await writer.append(['2', '3']);
      const stored = expectOutcome(await suite.store.commit(writer.ref, again), 'stored');
      expect([stored.upTo, ...jsonsOf(stored)]).to.deep.equal([3, '2', '3']);
      expect(stored.cursor).to.deep.equal(writer.cursor);
      expect((await readFound(suite.store, writer.ref)).cursor.head).to.equal(3);
    });

    it('answers `stored` up to where an earlier attempt of a batch that grew had come', async () => {
      const writer = await new Writer(suite.store).create(['1']);
      const { cursor } = writer;
      await writer.append(['2', '3']);
      const other = new Writer(suite.store, writer.ref, 'i2');
      other.cursor = writer.cursor;
      await other.append(['theirs']);
      const grown = requestAt(cursor, 2, ['2', '3', '4']);
      const stored = expectOutcome(await suite.store.commit(writer.ref, grown), 'stored');
      expect([stored.upTo, ...jsonsOf(stored)]).to.deep.equal([3, '2', '3', 'theirs']);
      const rest = requestAt(other.cursor, 4, ['4']);
      expectOutcome(await suite.store.commit(writer.ref, rest), 'ok');
      const late = expectOutcome(await suite.store.commit(writer.ref, grown), 'stored');
      expect(late.upTo).to.equal(4);
    });

    it('recognises a create sent again', async () => {
      const create = createOf('e1', ['1', '2']);
      expectOutcome(await suite.store.commit(refOf(), create), 'ok');
      const stored = expectOutcome(await suite.store.commit(refOf(), create), 'stored');
      expect([stored.upTo, ...jsonsOf(stored)]).to.deep.equal([2, '1', '2']);
    });

    it('answers `moved` to a create of its own epoch that had other records', async () => {
      await new Writer(suite.store, refOf(), 'i2').create(['1']);
      const moved = expectOutcome(await suite.store.commit(refOf(), createOf('e1', ['x'])), 'moved');
      expect(jsonsOf(moved)).to.deep.equal(['1']);
    });

    it('counts the records of each instance on its own', async () => {
      const first = await new Writer(suite.store).create(['1', '2', '3']);
      const second = new Writer(suite.store, first.ref, 'i2');
      second.cursor = first.cursor;
      await second.append(['4']);
      const constructorLike = new Writer(suite.store, first.ref, 'constructor');
      constructorLike.cursor = second.cursor;
      await constructorLike.append(['5']);
      expect((await readFound(suite.store, first.ref)).cursor).to.deep.equal(constructorLike.cursor);
    });

    it('answers `exists` to a create that meets another life session, with its records', async () => {
      const writer = await new Writer(suite.store).create(['1', '2']);
      const exists = expectOutcome(await suite.store.commit(writer.ref, createOf('e2', ['x'])), 'exists');
      expect([exists.cursor, jsonsOf(exists)]).to.deep.equal([writer.cursor, ['1', '2']]);
      expect(exists.bytes).to.equal(suite.sizeOf('1', '2'));
    });

    it('answers `exists` without records when only the head is asked for', async () => {
      const writer = await new Writer(suite.store).create(['1', '2']);
      const create = createOf('e2', ['x'], { onExists: 'head' });
      const exists = expectOutcome(await suite.store.commit(writer.ref, create), 'exists');
      expect([exists.cursor, exists.tail]).to.deep.equal([writer.cursor, { records: [], more: true }]);
    });

    it('answers `gone` for a session that is missing or has another epoch', async () => {
      const at = { epoch: 'e1', head: 1, w: 'i1.1' };
      expect(await suite.store.commit(refOf(), requestAt(at, 2, ['2']))).to.deep.equal({ outcome: 'gone' });
      await new Writer(suite.store).create(['1'], {}, 'e2');
      expect(await suite.store.commit(refOf(), requestAt(at, 2, ['2']))).to.deep.equal({ outcome: 'gone' });
      expect((await readFound(suite.store, refOf())).cursor.epoch).to.equal('e2');
    });

    it('answers `diverged` when the store went back', async () => {
      const writer = await new Writer(suite.store).create(['1', '2']);
      const ahead = requestAt({ ...writer.cursor, head: 5, w: 'i1.5' }, 6, ['6']);
      expect(await suite.store.commit(writer.ref, ahead)).to.deep.equal({ outcome: 'diverged' });
      const beside = requestAt({ ...writer.cursor, w: 'i9.2' }, 3, ['3']);
      expect(await suite.store.commit(writer.ref, beside)).to.deep.equal({ outcome: 'diverged' });
      await writer.append(['3']);
    });

    it('keeps `w` as it is told, and answers `diverged` where another stands at the head', async () => {
      const { store } = suite;
      const writer = await new Writer(store).create(['1'], { w: 'i1.1:x' });
      const at = { epoch: 'e1', head: 1, w: 'i1.1:x' };
      expect((await readFound(store, writer.ref)).cursor).to.deep.equal(at);
      for (const w of ['i1.1', 'i1.1:y', 'i1.2:x'])
        expect(await store.commit(writer.ref, requestAt({ ...at, w }, 2, ['2']))).to.deep.equal({
          outcome: 'diverged',
        });
      expectOutcome(await store.commit(writer.ref, requestAt(at, 2, ['2', '3'], { w: 'i1.3:z' })), 'ok');
      const next = { epoch: 'e1', head: 3, w: 'i1.3:z' };
      expect((await readFound(store, writer.ref)).cursor).to.deep.equal(next);
      // without records it stays what it was
      expectOutcome(await store.commit(writer.ref, requestAt(next, 4, [], { w: 'i1.3:z' })), 'ok');
      expect((await readFound(store, writer.ref, next)).after).to.equal(3);
      expect((await readFound(store, writer.ref, { ...next, w: 'i1.3:y' })).after).to.equal(0);
    });

    it('looks at the epoch before the identity, and at the identity before the head', async () => {
      const writer = await new Writer(suite.store).create(['1', '2']);
      const stale = { ...writer.cursor, epoch: 'e0' };
      expectOutcome(await suite.store.commit(writer.ref, requestAt(stale, 1, ['1'])), 'gone');
      expectOutcome(await suite.store.commit(writer.ref, createOf('e2', ['1'])), 'exists');
      const behind = { ...writer.cursor, head: 0, w: '' };
      expectOutcome(await suite.store.commit(writer.ref, requestAt(behind, 2, ['2'])), 'stored');
      const wrong = { ...writer.cursor, head: 9, w: 'i1.9' };
      expectOutcome(await suite.store.commit(writer.ref, requestAt(wrong, 2, ['2'])), 'stored');
      expectOutcome(await suite.store.commit(writer.ref, requestAt(wrong, 3, ['3'])), 'diverged');
    });

    it('refuses everything after a removal but a create that knows of it', async () => {
      const writer = await new Writer(suite.store).create(['1']);
      expect(await suite.store.remove(writer.ref, 60_000)).to.equal('removed');
      const attempts = [
        requestAt(writer.cursor, 2, ['2']),
        requestAt(writer.cursor, 1, ['1']),
        createOf('e2', ['1']),
        createOf('e1', ['1'], { expected: { ...START, epoch: 'e0' } }),
      ];
      for (const attempt of attempts) {
        const gone = expectOutcome(await suite.store.commit(writer.ref, attempt), 'gone');
        expect(gone.tombstone?.epoch).to.equal('e1');
        expect(gone.tombstone?.deletedAgoMs).to.be.within(0, 10_000);
      }
      const knowing = createOf('e2', ['new'], { expected: { ...START, epoch: 'e1' } });
      expectOutcome(await suite.store.commit(writer.ref, knowing), 'ok');
      expect(jsonsOf(await readFound(suite.store, writer.ref))).to.deep.equal(['new']);
      expect((await readFound(suite.store, writer.ref)).bytes).to.equal(suite.sizeOf('new'));
      expectOutcome(await suite.store.commit(writer.ref, requestAt(writer.cursor, 2, ['2'])), 'gone');
    });

    it('tells a create sent again that its session was deleted, also once another was begun', async () => {
      const lost = createOf('e1', ['deleted']);
      expectOutcome(await suite.store.commit(refOf(), lost), 'ok');
      for (const [before, after] of [
        ['e1', 'e2'],
        ['e2', 'e3'],
      ] as const) {
        await suite.store.remove(refOf(), 60_000);
        const knowing = createOf(after, [after], { expected: { ...START, epoch: before } });
        expectOutcome(await suite.store.commit(refOf(), knowing), 'ok');
        const gone = expectOutcome(await suite.store.commit(refOf(), lost), 'gone');
        expect(gone.tombstone?.epoch).to.equal('e1');
      }
      expectOutcome(await suite.store.commit(refOf(), createOf('e9', ['other'])), 'exists');
      expect(jsonsOf(await readFound(suite.store, refOf()))).to.deep.equal(['e3']);
    });

    it('keeps one order for all when many write at once', async () => {
      const first = await new Writer(suite.store).create(['"start"']);
      const write = async (instance: string) => {
        let { cursor } = first;
        for (let seq = 1; seq <= 20;) {
          const request = requestAt(cursor, seq, [`"${instance}.${seq}"`], { instance, expiry: KEEP });
          const result = await suite.store.commit(first.ref, request);
          if (result.outcome === 'ok') {
            cursor = { ...cursor, head: cursor.head + 1, w: `${instance}.${seq}` };
            seq += 1;
          } else {
            ({ cursor } = expectOutcome(result, 'moved'));
          }
        }
      };
      await Promise.all(['a', 'b', 'c', 'd'].map(write));
      const jsons = jsonsOf(await readFound(suite.store, first.ref));
      expect(jsons).to.have.length(81);
      for (const instance of ['a', 'b', 'c', 'd']) {
        const mine = jsons.filter((json) => json?.startsWith(`"${instance}.`));
        expect(mine).to.deep.equal(Array.from({ length: 20 }, (_, i) => `"${instance}.${i + 1}"`));
      }
    });
  });
}
