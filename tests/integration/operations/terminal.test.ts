import { expect } from 'chai';
import type { TaskState } from '../../../protocol/task-state.ts';
import type { EventBus } from '../../../server/agents/agent-executor.ts';
import { settleIfOrphan } from '../../../server/a2a/settle.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { opened, reasonOf } from '../../helpers/sessions.ts';
import { DIALECTS } from './conversation.ts';
import { Act, ScriptedAgent } from './scripted-agent.ts';
import { callOf, createService, messageOf, type Service } from './service.ts';

const ENDS: TaskState[] = [
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
  'TASK_STATE_REJECTED',
];

describe('a terminal task', () => {
  let service: Service;
  let agent: ScriptedAgent;
  beforeEach(() => {
    agent = new ScriptedAgent();
    service = createService(new FaultyStore(new MemorySessionStore(), false), 'i1', { agent });
  });
  afterEach(async () => {
    await service.runner.drain(0);
    await service.manager.close();
  });

  for (const dialect of DIALECTS) {
    for (const state of ENDS) {
      it(`stays ${state} in ${dialect} by every path`, async () => {
        let kept: Act | undefined;
        agent.script = (act) => {
          if (act.text !== 'go') return;
          kept = act;
          act.artifact('what it did').status(state, 'the end');
        };
        const call = callOf(dialect);
        const own = dialect === 'v01' ? { clientTaskId: 't' } : {};
        const begun = (await service.operations.sendMessage(messageOf('go', {}, own), call)).result;
        if (begun.kind !== 'task' || kept === undefined) throw new Error('no task');
        const { id, contextId } = begun.view.task;
        const [, local = ''] = id.split('.');
        const session = await opened(
          service.manager,
          { tenant: 'default', sessionId: contextId },
          'existing',
        );
        const shown = (): string =>
          JSON.stringify(session.view.task(local)?.toTask(contextId)) + String(session.view.task(local)?.by);
        const before = shown();
        const refused = async (what: string, doing: Promise<unknown>, reason: string): Promise<void> => {
          expect(await reasonOf(doing), what).to.equal(reason);
          expect(shown(), what).to.equal(before);
        };

        const { operations } = service;
        const more = messageOf('more', { taskId: id });
        await refused('send', operations.sendMessage(more, call), 'INVALID_TASK_STATE');
        const waitless = { ...more, blocking: false };
        await refused('send without waiting', operations.sendMessage(waitless, call), 'INVALID_TASK_STATE');
        await refused('stream', operations.sendStreamingMessage(more, call), 'INVALID_TASK_STATE');
        const isAgain = dialect === 'v1' && state === 'TASK_STATE_CANCELED';
        const cancel = operations.cancelTask({ id }, call);
        await refused('cancel', cancel, isAgain ? 'it succeeded' : 'TASK_NOT_CANCELABLE');

        // What the executor still publishes, on the bus of its turn.
        const bus: EventBus = kept.bus;
        for (const late of ['TASK_STATE_WORKING', 'TASK_STATE_INPUT_REQUIRED', ...ENDS] as const)
          new Act(kept.context, bus)
            .status(late, 'late')
            .task(late, [{ artifactId: 'b', parts: [{ text: 'late' }] }]);
        new Act(kept.context, bus).artifact('late').artifact('late', 'b').message('late');
        await session.change((_draft, at) => [
          { t: 'state', at, task: local, by: 'i1.1', key: 'k', value: 1 },
        ]);
        expect(shown(), 'events of its agent').to.equal(before);

        // Whoever takes it for unfinished.
        const parts = { sessions: service.manager, runner: service.runner } as never;
        await settleIfOrphan(parts, session, local, true);
        expect(shown(), 'settling').to.equal(before);

        // The same client id in 0.1 begins another task and leaves this one as it is.
        if (dialect === 'v01') {
          await operations.sendMessage(messageOf('again', {}, { ...own, blocking: false }), call);
          expect(shown(), '0.1 id').to.equal(before);
        }
        service.manager.release(session);
      });
    }
  }

  it('does not move by what another instance acknowledged while the store was away', async () => {
    const { manager, operations, store } = service;
    agent.script = (act) => act.aborted();
    const begun = await operations.sendMessage(
      messageOf('go', { contextId: 's' }, { blocking: false }),
      callOf(),
    );
    const id = begun.result.kind === 'task' ? begun.result.view.task.id : '';
    const [, local = ''] = id.split('.');
    const other = createService(store, 'i2', { agent });
    const session = await opened(other.manager, { tenant: 'default', sessionId: 's' }, 'existing');
    store.once('commit', 'refuse');
    const late = session.change((_draft, at) => [
      { t: 'artifact', at, task: local, artifact: { artifactId: 'late', parts: [{ text: 'late' }] } },
      { t: 'status', at, task: local, state: 'TASK_STATE_COMPLETED' },
    ]);
    expect(await late).to.equal('deferred');
    expect((await operations.cancelTask({ id }, callOf())).result.task.status.state).to.equal(
      'TASK_STATE_CANCELED',
    );
    await session.replay();
    await eventually(() => session.persistence === 'stored');
    for (const view of [session.view, (await opened(manager, session.ref)).view]) {
      expect(view.task(local)?.state).to.equal('TASK_STATE_CANCELED');
      expect([...(view.task(local)?.artifacts.entries() ?? [])]).to.have.length(0);
    }
    await other.manager.close();
  });
});

