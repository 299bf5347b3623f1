import { expect } from 'chai';
import type { SendResult, TaskView } from '../../../protocol/model.ts';
import { isTerminal } from '../../../protocol/task-state.ts';
import type { RecordBody } from '../../../server/sessions/records.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { readAll, reasonOf } from '../../helpers/sessions.ts';
import { DIALECTS } from './conversation.ts';
import { Gate, ScriptedAgent } from './scripted-agent.ts';
import { callOf, createService, messageOf, type Service } from './service.ts';

const REF = { tenant: 'default', sessionId: 'here' };
const HERE = { contextId: 'here' };

describe('a task on two instances', () => {
  let memory: MemorySessionStore;
  let agent: ScriptedAgent;
  let one: Service;
  let two: Service;
  beforeEach(() => {
    memory = new MemorySessionStore();
    agent = new ScriptedAgent();
    // One agent object for both: whatever runs at once on one task is seen.
    [one, two] = ['i1', 'i2'].map((instance) =>
      createService(new FaultyStore(memory, false), instance, { agent }),
    ) as [Service, Service];
  });
  afterEach(async () => {
    for (const { runner, manager } of [one, two]) {
      await runner.drain(0);
      await manager.close();
    }
  });

  const taskOf = (result: SendResult): TaskView['task'] => {
    if (result.kind !== 'task') throw new Error('a bare message');
    return result.view.task;
  };
  const bodies = async (): Promise<RecordBody[]> =>
    (await readAll(memory, REF)).map(({ json }) => JSON.parse(json ?? '{}') as RecordBody);
  const texts = (task: TaskView['task']): string[] =>
    task.artifacts.map(({ parts }) => parts.map((part) => ('text' in part ? part.text : '?')).join('|'));
  /** One that runs on the first instance. */
  async function running(text = 'go'): Promise<string> {
    const { result } = await one.operations.sendMessage(messageOf(text, HERE, { blocking: false }), callOf());
    await eventually(() => agent.begun.length > 0);
    return taskOf(result).id;
  }

  it('has one executor at any time and each chunk once, whoever sends to it and when', async () => {
    const gate = new Gate();
    agent.script = async (act) => {
      if (act.text === 'go') await gate.passed;
      for (let i = 0; i < 5; i++) {
        act.publish({
          kind: 'artifactUpdate',
          data: {
            taskId: act.context.taskId,
            contextId: act.context.contextId,
            artifact: { artifactId: 'a', parts: [{ text: `${act.text} ${i}` }] },
            append: act.text !== 'go' || i > 0,
          },
        });
        await Promise.resolve();
      }
      if (agent.begun.length === 7) act.status('TASK_STATE_COMPLETED');
    };
    const taskId = await running();
    const sends = Array.from({ length: 6 }, (_, i) =>
      (i % 2 === 0 ? one : two).operations.sendMessage(messageOf(`m${i}`, { taskId }), callOf()),
    );
    await eventually(async () => (await bodies()).filter(({ t }) => t === 'message').length === 7);
    gate.open();
    for (const { result } of await Promise.all(sends))
      expect(taskOf(result).status.state).to.equal('TASK_STATE_COMPLETED');
    expect(agent.mostAtOnce).to.equal(1);
    // In the order in which they were stored.
    const said = (await bodies()).flatMap((body) => (body.t === 'message' ? body.message.parts : []));
    expect(agent.begun).to.deep.equal(said.map((part) => ('text' in part ? part.text : '?')));
    const chunks = agent.begun.flatMap((text) => Array.from({ length: 5 }, (_, i) => `${text} ${i}`));
    const { result } = await two.operations.getTask({ id: taskId }, callOf());
    expect(texts(result.task)).to.deep.equal([chunks.join('|')]);
  });

  it('tells a sender elsewhere that it ended before the turn of the message, which stays in the history', async () => {
    const gate = new Gate();
    agent.script = async (act) => {
      await gate.passed;
      act.done('done');
    };
    const taskId = await running();
    const queued = [one, two].map(({ operations }, i) =>
      operations.sendMessage(messageOf(`queued ${i}`, { taskId }), callOf()),
    );
    await eventually(async () => (await bodies()).filter(({ t }) => t === 'message').length === 3);
    gate.open();
    for (const send of queued) expect(await reasonOf(send)).to.equal('INVALID_TASK_STATE');
    const { result } = await two.operations.getTask({ id: taskId }, callOf());
    expect(result.task.history).to.have.length(3);
    expect(agent.begun).to.deep.equal(['go']);
  });

  for (const dialect of DIALECTS) {
    it(`is ended in ${dialect} by a cancel where it does not run, and its executor is stopped and not heard`, async () => {
      const gate = new Gate();
      let published = false;
      agent.script = async (act) => {
        act.artifact('half').status('TASK_STATE_WORKING');
        await act.aborted();
        await gate.passed;
        act.artifact('more', 'b').done('late');
        published = true;
      };
      const taskId = await running();
      await eventually(async () => (await bodies()).some(({ t }) => t === 'status'));
      const { result } = await two.operations.cancelTask({ id: taskId }, callOf(dialect));
      expect(result.task.status.state).to.equal('TASK_STATE_CANCELED');
      expect(agent.act('go').context.signal.aborted).to.equal(true);
      gate.open();
      await eventually(() => published);
      await one.runner.drain(1_000);
      for (const { operations } of [one, two]) {
        const { result: now } = await operations.getTask({ id: taskId }, callOf());
        expect(now.task.status.state).to.equal('TASK_STATE_CANCELED');
        expect(texts(now.task)).to.deep.equal(['half']);
      }
      const again = two.operations.cancelTask({ id: taskId }, callOf(dialect));
      expect(await reasonOf(again)).to.equal(dialect === 'v1' ? 'it succeeded' : 'TASK_NOT_CANCELABLE');
    });
  }

  it('ends once when cancels race its completion, and every answer says how', async () => {
    for (let round = 0; round < 30; round++) {
      const gate = new Gate();
      agent.script = async (act) => {
        await gate.passed;
        act.done('made it');
      };
      const before = agent.begun.length;
      const send = messageOf(`go ${round}`, HERE, { blocking: false });
      const { id } = taskOf((await one.operations.sendMessage(send, callOf())).result);
      await eventually(() => agent.begun.length === before + 1);
      gate.open();
      for (let turn = 0; turn < round % 5; turn++) await Promise.resolve();
      const answers = await Promise.all(
        [two, one, two].map(({ operations }) =>
          operations.cancelTask({ id }, callOf()).then(
            ({ result }) => result.task.status.state,
            () => 'refused',
          ),
        ),
      );
      await eventually(async () =>
        isTerminal((await two.operations.getTask({ id }, callOf())).result.task.status.state),
      );
      const local = id.split('.').at(-1);
      const ends = (await bodies()).filter(
        (body) => body.t === 'status' && body.task === local && isTerminal(body.state),
      );
      expect(ends).to.have.length(1);
      const { task } = (await one.operations.getTask({ id }, callOf())).result;
      const isCanceled = task.status.state === 'TASK_STATE_CANCELED';
      for (const answer of answers)
        expect(answer, `round ${round}`).to.equal(isCanceled ? 'TASK_STATE_CANCELED' : 'refused');
      if (!isCanceled) expect(texts(task)).to.deep.equal(['made it']);
    }
  });

  it('is canceled with messages that wait, whose senders are told on both', async () => {
    agent.script = (act) => act.aborted();
    const taskId = await running();
    const queued = [one, two].map(({ operations }, i) =>
      operations.sendMessage(messageOf(`queued ${i}`, { taskId }), callOf()),
    );
    await eventually(async () => (await bodies()).filter(({ t }) => t === 'message').length === 3);
    const { result } = await one.operations.cancelTask({ id: taskId }, callOf());
    expect(result.task.status.state).to.equal('TASK_STATE_CANCELED');
    for (const send of queued) expect(await reasonOf(send)).to.equal('INVALID_TASK_STATE');
    expect(agent.begun).to.deep.equal(['go']);
  });

  it('that asked is gone on with where the answer is sent', async () => {
    agent.script = (act) => {
      if (act.text === 'go') act.status('TASK_STATE_INPUT_REQUIRED', 'which?');
      else act.done(`did ${act.text}`);
    };
    const taskId = taskOf((await one.operations.sendMessage(messageOf('go', HERE), callOf())).result).id;
    const both = [two, one].map(({ operations }, i) =>
      operations.sendMessage(messageOf(`answer ${i}`, { taskId }), callOf()),
    );
    const outcomes = await Promise.all(both.map((send) => reasonOf(send)));
    // One of them was the answer; the other came too late, or was taken as the next message before the end.
    expect(outcomes).to.include('it succeeded');
    expect(agent.mostAtOnce).to.equal(1);
    expect(agent.begun).to.have.length(2);
  });
});
