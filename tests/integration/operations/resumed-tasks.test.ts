import { expect } from 'chai';
import { eventually } from '../../helpers/eventually.ts';
import { count, get, texts, useInstances } from './instances.ts';
import { Gate } from './scripted-agent.ts';
import { callOf, messageOf, type Service } from './service.ts';

describe('a task whose runner is gone', () => {
  const on = useInstances();

  it('is gone on with where it was, with what was published and noted before', async () => {
    const [one, two] = [on.serve(), on.serve()];
    on.agent.script = (act) =>
      count(act, (i) =>
        i === 3 && act.context.attempt === 1 ? new Promise<never>(() => undefined) : undefined,
      );
    const id = await on.begun(one);
    await eventually(async () => texts(await get(two, id))[0] === '1 2');
    await on.kill(one);
    await eventually(async () => (await get(two, id)).status.state === 'TASK_STATE_COMPLETED');
    expect(texts(await get(two, id))).to.deep.equal(['1 2 3 4 5']);
    const [first, second] = on.agent.acts.map(({ context }) => context);
    expect(first).to.deep.include({ attempt: 1, resumed: false, task: undefined });
    expect(second).to.deep.include({ attempt: 2, resumed: true });
    expect(second?.userMessage.messageId).to.equal(first?.userMessage.messageId);
    expect(second?.task && texts(second.task)).to.deep.equal(['1 2']);
    expect((await on.bodies()).flatMap((body) => (body.t === 'run' ? [body.by] : []))).to.deep.equal([
      'i2.2',
    ]);
  });

  it('fails when its agent does not go on by itself, and says what happened and when', async () => {
    on.agent.resumable = false;
    const [one, two] = [on.serve(), on.serve()];
    on.agent.script = (act) => act.aborted();
    const id = await on.begun(one);
    await on.kill(one);
    const { status } = await get(two, id);
    expect(status.state).to.equal('TASK_STATE_FAILED');
    const [part] = status.message?.parts ?? [];
    expect(part && 'text' in part && part.text).to.match(
      /^The instance that ran this task stopped; it was found unfinished at \d{4}-\d\d-\d\dT[\d:.]+Z\.$/,
    );
  });

  it('is begun again once, however many find it at the same moment', async () => {
    const [one, ...others] = [on.serve(), on.serve(), on.serve(), on.serve()] as [
      Service,
      Service,
      Service,
      Service,
    ];
    const gate = new Gate();
    on.agent.script = async (act) => {
      if (act.context.attempt === 1) return new Promise<never>(() => undefined);
      await gate.passed;
      act.done(`by ${act.context.attempt}`);
    };
    const id = await on.begun(one);
    await on.kill(one);
    for (let round = 0; round < 5; round++) await Promise.all(others.map((service) => get(service, id)));
    gate.open();
    await eventually(async () => (await get(others[0], id)).status.state === 'TASK_STATE_COMPLETED');
    expect(on.agent.begun).to.deep.equal(['go', 'go']);
    expect((await on.bodies()).filter(({ t }) => t === 'run')).to.have.length(1);
    expect(texts(await get(others[1], id))).to.deep.equal(['by 2']);
  });

  it('fails when it was begun again as often as it may be', async () => {
    on.agent.script = () => new Promise<never>(() => undefined);
    const first = on.serve();
    const id = await on.begun(first);
    let last = first;
    for (let death = 1; death <= 3; death++) {
      await on.kill(last);
      last = on.serve();
      await get(last, id);
      await eventually(() => on.agent.begun.length === death + 1);
    }
    await on.kill(last);
    const { status } = await get(on.serve(), id);
    expect(status.state).to.equal('TASK_STATE_FAILED');
    expect(JSON.stringify(status.message)).to.contain(
      'it was begun again 3 times, which is as often as it may be',
    );
    expect(on.agent.acts.map(({ context }) => context.attempt)).to.deep.equal([1, 2, 3, 4]);
  });

  it('is canceled and not begun again when that was asked for', async () => {
    const [one, two] = [on.serve(), on.serve()];
    on.agent.script = () => new Promise<never>(() => undefined);
    const id = await on.begun(one);
    one.store.always('hang');
    const canceled = two.operations.cancelTask({ id }, callOf());
    await eventually(async () => (await on.bodies()).some(({ t }) => t === 'cancel'));
    await on.memory.leave('i1');
    const { result } = await canceled;
    expect(result.task.status.state).to.equal('TASK_STATE_CANCELED');
    expect(result.task.metadata?.['holdfast:cancel']).to.deep.include({ state: 'forced' });
    expect(on.agent.begun).to.deep.equal(['go']);
  });

  it('is not moved by what its runner acknowledged meanwhile; what its client said there stays', async () => {
    const [one, two] = [on.serve(), on.serve()];
    const gate = new Gate();
    on.agent.script = async (act) => {
      if (act.context.attempt === 1) await gate.passed;
      act.done(`by ${act.context.attempt}`);
    };
    const id = await on.begun(one);
    await on.kill(one);
    const said = messageOf('by the way', { taskId: id }, { blocking: false });
    expect((await one.operations.sendMessage(said, callOf())).persistence).to.equal('deferred');
    gate.open();
    await eventually(async () => texts(await get(one, id))[0] === 'by 1');
    await get(two, id);
    await eventually(async () => (await get(two, id)).status.state === 'TASK_STATE_COMPLETED');
    expect(texts(await get(two, id))).to.deep.equal(['by 2']);
    one.store.always(undefined);
    await one.manager.start();
    one.manager.storeIsBack();
    await eventually(() => one.manager.pending.records === 0, 10_000);
    for (const service of [one, two]) {
      const task = await get(service, id);
      expect([task.status.state, texts(task)]).to.deep.equal(['TASK_STATE_COMPLETED', ['by 2']]);
      expect(task.history.map(({ messageId }) => messageId)).to.include(said.message.messageId);
    }
    const refused = (await on.bodies()).flatMap((body) => (body.t === 'refused' ? [body.record.t] : []));
    expect(refused).to.include.members(['message', 'artifact', 'status']);
    expect(texts(await get(on.serve(), id))).to.deep.equal(['by 2']);
  });

  it('that waits for its client stays as it is', async () => {
    const [one, two] = [on.serve(), on.serve()];
    on.agent.script = (act) => {
      if (act.text === 'go') act.status('TASK_STATE_INPUT_REQUIRED', 'which?');
      else act.done();
    };
    const id = await on.begun(one);
    await eventually(async () => (await get(two, id)).status.state === 'TASK_STATE_INPUT_REQUIRED');
    await on.kill(one);
    await get(two, id);
    expect((await on.bodies()).filter(({ t }) => t === 'run')).to.deep.equal([]);
    const { result } = await two.operations.sendMessage(messageOf('that', { taskId: id }), callOf());
    expect(result.kind === 'task' && result.view.task.status.state).to.equal('TASK_STATE_COMPLETED');
  });
});
