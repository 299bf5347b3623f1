import { expect } from 'chai';
import { StoreUnavailableError } from '../../../server/sessions/session-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { Writer, errorOf, refOf, taskOf } from '../../contract/harness.ts';

/** A store that never gets to retiring what has expired, as one that has far too much of it. */
describe('the list of an embedded store that cannot clear away fast enough', () => {
  let now: number;
  let store: MemorySessionStore;

  const begin = async (count: number, ttlMs: number, statusAt: number): Promise<void> => {
    const expiry = { kind: 'slide', ttlMs } as const;
    const tasks = [taskOf('t', 'TASK_STATE_WORKING', null, { statusAt })];
    for (let i = 0; i < count; i += 1)
      await new Writer(store, refOf(`${ttlMs}-${i}`)).create(['1'], { expiry, tasks });
  };

  beforeEach(() => {
    now = 1_000;
    store = new MemorySessionStore(() => now);
    store.retire = () => Promise.resolve(0);
  });

  it('leaves out what has expired all the same', async () => {
    await begin(20, 10, 2_000);
    await begin(3, 1_000, 1_000);
    now += 11;
    const first = await store.listTasks('acme', { limit: 2 });
    expect(first.tasks.map(({ sessionId }) => sessionId)).to.deep.equal(['1000-2', '1000-1']);
    expect(first).to.include({ totalSize: 3, more: true });
    const rest = await store.listTasks('acme', { limit: 2, after: { statusAt: 1_000, taskId: '1000-1.t' } });
    expect(rest.tasks.map(({ sessionId }) => sessionId)).to.deep.equal(['1000-0']);
  });

  it('asks to come again rather than walk over all of it', async () => {
    await begin(2_050, 10, 2_000);
    await begin(1, 1_000, 1_000);
    now += 11;
    expect(await errorOf(store.listTasks('acme', { limit: 1 }))).to.be.instanceOf(StoreUnavailableError);
  });
});
