import { expect } from 'chai';
import { TEND_MS } from '../../server/a2a/tend-task.ts';
import { splitTaskId } from '../../server/sessions/session-ref.ts';
import { MemorySessionStore } from '../../server/stores/memory/memory-store.ts';
import { eventually } from '../helpers/eventually.ts';
import { callOf, messageOf, type Service } from './operations/service.ts';
import { closeAll, endsIn, recordsOf, serve } from './reaping.ts';

/** A 0.1 send with an id that nobody knows is refused when the store does not answer: only it can tell whose id that is. */
describe('a send that was refused because the store did not answer in time, and is stored all the same', () => {
  let store: MemorySessionStore;
  let one: Service;
  let two: Service;

  const send = ({ operations }: Service): ReturnType<Service['operations']['sendMessage']> =>
    operations.sendMessage(messageOf('hello', { contextId: 's1' }, { clientTaskId: 'mine' }), callOf('v01'));

  beforeEach(async () => {
    store = new MemorySessionStore();
    // So rarely do they sweep by themselves that nothing here can come of it.
    const over = { deadMs: 600_000 };
    [one, two] = [await serve(store, over), await serve(store, over)];
    one.operations.reaper.start();
    await one.operations.reaper.sweep();
    for (const { agent } of [one, two])
      agent.script = (act) => {
        act.done('answered');
        return Promise.resolve();
      };
    one.store.once('commit', 'late');
    const refused = await send(one).catch((error: unknown) => error);
    expect(refused).to.include({ reason: 'STORE_UNAVAILABLE' });
    await one.store.runLate();
  });
  afterEach(closeAll);

  const ends = async (): Promise<string[]> => {
    const [task] = (await store.runningTasks('default', 10)).tasks;
    expect(task).to.equal(undefined);
    const { tasks } = await store.listTasks('default', { limit: 10 });
    expect(tasks).to.have.length(1);
    return endsIn(await recordsOf(store, `${tasks[0]?.sessionId}.${tasks[0]?.local}`, 'default'));
  };

  it('is worked on by whoever refused it, as soon as it is looked for', async () => {
    await one.operations.getTask({ id: 'mine' }, callOf('v01'));
    await eventually(async () => (await store.runningTasks('default', 10)).tasks.length === 0);
    expect(await ends()).to.deep.equal(['COMPLETED']);
    expect([one.agent.begun, two.agent.begun]).to.deep.equal([['hello'], []]);
  });

  it('is worked on at once by whoever refused it, when it is sent there again', async () => {
    const began = performance.now();
    const { result } = await send(one);
    expect(result.kind === 'task' && result.view.task.status.state).to.equal('TASK_STATE_COMPLETED');
    // not only after the time in which others' tasks are looked after again
    expect(performance.now() - began).to.be.below(TEND_MS);
    expect([one.agent.begun, two.agent.begun]).to.deep.equal([['hello'], []]);
  });

  it('is answered where it is sent again, and worked on once', async () => {
    const { result } = await send(two);
    expect(result.kind === 'task' && result.view.task.status.state).to.equal('TASK_STATE_COMPLETED');
    expect(result.kind === 'task' && splitTaskId(result.view.task.id)?.sessionId).to.equal('s1');
    expect(await ends()).to.deep.equal(['COMPLETED']);
    expect([one.agent.begun, two.agent.begun]).to.deep.equal([['hello'], []]);
  });
});
