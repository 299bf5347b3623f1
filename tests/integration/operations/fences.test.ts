import { expect } from 'chai';
import type { SendResult } from '../../../protocol/model.ts';
import type { Answer } from '../../../server/a2a/call.ts';
import { eventually } from '../../helpers/eventually.ts';
import { callOf, createService, messageOf, type Service } from './service.ts';
import { Gate } from './scripted-agent.ts';

const taskOf = ({ result }: Answer<SendResult>): string =>
  result.kind === 'task' ? result.view.task.id : 'a message came';

const failure = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'it did not fail',
    (error: unknown) => (error as Error).message,
  );

/** Everything that is under way has been taken as far as it goes without the store. */
const asFarAsItGoes = (): Promise<void> => new Promise(setImmediate);

describe('a cancel that comes between two turns', () => {
  let service: Service;
  beforeEach(async () => {
    service = createService();
    await service.manager.start();
  });
  afterEach(async () => {
    service.store.always(undefined);
    service.store.release();
    await service.runner.drain(0);
    await service.manager.close();
  });

  const stateOf = async (id: string): Promise<string> =>
    (await service.operations.getTask({ id }, callOf())).result.task.status.state;

  it('keeps an answer from being worked on that is stored together with it', async () => {
    const { operations, store, agent } = service;
    agent.script = (act) => {
      if (act.text === 'ask') act.status('TASK_STATE_INPUT_REQUIRED');
      else act.done();
    };
    const id = taskOf(await operations.sendMessage(messageOf('ask', { contextId: 'here' }), callOf()));
    store.always('hang', 'commit');
    const other = operations.sendMessage(messageOf('other', { contextId: 'here' }), callOf());
    await eventually(() => store.hanging === 1);
    const answer = operations.sendMessage(messageOf('blue', { taskId: id }), callOf());
    const canceled = operations.cancelTask({ id }, callOf());
    await asFarAsItGoes();
    store.always(undefined);
    store.release();
    expect((await canceled).result.task.status.state).to.equal('TASK_STATE_CANCELED');
    expect(taskOf(await answer)).to.equal(id);
    await other;
    await eventually(() => service.runner.size === 0);
    expect(agent.begun).to.deep.equal(['ask', 'other']);
  });

  it('keeps the next message from being begun', async () => {
    const { operations, store, agent } = service;
    const gate = new Gate();
    agent.script = async (act) => {
      act.status('TASK_STATE_WORKING');
      await gate.passed;
    };
    const first = messageOf('one', { contextId: 'here' }, { blocking: false });
    const id = taskOf(await operations.sendMessage(first, callOf()));
    const queued = failure(operations.sendMessage(messageOf('two', { taskId: id }), callOf()));
    await eventually(async () => {
      const { task } = (await operations.getTask({ id }, callOf())).result;
      return task.history.length === 2 && task.status.state === 'TASK_STATE_WORKING';
    });
    store.always('hang', 'commit');
    gate.open();
    await eventually(() => store.hanging === 1);
    const canceled = operations.cancelTask({ id }, callOf());
    await asFarAsItGoes();
    store.always(undefined);
    store.release();
    expect((await canceled).result.task.status.state).to.equal('TASK_STATE_CANCELED');
    await queued;
    expect(agent.begun).to.deep.equal(['one']);
  });

  it('ends a task of which the session is gone by telling its sender so, and its executor', async () => {
    const { operations, agent, manager } = service;
    agent.script = (act) => act.aborted();
    const answer = failure(operations.sendMessage(messageOf('one', { contextId: 'here' }), callOf()));
    await eventually(() => agent.begun.length === 1);
    await manager.remove({ tenant: 'default', sessionId: 'here' });
    expect(await answer).to.equal('Task not found');
    await eventually(() => service.runner.size === 0 && manager.stats.inUse === 0);
    expect(agent.act('one').context.signal.aborted).to.equal(true);
    expect(await failure(stateOf(agent.act('one').context.taskId))).to.equal('Task not found');
  });
});
