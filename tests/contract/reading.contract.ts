import { expect } from 'chai';
import {
  SessionDamagedError,
  StoreUnavailableError,
  TAIL_MAX_BYTES,
  TAIL_MAX_RECORDS,
} from '../../server/sessions/session-store.ts';
import { KEEP, SLIDE, Writer, createOf, errorOf, jsonsOf, readFound, refOf, requestAt } from './harness.ts';
import type { Suite } from './harness.ts';

const ODD_IDS = [
  'a:b',
  'a.b',
  '*',
  '{x}',
  'h[a-c]?llo',
  'ключ',
  '💡',
  'a b',
  'a%3Ab',
  '100%',
  'a/b',
  '__proto__',
];

export function describeReading(suite: Suite): void {
  const { needs } = suite;

  describe('reading', () => {
    it('finds nothing where nothing was written', async () => {
      expect(await suite.store.read(refOf())).to.deep.equal({ found: false });
    });

    it('answers head, bytes and every record as it was written', async () => {
      const jsons = ['{"text":"grüße 💡 \\"quoted\\" \\u0000"}', '{"n":2}', ' { "spaced" : true } '];
      const writer = await new Writer(suite.store).create(jsons);
      const read = await readFound(suite.store, writer.ref);
      expect(jsonsOf(read)).to.deep.equal(jsons);
      expect(read.tail.records.map(({ n }) => n)).to.deep.equal([1, 2, 3]);
      expect(read.cursor).to.deep.equal({ epoch: 'e1', head: 3, w: 'i1.3' });
      expect(read.bytes).to.equal(suite.sizeOf(...jsons));
      expect(read.answered).to.deep.equal([]);
      expect(read.derived).to.deep.equal({ serves: '', answered: false });
      expect([read.after, read.tail.more]).to.deep.equal([0, false]);
    });

    it('answers only what comes after the reader, and nothing when it is up to date', async () => {
      const writer = await new Writer(suite.store).create(['1', '2']);
      const { cursor } = writer;
      await writer.append(['3', '4']);
      const behind = await readFound(suite.store, writer.ref, cursor);
      expect([behind.after, ...jsonsOf(behind)]).to.deep.equal([2, '3', '4']);
      const current = await readFound(suite.store, writer.ref, writer.cursor);
      expect([current.after, current.tail]).to.deep.equal([4, { records: [], more: false }]);
      expect(current.cursor).to.deep.equal(writer.cursor);
    });

    it('starts again from the first record for a cursor that does not fit', async () => {
      const writer = await new Writer(suite.store).create(['1', '2']);
      for (const wrong of [{ epoch: 'e0' }, { head: 3 }, { w: 'other.2' }]) {
        const read = await readFound(suite.store, writer.ref, { ...writer.cursor, ...wrong });
        expect([read.after, ...jsonsOf(read)], JSON.stringify(wrong)).to.deep.equal([0, '1', '2']);
      }
    });

    it('leaves the session as it is', async () => {
      const writer = await new Writer(suite.store).create(['1'], {
        expiry: { kind: 'slide', ttlMs: 60_000 },
      });
      const first = await readFound(suite.store, writer.ref);
      await suite.harness.elapse(20);
      const second = await readFound(suite.store, writer.ref);
      expect(second.remainingMs).to.be.at.most(first.remainingMs - 20);
      await writer.append(['2']);
    });

    it('keeps sessions apart whose ids only differ in what separates', async () => {
      const refs = [
        refOf('c', 'a:b'),
        refOf('b:c', 'a'),
        refOf('b', 'a:s'),
        ...ODD_IDS.map((id) => refOf(id)),
        ...ODD_IDS.map((id) => refOf('s', id)),
      ];
      for (const [i, ref] of refs.entries()) await new Writer(suite.store, ref).create([`${i}`]);
      for (const [i, ref] of refs.entries()) {
        expect(jsonsOf(await readFound(suite.store, ref)), JSON.stringify(ref)).to.deep.equal([`${i}`]);
      }
    });

    it('takes ids of 256 bytes that all need encoding', async () => {
      const long = 'я'.repeat(128);
      const writer = await new Writer(suite.store, refOf(long, long)).create(['1'], {
        tasks: [
          { local: 'x'.repeat(40), state: 'TASK_STATE_WORKING', previous: null, statusAt: 1, summary: '{}' },
        ],
        aliases: [{ subject: long, clientTaskId: long, local: 'x'.repeat(40), expected: null }],
      });
      expect(jsonsOf(await readFound(suite.store, writer.ref))).to.deep.equal(['1']);
      expect(await suite.store.resolveAlias(long, long, long)).to.equal(`${long}.${'x'.repeat(40)}`);
      expect(await suite.store.remove(writer.ref, 60_000)).to.equal('removed');
    });

    it(`answers at most ${TAIL_MAX_RECORDS} records at once and says that there are more`, async () => {
      const writer = await new Writer(suite.store).create();
      const jsons = Array.from({ length: TAIL_MAX_RECORDS }, (_, i) => `${i + 2}`);
      await writer.append(jsons);
      const { cursor } = writer;
      await writer.append(['502', '503']);
      const read = await readFound(suite.store, writer.ref);
      expect(read.tail.more).to.equal(true);
      expect(read.tail.records).to.have.length(TAIL_MAX_RECORDS);
      expect(read.tail.records.at(-1)).to.deep.equal({ n: 500, json: '500' });
      const rest = await readFound(suite.store, writer.ref, { ...cursor, head: 500 });
      expect([...jsonsOf(rest), rest.tail.more]).to.deep.equal(['501', '502', '503', false]);
    });

    it('answers about a megabyte at once, and a record that is larger alone', async () => {
      const large = JSON.stringify('x'.repeat(360_000));
      const huge = JSON.stringify('y'.repeat(TAIL_MAX_BYTES + 5));
      const writer = await new Writer(suite.store).create([large, large, large]);
      await writer.append([huge]);
      await writer.append(['5']);
      const at = (head: number) => readFound(suite.store, writer.ref, { ...writer.cursor, head });
      const lengths = async (head: number) => {
        const { tail } = await at(head);
        return [...tail.records.map(({ json }) => json?.length), tail.more];
      };
      expect(await lengths(0)).to.deep.equal([360_002, 360_002, true]);
      expect(await lengths(2)).to.deep.equal([360_002, true]);
      expect(await lengths(3)).to.deep.equal([TAIL_MAX_BYTES + 7, true]);
      expect(await lengths(4)).to.deep.equal([1, false]);
    });

    needs('damage')('answers null for a record that is missing, and the others', async () => {
      const writer = await new Writer(suite.store).create(['1', '2', '3']);
      await suite.harness.damage?.record(writer.ref, 2);
      expect(jsonsOf(await readFound(suite.store, writer.ref))).to.deep.equal(['1', null, '3']);
      await suite.harness.damage?.record(writer.ref, 3);
      expect(jsonsOf(await readFound(suite.store, writer.ref))).to.deep.equal(['1', null, null]);
      await writer.append(['4']);
    });

    needs('damage')(
      'calls a session damaged whose head cannot be read, and writes nothing to it',
      async () => {
        const writer = await new Writer(suite.store).create(['1']);
        await suite.harness.damage?.head(writer.ref);
        const attempts = [
          suite.store.read(writer.ref),
          suite.store.read(writer.ref, writer.cursor, 60_000),
          suite.store.commit(writer.ref, requestAt(writer.cursor, 2, ['2'])),
          suite.store.commit(writer.ref, createOf('e2', ['1'])),
          suite.store.remove(writer.ref, 60_000),
        ];
        for (const attempt of attempts) {
          expect(await errorOf(attempt))
            .to.be.instanceOf(SessionDamagedError)
            .with.property('field')
            .a('string');
        }
      },
    );

    it('refuses what no caller may ask for', async () => {
      const writer = await new Writer(suite.store).create();
      const many = Array.from({ length: TAIL_MAX_RECORDS + 1 }, () => '1');
      const wrong = [
        createOf('e2', ['1'], { expiry: KEEP }),
        createOf('', ['1']),
        { ...createOf('e2', ['1']), expected: writer.cursor },
        requestAt(writer.cursor, 2, many),
        requestAt(writer.cursor, 2, ['2'], { expiry: { kind: 'slide', ttlMs: 0 } }),
        requestAt(writer.cursor, 2, ['2'], { expiry: { kind: 'lengthen', ttlMs: -1 } }),
        requestAt(writer.cursor, 2, ['2'], { expiry: { kind: 'slide', ttlMs: Number.NaN } }),
        requestAt(writer.cursor, 2, [], { records: [2, 2].map((seq) => ({ seq, json: '2' })) }),
      ];
      for (const request of wrong) {
        expect(await errorOf(suite.store.commit(writer.ref, request))).to.be.instanceOf(RangeError);
      }
      expect(await errorOf(suite.store.read(writer.ref, undefined, 0))).to.be.instanceOf(RangeError);
      expect(await errorOf(suite.store.remove(writer.ref, 0))).to.be.instanceOf(RangeError);
      await writer.append(['2'], { expiry: SLIDE });
    });

    needs('close')('is unavailable once it is closed, and closes twice without a word', async () => {
      await suite.store.close();
      await suite.store.close();
      expect(await errorOf(suite.store.read(refOf()))).to.be.instanceOf(StoreUnavailableError);
      expect(await errorOf(suite.store.commit(refOf(), createOf('e1', ['1'])))).to.be.instanceOf(
        StoreUnavailableError,
      );
    });
  });
}
