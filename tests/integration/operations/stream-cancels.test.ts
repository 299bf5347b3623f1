import { expect } from 'chai';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { callOf, messageOf, type Service } from './service.ts';
import { closeAll, idOf, serve, stream, subscribe } from './streaming.ts';

describe('two cancels at once of a task that is streamed', function () {
  // Far less than the executor, which is silent, may take.
  this.timeout(5_000);
  let store: FaultyStore;
  let runs: Service;
  let other: Service;
  beforeEach(async () => {
    const shared = new MemorySessionStore();
    store = new FaultyStore(shared, false);
    runs = await serve(new FaultyStore(shared, false));
    other = await serve(store);
    runs.agent.script = (act) => {
      act.artifact('half');
      return act.aborted();
    };
  });
  afterEach(closeAll);

  const cancel = async (id: string): Promise<string> =>
    other.operations.cancelTask({ id }, callOf()).then(
      ({ result }) => result.task.status.state,
      (error: unknown) => (error as Error).message,
    );

  it('are both told that it is canceled, and its stream once', async () => {
    const sent = await stream(runs, messageOf('go'));
    await sent.until('a0 half');
    const id = idOf(sent);
    const elsewhere = await subscribe(other, id);
    await elsewhere.next();
    store.always('hang', 'commit');
    const first = cancel(id);
    await eventually(() => store.hanging === 1);
    const reads = store.calls.read ?? 0;
    const second = cancel(id);
    // By then it has looked at the task, and found the first one on its way.
    await eventually(() => (store.calls.read ?? 0) > reads);
    await new Promise((resolve) => setImmediate(resolve));
    store.always(undefined);
    store.release();
    expect(await Promise.all([first, second])).to.deep.equal(['TASK_STATE_CANCELED', 'TASK_STATE_CANCELED']);
    expect((await elsewhere.all()).slice(1)).to.deep.equal(['canceled!']);
    // Its runner hears of it although its executor says nothing.
    expect((await sent.all()).slice(-2)).to.deep.equal(['a0 half', 'canceled!']);
    expect(runs.agent.acts[0]?.context.signal.aborted).to.equal(true);
  });
});
