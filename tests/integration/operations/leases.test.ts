import { expect } from 'chai';
import { stub } from 'sinon';
import type { SendResult } from '../../../protocol/model.ts';
import type { Answer } from '../../../server/a2a/call.ts';
import { SessionDamagedError } from '../../../server/sessions/session-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { type Fault, FaultyStore, type StoreMethod } from '../../helpers/faulty-store.ts';
import { callOf, createService, messageOf, type Service } from './service.ts';

const taskOf = ({ result }: Answer<SendResult>): string => {
  if (result.kind !== 'task') throw new Error('a message came');
  return result.view.task.id;
};

describe('after everything', () => {
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

  /** No session is held, no task is thought to run. */
  const atRest = async (): Promise<void> => {
    await eventually(() => {
      expect([service.manager.stats.inUse, service.runner.size]).to.deep.equal([0, 0]);
    });
  };

  /** One of each thing a client can ask for, good and bad. Nothing of it rejects here. */
  async function everything(): Promise<unknown[]> {
    const { operations, agent } = service;
    agent.script = async (act) => {
      if (act.text === 'boom') throw new Error('boom');
      if (act.text === 'ask') act.status('TASK_STATE_INPUT_REQUIRED');
      else if (act.text === 'say') act.message('words');
      else if (act.text === 'slow') await act.aborted();
      else act.done('fine');
    };
    const outcomes: unknown[] = [];
    const tried = async <T>(call: Promise<T>): Promise<T | undefined> => {
      try {
        const answer = await call;
        outcomes.push('ok');
        return answer;
      } catch (error) {
        outcomes.push((error as Error).message);
        return undefined;
      }
    };
    const send = (...args: Parameters<typeof messageOf>) =>
      tried(operations.sendMessage(messageOf(...args), callOf()));
    for (const text of ['hi', 'say', 'boom', 'ask']) {
      await send(text);
      await send(text, { contextId: 'here' });
    }
    const asked = await send('ask');
    const id = asked === undefined ? 'no.thing' : taskOf(asked);
    await send('x', { taskId: id, contextId: 'elsewhere' });
    await send('fine', { taskId: id });
    await send('more', { taskId: id });
    await send('x', { taskId: 'no.thing' });
    const running = await send('slow', {}, { blocking: false });
    const runningId = running === undefined ? 'no.thing' : taskOf(running);
    for (const gone of [id, runningId, 'no.thing', 'nothing', 'here.none']) {
      for (const dialect of ['v1', 'v03'] as const) {
        await tried(operations.getTask({ id: gone }, callOf(dialect, dialect === 'v03')));
        await tried(operations.cancelTask({ id: gone }, callOf(dialect)));
      }
    }
    for (const sessionId of ['v01', undefined, 'other', 'v01']) {
      const over = { messageId: '', ...(sessionId !== undefined && { contextId: sessionId }) };
      await tried(
        operations.sendMessage(
          messageOf(`v01 ${String(sessionId)}`, over, { clientTaskId: 't1' }),
          callOf('v01'),
        ),
      );
    }
    const same = messageOf('same');
    for (let i = 0; i < 3; i++) (await tried(operations.sendMessage(same, callOf())))?.delivered?.();
    await Promise.all(
      [1, 2, 3].map(() => tried(operations.sendMessage(messageOf('hi', same.message), callOf()))),
    );
    return outcomes;
  }

  it('nothing is held, whatever was asked for', async () => {
    const outcomes = await everything();
    expect(outcomes.filter((outcome) => outcome === 'ok')).to.have.length.greaterThan(18);
    expect(outcomes).to.include.members(['Task not found', 'Task cannot be canceled']);
    await atRest();
  });

  for (const method of ['read', 'commit', 'resolveAlias', 'claimDerived', 'markAnswered'] as StoreMethod[]) {
    for (const fault of ['refuse', 'lose', 'late'] as Fault[]) {
      it(`nothing is held when ${method} fails now and then: ${fault}`, async () => {
        service.store.lateBy = () => 1;
        let n = 0;
        service.store.fault = (called) => (called === method && n++ % 3 === 1 ? fault : undefined);
        const running = everything();
        await running;
        service.store.always(undefined);
        service.manager.storeIsBack();
        // what was acknowledged from memory is stored before its session is let go
        await eventually(() => service.manager.pending.records === 0, 10_000);
        await atRest();
      });
    }
  }

  it('nothing is held when a session turns out to be damaged', async () => {
    await service.manager.close();
    const broken = new MemorySessionStore();
    const damaged = Object.assign(Object.create(broken) as MemorySessionStore, {
      read: () => Promise.reject(new SessionDamagedError('key', 'e')),
    });
    service = createService(new FaultyStore(damaged, false));
    await everything();
    await atRest();
  });

  it('a task of which the executor was never begun is settled by who looks for it', async () => {
    const { operations, store, agent, manager } = service;
    agent.script = (act) => act.aborted();
    const params = messageOf('go', { contextId: 'here' }, { blocking: false });
    const id = taskOf(await operations.sendMessage(params, callOf()));
    await service.runner.drain(0);
    await atRest();
    await manager.close();
    // another process, in which nobody runs it
    const inner = store;
    service = createService(inner, 'second');
    service.agent.script = (act) => {
      act.done('again');
    };
    const { result } = await service.operations.getTask({ id }, callOf());
    expect(result.task.status.state).to.equal('TASK_STATE_FAILED');
    await atRest();
  });
});

