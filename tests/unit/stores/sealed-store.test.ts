import { expect } from 'chai';
import type { KeySet } from '../../../server/security/encryption-keys.ts';
import { RecordSealer } from '../../../server/security/record-sealer.ts';
import { TAIL_MAX_BYTES } from '../../../server/sessions/session-store.ts';
import { readTaskSummary } from '../../../server/sessions/task-summary.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { SealedStore, type Unopened } from '../../../server/stores/sealed/sealed-store.ts';
import { createOf, jsonsOf, readFound, refOf, requestAt, taskOf, Writer } from '../../contract/harness.ts';
import { keySet, sealerOf, toKeys } from '../../helpers/sealing.ts';

const WORKING = 'TASK_STATE_WORKING';

describe('a sealed store', () => {
  let inner: MemorySessionStore;
  let unopened: Unopened[];
  const through = (sealer: RecordSealer): SealedStore =>
    new SealedStore(inner, sealer, (found) => unopened.push(found));
  beforeEach(() => {
    inner = new MemorySessionStore();
    unopened = [];
  });

  it('seals each attempt of a commit anew, for the numbers that it is sent with', async () => {
    const sent: string[] = [];
    const commit = inner.commit.bind(inner);
    inner.commit = async (ref, request) => {
      sent.push(...request.records.map(({ json }) => json));
      return commit(ref, request);
    };
    const store = through(sealerOf());
    const mine = await new Writer(store).create(['{"n":1}']);
    const other = new Writer(store, mine.ref, 'i2');
    other.cursor = mine.cursor;
    await other.append(['{"n":2}']);
    const moved = await store.commit(mine.ref, requestAt(mine.cursor, 2, ['{"n":3}']));
    expect(moved.outcome).to.equal('moved');
    mine.cursor = other.cursor;
    await mine.append(['{"n":3}']);
    const again = await store.commit(mine.ref, requestAt(other.cursor, 2, ['{"n":3}']));
    expect(again).to.have.nested.property('tail.records[0].json', '{"n":3}');
    expect(new Set(sent).size).to.equal(5);
    expect(jsonsOf(await readFound(store, mine.ref))).to.deep.equal(['{"n":1}', '{"n":2}', '{"n":3}']);
    expect(unopened).to.deep.equal([]);
  });

  it('opens for a create what is there under the epoch that is there', async () => {
    const store = through(sealerOf());
    await new Writer(store).create(['{"n":1}']);
    const exists = await store.commit(refOf(), createOf('e2', ['{"n":9}']));
    expect(exists).to.have.nested.property('tail.records[0].json', '{"n":1}');
    expect(unopened).to.deep.equal([]);
  });

  it('looks into its file for a key that it does not know, before it gives a record up', async () => {
    await new Writer(through(sealerOf('k2'))).create(['{"n":1}', '{"n":2}']);
    let reads = 0;
    const reread = (): Promise<KeySet> => {
      reads += 1;
      return Promise.resolve(keySet('k1', 'k2'));
    };
    const late = through(new RecordSealer({ keys: toKeys(keySet('k1'), reread) }));
    expect(jsonsOf(await readFound(late, refOf()))).to.deep.equal(['{"n":1}', '{"n":2}']);
    expect([reads, unopened.length]).to.deep.equal([1, 0]);
    await readFound(late, refOf());
    expect(reads).to.equal(1);
  });

  it('hands on what does not open as no JSON at all, and says why; what stands beside it opens', async () => {
    await new Writer(through(sealerOf('k2'))).create(['{"n":1}']);
    const store = through(sealerOf('k1'));
    const writer = new Writer(store);
    writer.cursor = (await readFound(inner, refOf())).cursor;
    writer.seq = 1;
    await writer.append(['{"n":2}']);
    unopened = [];
    expect(jsonsOf(await readFound(store, refOf()))).to.deep.equal(['~', '{"n":2}']);
    expect(unopened).to.deep.equal([{ ref: refOf(), field: 1, failure: 'unknown-key', keyId: 'k2' }]);
  });

  it('cuts a tail by what it says, not by what it takes where it is compressed', async () => {
    const store = through(sealerOf('k1', { compressAboveBytes: 128 }));
    const large = JSON.stringify('x'.repeat(400_000));
    const writer = await new Writer(store).create([large, large, large, large, large]);
    expect((await readFound(inner, refOf())).bytes).to.be.below(20_000);
    const first = await readFound(store, refOf());
    expect([jsonsOf(first).length, first.tail.more]).to.deep.equal([2, true]);
    expect(2 * large.length).to.be.below(TAIL_MAX_BYTES);
    const last = await readFound(store, refOf(), { ...writer.cursor, head: 4, w: '' });
    expect([jsonsOf(last).length, last.tail.more]).to.deep.equal([1, false]);
  });

  describe('with task summaries', () => {
    const content = { message: { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'planted' }] } };
    const shown = { state: WORKING, at: 1_000, by: 'i1.1' };
    const summary = JSON.stringify({ ...shown, ...content, metadata: { note: 'planted' } });
    const listed = async (store: SealedStore): Promise<unknown> => {
      const { tasks } = await store.listTasks('acme', { limit: 10 });
      return JSON.parse(tasks[0]?.summary ?? 'null');
    };
    const stored = (): string | undefined => [...inner.tasks('acme').values()][0]?.summary;
    /** As somebody would who can write to the store. */
    const put = async (changed: string): Promise<void> => {
      const { cursor } = await readFound(inner, refOf());
      const tasks = [taskOf('t1', WORKING, WORKING, { summary: changed })];
      await inner.commit(refOf(), requestAt(cursor, 99, [], { tasks }));
    };
    const begin = async (store: SealedStore): Promise<void> => {
      await new Writer(store).create(['{"n":1}'], { tasks: [taskOf('t1', WORKING, null, { summary })] });
    };

    it('seals their content, and leaves what the reaper looks at', async () => {
      const store = through(sealerOf());
      await begin(store);
      expect(stored()).to.not.contain('planted');
      expect(readTaskSummary(stored() ?? '')).to.include(shown);
      expect((await store.runningTasks('acme', 10)).tasks).to.deep.equal([
        { sessionId: 's1', local: 't1', by: 'i1.1' },
      ]);
      expect(await listed(store)).to.deep.equal(JSON.parse(summary));
    });

    it('says to look into the session where the content was changed, or put beside something else', async () => {
      const store = through(sealerOf());
      await begin(store);
      const { sealed, ...rest } = JSON.parse(stored() ?? '') as { sealed: string; state: string };
      const last = sealed.endsWith('AA') ? 'BB' : 'AA';
      for (const changed of [
        { ...rest, sealed: sealed.slice(0, -2) + last },
        { ...rest, state: 'TASK_STATE_COMPLETED', sealed },
      ]) {
        await put(JSON.stringify(changed));
        expect(await listed(store)).to.deep.equal({ ...rest, state: changed.state, long: true });
      }
      expect(unopened.map(({ field, failure }) => [field, failure])).to.deep.equal([
        ['t:t1', 'not-authentic'],
        ['t:t1', 'not-authentic'],
      ]);
    });

    it('shows plain content of before, unless that is not accepted', async () => {
      await begin(through(new RecordSealer()));
      expect(stored()).to.equal(summary);
      expect(await listed(through(sealerOf()))).to.deep.equal(JSON.parse(summary));
      expect(await listed(through(sealerOf('k1', { required: true })))).to.deep.equal({
        ...shown,
        long: true,
      });
      expect(unopened.map(({ failure }) => failure)).to.deep.equal(['not-sealed']);
    });
  });
});
