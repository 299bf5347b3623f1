import { expect } from 'chai';
import type { JsonObject } from '../../../protocol/units.ts';
import { CANCEL_KEY } from '../../../server/sessions/task-cancel.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { reasonOf } from '../../helpers/sessions.ts';
import { Gate } from './scripted-agent.ts';
import { callOf, messageOf, type Service } from './service.ts';
import { closeAll, idOf, serve, stream, subscribe } from './streaming.ts';

describe('a cancel on another instance than the task runs on', () => {
  let memory: MemorySessionStore;
  let runs: Service;
  let other: Service;
  beforeEach(async () => {
    memory = new MemorySessionStore();
    runs = await serve(new FaultyStore(memory, false), 'i1');
    other = await serve(new FaultyStore(memory, false), 'i2');
  });
  afterEach(closeAll);

  async function running(): Promise<string> {
    const sent = await stream(runs, messageOf('go', { contextId: 'here' }));
    await sent.until('a0 half');
    return idOf(sent);
  }
  const cancel = async ({ operations }: Service, id: string): Promise<unknown> =>
    (await operations.cancelTask({ id }, callOf())).result.task.metadata?.[CANCEL_KEY];
  const shown = async ({ operations }: Service, id: string): Promise<unknown> =>
    (await operations.getTask({ id }, callOf())).result.task.metadata?.[CANCEL_KEY];

  it('is confirmed by its runner, and everybody can see when what happened', async () => {
    runs.agent.script = async (act) => {
      act.artifact('half');
      await act.aborted();
    };
    const id = await running();
    const elsewhere = await subscribe(other, id);
    const beganAt = performance.now();
    const said = (await cancel(other, id)) as Record<string, string>;
    // Long before its grace is over, and before the look that comes every second.
    expect(performance.now() - beganAt).to.be.below(500);
    expect(Object.keys(said)).to.deep.equal(['state', 'requestedAt', 'deliveredAt', 'endedAt']);
    expect(said['state']).to.equal('stopped');
    const times = ['requestedAt', 'deliveredAt', 'endedAt'].map((name) => Date.parse(said[name] ?? ''));
    expect(times).to.deep.equal([...times].sort((a, b) => a - b));
    expect([...runs.canceled, ...other.canceled]).to.have.members(['requested', 'delivered', 'stopped']);
    expect(other.canceled).to.deep.equal(['requested']);
    for (const service of [runs, other]) expect(await shown(service, id)).to.deep.equal(said);
    // From its summary, and told again by an instance that has only what is stored.
    const third = await serve(new FaultyStore(memory, false), 'i3');
    const { result } = await third.operations.listTasks({ pageSize: 10, includeArtifacts: false }, callOf());
    expect(result.tasks.map(({ task }) => task.metadata?.[CANCEL_KEY])).to.deep.equal([said]);
    expect(await shown(third, id)).to.deep.equal(said);
    await elsewhere.all();
    const last = elsewhere.frames.at(-1)?.event;
    expect(last?.kind === 'statusUpdate' && last.update.metadata?.[CANCEL_KEY]).to.deep.equal(said);
  });

  it('is forced by the runner when its executor does not stop, and nothing of it is heard any more', async () => {
    const gate = new Gate();
    let published = false;
    runs.agent.script = async (act) => {
      act.artifact('half');
      await gate.passed;
      act.artifact('more', 'b').done();
      published = true;
    };
    const id = await running();
    expect(await cancel(other, id)).to.deep.include({ state: 'forced' });
    expect(runs.canceled).to.deep.equal(['delivered', 'forced']);
    expect(runs.logged.map(({ event }) => event)).to.include('task_cancel_forced');
    gate.open();
    await eventually(() => published);
    const { task } = (await other.operations.getTask({ id }, callOf())).result;
    expect([task.status.state, task.artifacts.length]).to.deep.equal(['TASK_STATE_CANCELED', 1]);
  });

  it('is forced by whoever asked when the runner is deaf, which is fenced when it hears again', async () => {
    runs.agent.script = async (act) => {
      act.artifact('half');
      await act.aborted();
    };
    const id = await running();
    // It beats, and neither reads nor writes.
    runs.store.fault = (method) => (method === 'read' || method === 'commit' ? 'hang' : undefined);
    const said = await cancel(other, id);
    expect(said).to.have.all.keys('state', 'requestedAt', 'endedAt');
    expect(said).to.deep.include({ state: 'forced' });
    expect(other.canceled).to.deep.equal(['requested', 'forced']);
    runs.store.always(undefined);
    runs.store.release();
    await eventually(() => runs.agent.act('go').context.signal.aborted);
    expect(runs.logged.map(({ event }) => event)).to.include('task_fenced');
    await eventually(() => runs.runner.size === 0);
    expect(await shown(other, id)).to.deep.equal(said);
  });

  it('is forced at once when the runner has died since', async () => {
    runs.agent.script = async (act) => {
      act.artifact('half');
      await act.aborted();
    };
    const id = await running();
    runs.store.always('hang');
    const canceled = cancel(other, id);
    await eventually(() => other.canceled.length === 1);
    await memory.leave('i1');
    const beganAt = performance.now();
    expect(await canceled).to.deep.include({ state: 'forced' });
    expect(performance.now() - beganAt).to.be.below(1_500);
  });

  it('loses against a task that completes meanwhile', async () => {
    const gate = new Gate();
    runs.agent.script = async (act) => {
      act.artifact('half');
      await act.aborted();
      await gate.passed;
      act.done('just made it');
    };
    const id = await running();
    const reason = reasonOf(other.operations.cancelTask({ id }, callOf()));
    await eventually(() => runs.agent.act('go').context.signal.aborted);
    expect(await shown(runs, id)).to.deep.include({ state: 'delivered' });
    gate.open();
    expect(await reason).to.equal('TASK_NOT_CANCELABLE');
    expect((await other.operations.getTask({ id }, callOf())).result.task.status.state).to.equal(
      'TASK_STATE_COMPLETED',
    );
  });

  it('of a task that waits for its client is one commit', async () => {
    runs.agent.script = (act) => {
      act.status('TASK_STATE_INPUT_REQUIRED', 'which?');
    };
    const { result } = await runs.operations.sendMessage(messageOf('go'), callOf());
    const id = result.kind === 'task' ? result.view.task.id : '';
    const before = other.store.requests.length;
    expect(await cancel(other, id)).to.deep.include({ state: 'stopped' });
    expect(other.store.requests.length - before).to.equal(1);
    expect(other.canceled).to.deep.equal(['stopped']);
  });

  it('leaves no trace in what the agent says, even when it says its task back', async () => {
    runs.agent.script = async (act) => {
      act.artifact('half');
      await act.aborted();
      const { taskId: id, contextId } = act.context;
      const metadata: JsonObject = { [CANCEL_KEY]: { state: 'never' }, own: true };
      const status = { state: 'TASK_STATE_CANCELED' as const, timestamp: new Date(0).toISOString() };
      act.publish({ kind: 'task', data: { id, contextId, status, artifacts: [], history: [], metadata } });
    };
    const id = await running();
    expect(await cancel(other, id)).to.deep.include({ state: 'stopped' });
    const { task } = (await runs.operations.getTask({ id }, callOf())).result;
    expect(task.metadata).to.have.property('own', true);
    const written = runs.store.requests.flatMap(({ records }) => records.map(({ json }) => json));
    expect(written.filter((json) => json.includes(CANCEL_KEY))).to.deep.equal([]);
  });
});