describe('a task whose runner is gone', () => {
  it('is settled once however many look at it at once', async () => {
    const store = new FaultyStore(new MemorySessionStore(), false);
    const first = createService(store, 'first');
    first.agent.script = () => new Promise(() => undefined);
    const params = messageOf('go', { contextId: 'here' }, { blocking: false });
    const id = taskOf(await first.operations.sendMessage(params, callOf()));
    const second = createService(store, 'second');
    await second.manager.start();
    const { result } = await second.operations.getTask({ id }, callOf());
    expect(result.task.status.state).to.equal('TASK_STATE_SUBMITTED');
    await eventually(() => second.manager.liveness.isDead('first'), 10_000);
    const seen = await Promise.all([1, 2, 3, 4].map(() => second.operations.getTask({ id }, callOf())));
    expect(seen.map(({ result: shown }) => shown.task.status.state)).to.include('TASK_STATE_FAILED');
    const after = await second.operations.getTask({ id }, callOf());
    expect(after.result.task.status.state).to.equal('TASK_STATE_FAILED');
    expect(second.logged.filter(({ event }) => event === 'task_recovered')).to.have.length(1);
    await first.runner.drain(0);
    await second.manager.close();
    await first.manager.close();
  });

  it('is settled although the attempt to run it again was refused', async () => {
    const store = new FaultyStore(new MemorySessionStore(), false);
    const first = createService(store, 'first');
    first.agent.script = () => new Promise(() => undefined);
    const params = messageOf('go', { contextId: 'here' }, { blocking: false });
    const id = taskOf(await first.operations.sendMessage(params, callOf()));
    const second = createService(store, 'second');
    await second.manager.start();
    const session = await second.manager.open({ tenant: 'default', sessionId: 'here' }, 'existing');
    if (session === undefined) throw new Error('the session is not there');
    const change = session.change.bind(session);
    const refused = stub(session, 'change').callsFake((decide, options) => {
      const [record] = decide(session.draft, 0);
      return record?.t === 'run' ? Promise.reject(new Error('refused')) : change(decide, options);
    });
    const repeat = second.operations.sendMessage({ ...params, blocking: true }, callOf());
    expect(await repeat.catch((error: unknown) => (error as Error).message)).to.equal('refused');
    refused.restore();
    const local = id.slice(id.lastIndexOf('.') + 1);
    expect(second.runner.isRunning(session.ref, local)).to.equal(false);
    second.manager.release(session);
    const { result } = await second.operations.getTask({ id }, callOf());
    expect(result.task.status.state).to.equal('TASK_STATE_FAILED');
    expect(second.agent.begun).to.deep.equal([]);
    await second.runner.drain(0);
    await first.runner.drain(0);
    await second.manager.close();
    await first.manager.close();
  });
});