describe('a task that needs authorization', () => {
  for (const dialect of DIALECTS) {
    it(`is answered then in ${dialect}, and goes on by itself while its executor does`, async () => {
      const agent = new ScriptedAgent();
      let goOn = (): void => undefined;
      const authorized = new Promise<void>((resolve) => (goOn = resolve));
      agent.script = async (act) => {
        act.status('TASK_STATE_AUTH_REQUIRED', 'log in');
        await authorized;
        act.status('TASK_STATE_WORKING').artifact('what it did').status('TASK_STATE_COMPLETED');
      };
      const { operations, runner, manager } = createService(undefined, 'i1', { agent });
      const own = dialect === 'v01' ? { clientTaskId: 't' } : {};
      const { result } = await operations.sendMessage(messageOf('go', {}, own), callOf(dialect));
      if (result.kind !== 'task') throw new Error('no task');
      expect(result.view.task.status.state).to.equal('TASK_STATE_AUTH_REQUIRED');
      goOn();
      await eventually(async () => {
        const { task } = (await operations.getTask({ id: result.view.task.id }, callOf(dialect))).result;
        return task.status.state === 'TASK_STATE_COMPLETED' && task.artifacts.length === 1;
      });
      expect(agent.begun).to.have.length(1);
      await runner.drain(0);
      await manager.close();
    });

    it(`goes on with a message in ${dialect}, and its executor is stopped before the next one begins`, async () => {
      const agent = new ScriptedAgent();
      agent.script = async (act) => {
        if (act.text !== 'go') {
          act.done('did it');
          return;
        }
        act.status('TASK_STATE_AUTH_REQUIRED', 'log in');
        await act.aborted();
        act.done('not any more');
      };
      const { operations, runner, manager } = createService(undefined, 'i1', { agent });
      const own = dialect === 'v01' ? { clientTaskId: 't' } : {};
      const first = (await operations.sendMessage(messageOf('go', {}, own), callOf(dialect))).result;
      const taskId = first.kind === 'task' ? first.view.task.id : '';
      const params = dialect === 'v01' ? messageOf('logged in', {}, own) : messageOf('logged in', { taskId });
      const { result } = await operations.sendMessage(params, callOf(dialect));
      if (result.kind !== 'task') throw new Error('no task');
      expect([result.view.task.id, result.view.task.status.state]).to.deep.equal([
        taskId,
        'TASK_STATE_COMPLETED',
      ]);
      expect(JSON.stringify(result.view.task.artifacts)).to.contain('did it').and.not.contain('not any more');
      expect(agent.mostAtOnce).to.equal(1);
      await runner.drain(0);
      await manager.close();
    });
  }
});
