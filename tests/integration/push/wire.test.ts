import { expect } from 'chai';
import type { JsonObject } from '../../../protocol/units.ts';
import { eventually } from '../../helpers/eventually.ts';
import { planted } from '../../helpers/overheard.ts';
import { call, sendV01, sendV03, sendV1, V1 } from '../../helpers/rpc.ts';
import { useServerAndReceiver } from './server-with-receiver.ts';

const AUTH_V1 = { scheme: 'Bearer', credentials: planted('credentials') };
const AUTH = { schemes: ['Bearer'], credentials: planted('credentials') };

describe('webhooks over the wire', () => {
  const at = useServerAndReceiver();
  const ask = async (method: string, params: JsonObject, headers = {}) => {
    const { json, text } = await call(at.url, method, params, headers);
    expect(text).to.not.contain(planted('credentials'));
    return json;
  };
  const states = (path: string): string[] =>
    at.receiver.received
      .filter((request) => request.path === path)
      .map(({ body }) => {
        const { statusUpdate, status } = body as Record<
          string,
          { status?: { state: string }; state?: string }
        >;
        return statusUpdate?.status?.state ?? status?.state ?? 'artifact';
      });

  it('are told of a task in 1.0, and are created, shown, listed and deleted', async () => {
    const url = `${at.receiver.origin}/v1`;
    const configuration = { taskPushNotificationConfig: { url, authentication: AUTH_V1 } };
    const sent = await ask('SendMessage', { ...sendV1('m1', 'hello'), configuration }, V1);
    const { id: taskId } = (sent.result as { task: { id: string } }).task;
    await eventually(() => {
      expect(states('/v1')).to.deep.equal(['artifact', 'TASK_STATE_COMPLETED']);
    });
    expect(at.receiver.received[0]?.headers['authorization']).to.equal(`Bearer ${planted('credentials')}`);
    const created = await ask(
      'CreateTaskPushNotificationConfig',
      { taskId, id: 'mine', url, token: planted('push-token') },
      V1,
    );
    expect(created.result).to.deep.equal({ id: 'mine', taskId, url, token: planted('push-token') });
    const shown = await ask('GetTaskPushNotificationConfig', { taskId, id: 'mine' }, V1);
    expect(shown.result).to.deep.equal(created.result);
    const listed = await ask('ListTaskPushNotificationConfigs', { taskId }, V1);
    expect((listed.result as { configs: unknown[] }).configs).to.have.length(2);
    const deleted = await ask('DeleteTaskPushNotificationConfig', { taskId, id: 'mine' }, V1);
    expect(deleted.result).to.deep.equal({});
    const missing = await ask('GetTaskPushNotificationConfig', { taskId, id: 'mine' }, V1);
    expect(missing.error?.code).to.equal(-32001);
  });

  it('are told of a task in 0.3, and are set, shown, listed and deleted', async () => {
    const pushNotificationConfig = { url: `${at.receiver.origin}/v03`, authentication: AUTH };
    const params = { ...sendV03('m1', 'hello'), configuration: { pushNotificationConfig } };
    const { id } = (await ask('message/send', params)).result as { id: string };
    await eventually(() => {
      expect(states('/v03').at(-1)).to.equal('completed');
    });
    const of = (what: string, given: JsonObject) => ask(`tasks/pushNotificationConfig/${what}`, given);
    const set = await of('set', { taskId: id, pushNotificationConfig });
    expect(set.result).to.deep.nested.include({ taskId: id, 'pushNotificationConfig.id': id });
    expect((await of('get', { id })).result).to.deep.equal(set.result);
    expect((await of('list', { id })).result).to.deep.equal([set.result]);
    expect((await of('delete', { id, pushNotificationConfigId: id })).result).to.equal(null);
    expect((await of('get', { id })).error?.code).to.equal(-32001);
  });

  it('are told of a task in 0.1, and are set, shown and taken away', async () => {
    const pushNotification = {
      url: `${at.receiver.origin}/v01`,
      token: planted('push-token'),
      authentication: AUTH,
    };
    await ask('tasks/send', { ...sendV01('my-task', 'hello'), pushNotification });
    await eventually(() => {
      expect(states('/v01').at(-1)).to.equal('completed');
    });
    const [first] = at.receiver.received;
    expect(first?.body).to.include({ id: 'my-task' });
    expect(first?.headers['x-a2a-notification-token']).to.equal(planted('push-token'));
    const shown = await ask('tasks/pushNotification/get', { id: 'my-task' });
    expect(shown.result).to.deep.nested.include({
      id: 'my-task',
      'pushNotificationConfig.url': pushNotification.url,
    });
    await ask('tasks/pushNotification/set', { id: 'my-task', pushNotificationConfig: null });
    const { result } = await ask('tasks/pushNotification/get', { id: 'my-task' });
    expect(JSON.stringify(result ?? {})).to.not.contain('/v01');
  });

  it('at an address that is not allowed are refused', async () => {
    const taskPushNotificationConfig = {
      url: 'http://169.254.169.254/latest/meta-data/',
      token: planted('push-token'),
      authentication: AUTH_V1,
    };
    const params = { ...sendV1('m1', planted('content')), configuration: { taskPushNotificationConfig } };
    const { error } = await ask('SendMessage', params, V1);
    expect(error?.code).to.equal(-32602);
    expect(error?.message).to.match(/configuration\.taskPushNotificationConfig\.url/);
  });
});
