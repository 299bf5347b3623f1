/** A task that an executor publishes whole: only what is new of it becomes records, and what it only says back is no news. */
import { expect } from 'chai';
import type { Artifact, Task } from '../../../protocol/model.ts';
import type { SendParams } from '../../../protocol/model.ts';
import { eventually } from '../../helpers/eventually.ts';
import { type Act, agentSays } from './scripted-agent.ts';
import { callOf, createService, messageOf, type Service } from './service.ts';

const CONTEXT = 'here';

describe('a whole task that an executor publishes', () => {
  let service: Service;
  beforeEach(async () => {
    service = createService();
    await service.manager.start();
  });
  afterEach(async () => {
    await service.runner.drain(0);
    await service.manager.close();
  });

  async function send(text: string, over: Partial<SendParams['message']> = {}): Promise<Task> {
    const params = messageOf(text, { contextId: CONTEXT, ...over });
    const { result } = await service.operations.sendMessage(params, callOf());
    if (result.kind !== 'task') throw new Error('a message came');
    return result.view.task;
  }

  /** Every record of the session, by type, as the store has them. */
  async function records(): Promise<string[]> {
    const read = await service.store.read({ tenant: 'default', sessionId: CONTEXT });
    if (!read.found) throw new Error('there is none');
    return read.tail.records.map(({ json }) => {
      const { t, state } = JSON.parse(json ?? '{}') as { t: string; state?: string };
      return state === undefined ? t : `${t} ${state.slice(11).toLowerCase()}`;
    });
  }

  const publishTask = (act: Act, over: Partial<Task>): Act => {
    const { taskId: id, contextId, task } = act.context;
    const status = { state: 'TASK_STATE_WORKING' as const, timestamp: '' };
    return act.publish({
      kind: 'task',
      data: { ...(task ?? { id, contextId, status, artifacts: [], history: [] }), ...over },
    });
  };
  const artifact = (...texts: string[]): Artifact => ({
    artifactId: 'a',
    parts: texts.map((text) => ({ text })),
  });
  const textsOf = (task: Task): string[][] =>
    task.artifacts.map(({ parts }) => parts.map((part) => ('text' in part ? part.text : '?')));

  /** First asks, then does what the script says in the second turn. */
  async function inSecondTurn(script: (act: Act) => void): Promise<Task> {
    service.agent.script = (act) => {
      if (act.text === 'ask') act.artifact('one').status('TASK_STATE_INPUT_REQUIRED', 'which?');
      else script(act);
    };
    const { id } = await send('ask');
    return send('blue', { taskId: id });
  }

  it('is given back as it was at the start of a turn, and does not end the wait for its answer', async () => {
    const task = await inSecondTurn((act) => {
      expect(act.context.task?.status.state).to.equal('TASK_STATE_INPUT_REQUIRED');
      publishTask(act, {}).done('two');
    });
    expect(task.status.state).to.equal('TASK_STATE_COMPLETED');
    expect((await records()).slice(-4)).to.deep.equal(['message', 'run', 'artifact', 'status completed']);
  });

  it('asks again where its status is a new one of the same state', async () => {
    const task = await inSecondTurn((act) => {
      publishTask(act, { status: { state: 'TASK_STATE_INPUT_REQUIRED', timestamp: '' } });
    });
    expect(task.status.state).to.equal('TASK_STATE_INPUT_REQUIRED');
  });

  it('takes nothing away that was published since it was given', async () => {
    const task = await inSecondTurn((act) => {
      const chunk = { ...artifact('two'), parts: [{ text: 'two' }] };
      const { taskId, contextId } = act.context;
      act.publish({ kind: 'artifactUpdate', data: { taskId, contextId, artifact: chunk, append: true } });
      publishTask(act, { status: { state: 'TASK_STATE_COMPLETED', timestamp: '' } });
    });
    expect(task.status.state).to.equal('TASK_STATE_COMPLETED');
    expect(textsOf(task)).to.deep.equal([['one', 'two']]);
  });

  it('replaces an artifact that it has otherwise, and adds nothing when it has the same', async () => {
    service.agent.script = (act) => {
      publishTask(act, { artifacts: [artifact('x')] });
      publishTask(act, { artifacts: [artifact('x')] });
      publishTask(act, { artifacts: [artifact('x', 'y')] });
      publishTask(act, { artifacts: [artifact('x', 'y')] });
      publishTask(act, {
        artifacts: [artifact('z')],
        status: { state: 'TASK_STATE_COMPLETED', timestamp: '' },
      });
    };
    expect(textsOf(await send('go'))).to.deep.equal([['z']]);
    expect(await records()).to.deep.equal([
      'created',
      'task',
      'message',
      'artifact',
      'status working',
      'artifact',
      'artifact',
      'status completed',
    ]);
  });

  it('says a message once, however often it has it in its status or its history', async () => {
    service.agent.script = (act) => {
      const [first, second, third] = ['one', 'two', 'three'].map(agentSays);
      if (first === undefined || second === undefined || third === undefined) throw new Error('no');
      const working = { state: 'TASK_STATE_WORKING' as const, timestamp: '' };
      const { userMessage } = act.context;
      publishTask(act, { status: { ...working, message: first }, history: [userMessage] });
      publishTask(act, { status: { ...working, message: first }, history: [userMessage, first] });
      publishTask(act, { status: working, history: [userMessage, first, second] });
      publishTask(act, {
        status: { state: 'TASK_STATE_COMPLETED', timestamp: '', message: third },
        history: [userMessage, first, second, third],
      });
    };
    const task = await send('go');
    const said = [...task.history, task.status.message].map((message) => message?.parts[0]);
    expect(said).to.deep.equal([{ text: 'go' }, { text: 'one' }, { text: 'two' }, { text: 'three' }]);
  });

  it('keeps its metadata for later turns, and records it once', async () => {
    let seen: unknown;
    service.agent.script = (act) => {
      if (act.text === 'go') {
        const submitted = { state: 'TASK_STATE_SUBMITTED' as const, timestamp: '' };
        publishTask(act, { status: submitted, metadata: { goal: 'g' } });
        publishTask(act, { metadata: { goal: 'g' } }).status('TASK_STATE_INPUT_REQUIRED');
      } else {
        seen = act.context.task?.metadata;
        publishTask(act, {}).done();
      }
    };
    const { id } = await send('go');
    expect(await records()).to.deep.equal([
      'created',
      'task',
      'message',
      'status submitted',
      'status working',
      'status input_required',
    ]);
    const task = await send('on', { taskId: id });
    expect([seen, task.metadata]).to.deep.equal([{ goal: 'g' }, { goal: 'g' }]);
  });

  it('has what was said up to the message that is answered, and not what is queued behind it', async () => {
    const histories: string[][] = [];
    service.agent.script = async (act) => {
      const { task } = act.context;
      histories.push(task?.history.map(({ messageId }) => messageId) ?? []);
      if (act.text === 'first') {
        const send2 = (messageId: string) =>
          service.operations.sendMessage(
            messageOf(messageId, { messageId, taskId: act.context.taskId }, { blocking: false }),
            callOf(),
          );
        await send2('m2');
        await send2('m3');
        act.status('TASK_STATE_INPUT_REQUIRED', 'which?');
      } else if (act.text === 'm3') act.done();
      else act.status('TASK_STATE_INPUT_REQUIRED');
    };
    await send('first', { messageId: 'm1' });
    await eventually(() => histories.length === 3);
    const asked = histories[1]?.find((id) => id.startsWith('agent-'));
    expect(histories).to.deep.equal([[], ['m1', 'm2', asked], ['m1', 'm2', 'm3', asked]]);
  });
});
