import { expect } from 'chai';
import { eventually } from '../../helpers/eventually.ts';
import { reasonOf } from '../../helpers/sessions.ts';
import { count, get, HERE, useInstances } from './instances.ts';
import { Gate } from './scripted-agent.ts';
import { callOf, messageOf } from './service.ts';
import { idOf, read, subscribe } from './streaming.ts';

describe('a task whose instance was stopped', () => {
  const on = useInstances();

  it('goes on elsewhere at once, its stream resumes there, and every event is told once', async () => {
    const [one, two] = [on.serve(), on.serve()];
    const gate = new Gate();
    on.agent.script = (act) =>
      count(act, (i) => (i < 3 ? undefined : act.context.attempt === 1 ? act.aborted() : gate.passed));
    const sent = read(await one.operations.sendStreamingMessage(messageOf('go', HERE), callOf()));
    await sent.until('a0+ 2');
    const id = idOf(sent);
    await one.runner.drain(0);
    one.operations.streams.close();
    const before = await sent.all();
    const cursor = sent.frames.at(-1)?.cursor ?? '';
    expect((await on.bodies()).at(-1)).to.deep.include({ t: 'handover', by: 'i1.1' });
    const resumed = await subscribe(two, id, cursor);
    const rest = resumed.all();
    await eventually(() => on.agent.begun.length === 2);
    gate.open();
    expect([...before, ...(await rest)]).to.deep.equal([
      'task submitted',
      'a0 1',
      'a0+ 2',
      'working',
      'a0+ 3',
      'a0+ 4',
      'a0+ 5',
      'completed!',
    ]);
    expect(on.agent.acts[0]?.context.signal.aborted).to.equal(true);
    expect((await on.bodies()).flatMap((body) => (body.t === 'run' ? [body.by] : []))).to.deep.equal([
      'i2.2',
    ]);
  });

  it('is not taken by one that is stopping as well, nor by the one that left it', async () => {
    const [one, two, three] = [on.serve(), on.serve(), on.serve()];
    on.agent.script = (act) => (act.context.attempt === 1 ? act.aborted() : Promise.resolve(void act.done()));
    const id = await on.begun(one);
    await one.runner.drain(0);
    await two.runner.drain(0);
    for (const service of [one, two])
      expect((await get(service, id)).status.state).to.not.match(/COMPLETED|FAILED/);
    expect((await on.bodies()).filter(({ t }) => t === 'run')).to.deep.equal([]);
    expect(on.agent.begun).to.have.length(1);
    await get(three, id);
    await eventually(async () => (await get(three, id)).status.state === 'TASK_STATE_COMPLETED');
  });

  it('answers the send that waits with the task as it stands, and takes no new one', async () => {
    const one = on.serve();
    on.agent.script = (act) => act.aborted();
    const answer = one.operations.sendMessage(messageOf('go', HERE), callOf());
    await eventually(() => on.agent.begun.length === 1);
    await one.runner.drain(0);
    const { result } = await answer;
    expect(result.kind === 'task' && result.view.task.status.state).to.equal('TASK_STATE_SUBMITTED');
    for (const blocking of [true, false])
      expect(
        await reasonOf(one.operations.sendMessage(messageOf('more', {}, { blocking }), callOf())),
      ).to.equal('RESOURCE_EXHAUSTED');
    expect(await reasonOf(one.operations.sendStreamingMessage(messageOf('more'), callOf()))).to.equal(
      'RESOURCE_EXHAUSTED',
    );
  });

  it('keeps the messages that wait for it, which are answered where it goes on', async () => {
    const [one, two] = [on.serve(), on.serve()];
    on.agent.script = async (act) => {
      if (act.context.attempt === 1) return act.aborted();
      if (act.text === 'go') act.artifact('went', 'x');
      else act.artifact(act.text, act.text).done();
    };
    const id = await on.begun(one);
    const queued = two.operations.sendMessage(messageOf('more', { taskId: id }), callOf());
    await eventually(async () => (await on.bodies()).filter(({ t }) => t === 'message').length === 2);
    await one.runner.drain(0);
    const { result } = await queued;
    expect(result.kind === 'task' && result.view.task.status.state).to.equal('TASK_STATE_COMPLETED');
    expect(on.agent.begun).to.deep.equal(['go', 'go', 'more']);
  });

  it('does not end because its executor says that it failed when it is stopped', async () => {
    const [one, two] = [on.serve(), on.serve()];
    on.agent.script = async (act) => {
      if (act.context.attempt > 1) {
        act.done();
        return;
      }
      await act.aborted();
      act.context.session.state.set('where', 'here');
      act.status('TASK_STATE_CANCELED', 'stopped');
      throw new Error('stopped');
    };
    const id = await on.begun(one);
    await one.runner.drain(0);
    await get(two, id);
    await eventually(async () => (await get(two, id)).status.state === 'TASK_STATE_COMPLETED');
    expect(on.agent.acts[1]?.context.session.state.get('where')).to.equal('here');
  });

  it('fails when its agent does not go on by itself, and says so', async () => {
    on.agent.resumable = false;
    const [one, two] = [on.serve(), on.serve()];
    on.agent.script = (act) => act.aborted();
    const id = await on.begun(one);
    await one.runner.drain(0);
    const { status } = await get(two, id);
    expect(status.state).to.equal('TASK_STATE_FAILED');
    expect(JSON.stringify(status.message)).to.match(
      /The server was shut down while this task was running, at \d/,
    );
  });
});
