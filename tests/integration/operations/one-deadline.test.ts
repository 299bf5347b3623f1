import { expect } from 'chai';
import type { SendParams } from '../../../protocol/model.ts';
import type { CallContext } from '../../../server/a2a/call.ts';
import type { StoreMethod } from '../../helpers/faulty-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { closeAll, serve } from '../reaping.ts';
import { callOf, messageOf, type Service } from './service.ts';

/** Each answer of the store comes just in time. */
const SLOW_MS = 200;
/** What is promised of a send, whatever the store does. Two slow answers are within it, three are not. */
const PROMISED_MS = 600;

/** Steps of a send. */
const ASKED: readonly StoreMethod[] = ['resolveAlias', 'read', 'claimDerived', 'commit'];

/** A send waits 250 ms for the store in all, not once more in each of its steps. */
describe('a send whose every step the store answers late', () => {
  let store: MemorySessionStore;
  let one: Service;
  let two: Service;

  beforeEach(async () => {
    store = new MemorySessionStore();
    [one, two] = [await serve(store, { deadMs: 600_000 }), await serve(store, { deadMs: 600_000 })];
    for (const { agent } of [one, two])
      agent.script = (act) => {
        act.done('answered');
        return Promise.resolve();
      };
  });
  afterEach(closeAll);

  /** @returns how it was answered, and which steps were slow */
  async function slowSend(
    service: Service,
    params: SendParams,
    call: CallContext,
  ): Promise<{ ms: number; persistence: string | undefined; steps: StoreMethod[] }> {
    const steps: StoreMethod[] = [];
    service.store.lateBy = () => SLOW_MS;
    service.store.fault = (method) => {
      if (ASKED.includes(method)) steps.push(method);
      return 'hang';
    };
    const began = performance.now();
    const { result, persistence, delivered } = await service.operations.sendMessage(params, call);
    const ms = performance.now() - began;
    delivered?.();
    expect(result.kind === 'task' && result.view.task.status.state).to.equal('TASK_STATE_COMPLETED');
    return { ms, persistence, steps };
  }

  async function sent({ operations }: Service, params: SendParams, call = callOf()): Promise<string> {
    const { result, delivered } = await operations.sendMessage(params, call);
    delivered?.();
    if (result.kind !== 'task') throw new Error('a bare message');
    return result.view.task.id;
  }

  const expectInTime = ({ ms, persistence, steps }: Awaited<ReturnType<typeof slowSend>>): void => {
    expect(persistence, steps.join()).to.equal('deferred');
    expect(ms, steps.join()).to.be.below(PROMISED_MS);
  };

  it('is acknowledged from memory in time: read, commit', async () => {
    await sent(one, messageOf('hello', { contextId: 's1' }));
    const slow = await slowSend(two, messageOf('again', { contextId: 's1' }), callOf());
    expect(slow.steps.slice(0, 2)).to.deep.equal(['read', 'commit']);
    expectInTime(slow);
    two.store.always(undefined);
    await eventually(() => two.manager.pending.records === 0);
  });

  it('is acknowledged from memory in time: whose id it is, read, commit', async () => {
    one.agent.script = (act) => {
      act.status('TASK_STATE_INPUT_REQUIRED', 'what?');
      return Promise.resolve();
    };
    const taskId = await sent(one, messageOf('hello', { contextId: 's1' }), callOf('v03'));
    const slow = await slowSend(two, messageOf('again', { contextId: 's1', taskId }), callOf('v03'));
    expect(slow.steps.slice(0, 2)).to.deep.equal(['resolveAlias', 'read']);
    expectInTime(slow);
  });

  it('is acknowledged from memory in time: catching up, who serves it now, commit', async () => {
    const params = messageOf('hello');
    await sent(one, params);
    await eventually(() => one.store.calls.markAnswered === 1);
    const slow = await slowSend(one, params, callOf());
    expect(slow.steps.slice(0, 2)).to.deep.equal(['read', 'claimDerived']);
    expectInTime(slow);
  });
});
