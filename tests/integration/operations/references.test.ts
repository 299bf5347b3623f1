/** Tasks that a message refers to: the executor gets those that its sender may see, and nobody learns of others. */
import { expect } from 'chai';
import type { Message } from '../../../protocol/model.ts';
import type { CallContext } from '../../../server/a2a/call.ts';
import { eventually } from '../../helpers/eventually.ts';
import { callOf, createService, messageOf, type Service } from './service.ts';

describe('a message that refers to tasks', () => {
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

  const from = (tenant: string): CallContext => ({
    ...callOf(),
    principal: { tenant, subject: 'ada', roles: [], tier: 'default' },
  });

  async function send(text: string, tenant = 'acme', over: Partial<Message> = {}): Promise<string> {
    const { result } = await service.operations.sendMessage(messageOf(text, over), from(tenant));
    return result.kind === 'task' ? result.view.task.id : '';
  }

  /** Ids and artifacts of what the executor was given beside the message. */
  async function given(referenceTaskIds: string[] | undefined, tenant = 'acme'): Promise<unknown> {
    await send('look', tenant, referenceTaskIds && { referenceTaskIds });
    const tasks = service.agent.acts.at(-1)?.context.referenceTasks;
    return tasks?.map(({ id, artifacts }) => [id, artifacts[0]?.parts[0]]);
  }

  it('brings them in its order, each once, as they stand [V1-81]', async () => {
    const [one, two] = [await send('one'), await send('two')];
    expect(await given([two, one, two])).to.deep.equal([
      [two, { text: 'did two' }],
      [one, { text: 'did one' }],
    ]);
    expect(await given(undefined)).to.equal(undefined);
    await eventually(() => service.manager.stats.inUse === 0);
  });

  it('brings none of another tenant, just as none that does not exist', async () => {
    const [foreign, own] = [await send('secret', 'other'), await send('mine')];
    const [sessionId = ''] = foreign.split('.');
    const ids = [foreign, `${sessionId}.AAAAAAAAAAAAAAAA`, 'no.such', 'nodot', '.', own];
    expect(await given(ids)).to.deep.equal([[own, { text: 'did mine' }]]);
    expect(await given([foreign])).to.deep.equal([]);
    // the same session id in both tenants is two sessions
    const shared = await send('theirs', 'other', { contextId: 'shared' });
    await send('ours', 'acme', { contextId: 'shared' });
    expect(await given([shared])).to.deep.equal([]);
    expect(await given([shared], 'other')).to.deep.equal([[shared, { text: 'did theirs' }]]);
  });

  it('brings none that was withdrawn for a bare message', async () => {
    service.agent.script = (act) => {
      act.message('words');
    };
    await send('say');
    const withdrawn = service.agent.acts[0]?.context.taskId ?? '';
    service.agent.script = (act) => {
      act.done();
    };
    expect(await given([withdrawn])).to.deep.equal([]);
  });

  it('is run although the store is away, with what memory has', async () => {
    const cached = await send('one');
    service.store.always('refuse');
    const ids = [cached, 'not.there'];
    const params = messageOf('look', { referenceTaskIds: ids }, { blocking: false });
    await service.operations.sendMessage(params, from('acme'));
    await eventually(() => service.agent.begun.includes('look'));
    expect(service.agent.acts.at(-1)?.context.referenceTasks?.map(({ id }) => id)).to.deep.equal([cached]);
  });

  it('is not begun when it is canceled while they are looked up', async () => {
    service.agent.script = (act) => {
      act.done();
    };
    const params = messageOf('look', { referenceTaskIds: ['slow.one'] }, { blocking: false });
    service.store.once('read', 'hang');
    const { result } = await service.operations.sendMessage(params, from('acme'));
    const id = result.kind === 'task' ? result.view.task.id : '';
    await eventually(() => service.store.hanging === 1);
    const canceled = await service.operations.cancelTask({ id }, from('acme'));
    expect(canceled.result.task.status.state).to.equal('TASK_STATE_CANCELED');
    service.store.release();
    await eventually(() => service.runner.size === 0);
    expect(service.agent.begun).to.deep.equal([]);
  });
});
