import { expect } from 'chai';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { CreatePushParams, PushConfig, SendParams } from '../../../protocol/model.ts';
import type { CallContext } from '../../../server/a2a/call.ts';
import { splitTaskId } from '../../../server/sessions/session-ref.ts';
import { readAll, reasonOf } from '../../helpers/sessions.ts';
import { callOf, createService, messageOf, type Service } from './service.ts';

const URL_ONE = 'https://hooks.example.com/one';
const config = (over: Partial<PushConfig> = {}): PushConfig => ({ url: URL_ONE, ...over });

describe('webhooks of a task', () => {
  let service: Service;
  let taskId: string;

  const send = async (params: SendParams, call = callOf()): Promise<string> => {
    const { result } = await service.operations.sendMessage(params, call);
    if (result.kind !== 'task') throw new Error('a message came');
    return result.view.task.id;
  };

  const create = async (over: Partial<CreatePushParams> = {}, call = callOf()) =>
    (await service.operations.createPushConfig({ taskId, config: config(), ...over }, call)).result;
  const get = async (id?: string, call = callOf()) =>
    (await service.operations.getPushConfig({ taskId, ...(id !== undefined && { id }) }, call)).result;
  const list = async (over = {}, call = callOf()) =>
    (await service.operations.listPushConfigs({ taskId, ...over }, call)).result;
  const ids = async (): Promise<string[]> => (await list()).configs.map(({ config: { id } }) => id);
  const remove = (id: string, call = callOf()) => service.operations.deletePushConfig({ taskId, id }, call);

  /** Records of one type in the session of a task. */
  const recordsOf = async (type: string, of = taskId): Promise<Record<string, unknown>[]> => {
    const sessionId = splitTaskId(of)?.sessionId ?? '';
    const records = await readAll(service.store, { tenant: 'default', sessionId });
    return records
      .map(({ json }) => JSON.parse(json ?? '{}') as Record<string, unknown>)
      .filter(({ t }) => t === type);
  };

  const rejection = async (promise: Promise<unknown>): Promise<ProtocolError> => {
    const error = await promise.then(
      () => new Error('it succeeded'),
      (reason: unknown) => reason,
    );
    if (error instanceof ProtocolError) return error;
    throw error as Error;
  };

  beforeEach(async () => {
    service = createService();
    taskId = await send(messageOf('hello'));
  });

  afterEach(async () => {
    await service.runner.drain(1_000);
    await service.manager.close();
  });

  it('are registered, shown, listed in order, and removed for good', async () => {
    const first = await create();
    expect(first?.taskId).to.equal(taskId);
    expect(first?.config.url).to.equal(URL_ONE);
    const id = first?.config.id ?? '';
    expect(id).to.not.equal('');
    const second = await create({ config: config({ id: 'mine', url: 'https://hooks.example.com/two' }) });
    expect(second?.config.id).to.equal('mine');
    expect(await get('mine')).to.deep.equal(second);
    expect(await ids()).to.deep.equal([id, 'mine']);
    await remove(id);
    await remove(id);
    expect(await ids()).to.deep.equal(['mine']);
    expect(await reasonOf(get(id))).to.equal('TASK_NOT_FOUND');
    expect(await recordsOf('unpush')).to.have.length(1);
  });

  it('are replaced under the same id, and keep their place', async () => {
    await create({ config: config({ id: 'a' }) });
    await create({ config: config({ id: 'b' }) });
    await create({ config: config({ id: 'a', url: 'https://hooks.example.com/new' }) });
    expect((await list()).configs.map(({ config: { id, url } }) => `${id} ${url}`)).to.deep.equal([
      'a https://hooks.example.com/new',
      `b ${URL_ONE}`,
    ]);
  });

  it('are left alone when they are registered as they stand', async () => {
    await create({ config: config({ id: 'a', token: 't' }) });
    await create({ config: config({ id: 'a', token: 't' }) });
    expect(await recordsOf('push')).to.have.length(1);
    await create({ config: config({ id: 'a', token: 'u' }) });
    expect(await recordsOf('push')).to.have.length(2);
  });

  it('never show their credentials, which are stored', async () => {
    const authentication = { schemes: ['Bearer'], credentials: 's3cret' };
    const created = await create({ config: config({ id: 'a', authentication }) });
    expect(created?.config.authentication).to.deep.equal({ schemes: ['Bearer'] });
    expect(JSON.stringify([created, await get('a'), await list()])).to.not.contain('s3cret');
    expect(JSON.stringify(await recordsOf('push'))).to.contain('s3cret');
  });

  it('may be asked for when the task has ended', async () => {
    const { result } = await service.operations.getTask({ id: taskId }, callOf());
    expect(result.task.status.state).to.equal('TASK_STATE_COMPLETED');
    expect(await create()).to.not.equal(undefined);
  });

  it('are listed in pages, and a page of one task is none of another', async () => {
    for (const id of ['a', 'b', 'c']) await create({ config: config({ id }) });
    const first = await list({ pageSize: 2 });
    expect(first.configs.map(({ config: { id } }) => id)).to.deep.equal(['a', 'b']);
    // What is removed meanwhile leaves no gap.
    await remove('b');
    const pageToken = first.nextPageToken;
    const second = await list({ pageSize: 2, pageToken });
    expect(second.configs.map(({ config: { id } }) => id)).to.deep.equal(['c']);
    expect(second.nextPageToken).to.equal('');
    taskId = await send(messageOf('another'));
    for (const token of [pageToken, 'nonsense', '']) {
      const error = await rejection(list({ pageToken: token }));
      expect(error.reason).to.equal('INVALID_PARAMS');
      expect(error.violations[0]?.field).to.equal('pageToken');
    }
  });

  it('are at most 16', async () => {
    for (let i = 0; i < 16; i++) await create({ config: config({ id: `w${i}` }) });
    const error = await rejection(create({ config: config({ id: 'w16' }) }));
    expect(error.reason).to.equal('INVALID_PARAMS');
    expect(error.message).to.match(/at most 16/);
    await create({ config: config({ id: 'w3', token: 'new' }) });
    await remove('w0');
    await create({ config: config({ id: 'w16' }) });
  });

  it('of a task that is not there are not found, whatever is asked', async () => {
    taskId = 'nobody.here';
    expect(await reasonOf(create())).to.equal('TASK_NOT_FOUND');
    expect(await reasonOf(get('a'))).to.equal('TASK_NOT_FOUND');
    expect(await reasonOf(list())).to.equal('TASK_NOT_FOUND');
    expect(await reasonOf(remove('a'))).to.equal('TASK_NOT_FOUND');
  });

  for (const [dialect, field] of [
    ['v1', 'url'],
    ['v03', 'pushNotificationConfig.url'],
    ['v01', 'pushNotificationConfig.url'],
  ] as const) {
    it(`at an address that must not be called are refused, and the ${dialect} field is named`, async () => {
      for (const url of ['http://hooks.example.com/', 'https://127.1/', 'https://u:p@hooks.example.com/']) {
        const error = await rejection(create({ config: config({ url }) }, callOf(dialect)));
        expect(error.reason).to.equal('INVALID_PARAMS');
        expect(error.violations[0]?.field).to.equal(field);
      }
    });
  }

  for (const dialect of ['v03', 'v01'] as const) {
    it(`have the id of their task where a ${dialect} client gave none`, async () => {
      const call = callOf(dialect);
      expect((await create({}, call))?.config.id).to.equal(taskId);
      expect((await get(undefined, call))?.config.url).to.equal(URL_ONE);
      await create({ config: config({ url: 'https://hooks.example.com/new' }) }, call);
      expect(await ids()).to.deep.equal([taskId]);
      await remove(taskId, call);
      expect(await ids()).to.deep.equal([]);
    });
  }

  it('that are not there are said to be so in 0.3, and are nothing in 0.1', async () => {
    expect(await reasonOf(get(undefined, callOf('v03')))).to.equal('TASK_NOT_FOUND');
    expect(await get(undefined, callOf('v01'))).to.equal(undefined);
  });

  it('are taken away by a 0.1 client that sets none', async () => {
    const call = callOf('v01');
    await create({}, call);
    expect(await create({ config: null }, call)).to.equal(undefined);
    expect(await get(undefined, call)).to.equal(undefined);
  });

  it('of a 0.1 task are shown under the name that the client knows', async () => {
    const call = callOf('v01');
    const full = await send(messageOf('hi', {}, { clientTaskId: 'my-task' }), call);
    taskId = 'my-task';
    expect(await create({}, call)).to.deep.equal({
      taskId: 'my-task',
      config: { id: full, url: URL_ONE },
    });
    expect((await get('my-task', callOf('v03')))?.config.id).to.equal(full);
  });

  it('are refused while the store is away, rather than lost', async () => {
    service.store.fault = (method) => (method === 'commit' ? 'refuse' : undefined);
    const error = await rejection(create());
    expect(error.reason).to.equal('STORE_UNAVAILABLE');
    expect(error.retryAfterMs).to.be.greaterThan(0);
    expect(await reasonOf(remove('a'))).to.equal('it succeeded');
    service.store.fault = () => undefined;
    expect(await ids()).to.deep.equal([]);
    await create({ config: config({ id: 'a' }) });
    service.store.fault = (method) => (method === 'commit' ? 'refuse' : undefined);
    expect(await reasonOf(remove('a'))).to.equal('STORE_UNAVAILABLE');
  });

  describe('in a send', () => {
    const inline = (over: Partial<PushConfig> = {}, message = {}, text = 'hi'): SendParams =>
      messageOf(text, message, { pushConfig: config(over) });

    it('come with the task, in one commit, before anything that they are to be told of', async () => {
      const commits = service.store.calls.commit ?? 0;
      taskId = await send(inline({ id: 'a' }), callOf('v03'));
      const [record] = await recordsOf('push');
      expect(record).to.include({ id: 'a', dialect: 'v03' });
      const sessionId = splitTaskId(taskId)?.sessionId ?? '';
      const types = (await readAll(service.store, { tenant: 'default', sessionId })).map(
        ({ json }) => (JSON.parse(json ?? '{}') as { t: string }).t,
      );
      expect(types.slice(0, 4)).to.deep.equal(['created', 'task', 'message', 'push']);
      expect((service.store.calls.commit ?? 0) - commits).to.be.at.most(3);
    });

    it('are not registered twice when the send is repeated', async () => {
      const params = inline({ token: 'once' });
      taskId = await send(params);
      expect(await send(params)).to.equal(taskId);
      expect(await ids()).to.have.length(1);
      expect(await recordsOf('push')).to.have.length(1);
    });

    it('join the task that the message goes to; one that stands already is not begun anew', async () => {
      service.agent.script = (act) => {
        act.status('TASK_STATE_INPUT_REQUIRED', 'more?');
      };
      taskId = await send(messageOf('begin'));
      await send(inline({}, { taskId }, 'first answer'));
      await send(inline({}, { taskId }, 'second answer'));
      expect(await ids()).to.have.length(1);
      expect(await recordsOf('push')).to.have.length(1);
      await send(inline({ url: 'https://hooks.example.com/other' }, { taskId }, 'third answer'));
      expect(await ids()).to.have.length(2);
      // Before the run that it is to be told of.
      const sessionId = splitTaskId(taskId)?.sessionId ?? '';
      const types = (await readAll(service.store, { tenant: 'default', sessionId })).map(
        ({ json }) => (JSON.parse(json ?? '{}') as { t: string }).t,
      );
      const at = types.indexOf('push');
      expect(types.slice(at - 1, at + 2)).to.deep.equal(['message', 'push', 'run']);
    });

    for (const [dialect, field] of [
      ['v1', 'configuration.taskPushNotificationConfig.url'],
      ['v03', 'configuration.pushNotificationConfig.url'],
      ['v01', 'pushNotification.url'],
    ] as const) {
      it(`that must not be called are refused, the ${dialect} field is named, and nothing is begun`, async () => {
        const params = {
          ...inline({ url: 'http://10.0.0.1/' }),
          ...(dialect === 'v01' && { clientTaskId: 'x' }),
        };
        const call: CallContext = callOf(dialect);
        const error = await rejection(service.operations.sendMessage(params, call));
        expect(error.reason).to.equal('INVALID_PARAMS');
        expect(error.violations[0]?.field).to.equal(field);
        expect(service.runner.size).to.equal(0);
        expect(service.manager.stats.inUse).to.equal(0);
      });
    }

    it('are acknowledged with the send while the store is away, and stored with it', async () => {
      service.store.fault = (method) => (method === 'commit' ? 'refuse' : undefined);
      taskId = await send(inline({ id: 'a' }));
      expect(await ids()).to.deep.equal(['a']);
      service.store.fault = () => undefined;
    });
  });
});
