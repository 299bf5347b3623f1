/** A2A 1.0: webhooks over the wire, and what they are sent. */
import { StreamResponse } from '@a2a-js/sdk';
import { expect } from 'chai';
import type { JsonObject } from '../../protocol/units.ts';
import { eventually } from '../helpers/eventually.ts';
import { planted } from '../helpers/overheard.ts';
import { useServer } from '../helpers/server.ts';
import { useReceiver } from './receiver.ts';
import { memberOf, newId, say, taskIn } from './said.ts';
import { Wire } from './wire.ts';

const AUTHENTICATION = { scheme: 'Bearer', credentials: planted('credentials') };

describe('webhooks of 1.0', () => {
  const env: Record<string, string> = {};
  const receiver = useReceiver(env);
  const server = useServer(undefined, env);
  const client = new Wire(() => server.url, 'v1');
  const begin = async (text: string): Promise<string> =>
    taskIn(await client.result('SendMessage', say(text, {}, { returnImmediately: true }))).id;
  const create = (taskId: string, over: JsonObject = {}): Promise<JsonObject> =>
    client.result('CreateTaskPushNotificationConfig', { taskId, url: receiver.url('/hook'), ...over });
  const statesOf = (path: string): string[] =>
    receiver.received
      .filter((each) => each.path === path)
      .map(
        ({ body }) =>
          (body['statusUpdate'] as { status: { state: string } } | undefined)?.status.state ?? '-',
      );

  it('are shown to their owner with an id, and without credentials [V1-46, V1-63]', async () => {
    const taskId = await begin('input');
    const made = await create(taskId, { authentication: AUTHENTICATION });
    expect(made['id']).to.be.a('string').and.to.have.length.above(0);
    const shown = await client.result('GetTaskPushNotificationConfig', { taskId, id: made['id'] ?? '' });
    expect(shown).to.deep.equal(made);
    expect(JSON.stringify(shown)).to.not.include(planted('credentials'));
    expect(JSON.stringify(server.logs.lines)).to.not.include(planted('credentials'));
  });

  it('that are not there are not found, and neither are those of another task [V1-46]', async () => {
    const [taskId, other] = [await begin('input'), await begin('input')];
    const { id = '' } = await create(taskId);
    for (const params of [
      { taskId, id: 'nope' },
      { taskId: other, id },
      { taskId: 'no.thing', id },
    ])
      expect(await client.code('GetTaskPushNotificationConfig', params)).to.equal(-32001);
  });

  it('are all listed [V1-47]', async () => {
    const taskId = await begin('input');
    const ids = [];
    for (let n = 0; n < 3; n += 1) ids.push((await create(taskId, { url: receiver.url(`/${n}`) }))['id']);
    const { configs } = await client.result('ListTaskPushNotificationConfigs', { taskId });
    expect((configs as JsonObject[]).map(({ id }) => id)).to.have.members(ids);
  });

  it('are deleted for good, and deleting again is no error [V1-48]', async () => {
    const taskId = await begin('input');
    const { id = '' } = await create(taskId);
    for (const time of ['first', 'again'])
      expect(await client.result('DeleteTaskPushNotificationConfig', { taskId, id }), time).to.deep.equal({});
    expect(await client.code('GetTaskPushNotificationConfig', { taskId, id })).to.equal(-32001);
    expect(await client.code('DeleteTaskPushNotificationConfig', { taskId: 'no.thing', id })).to.equal(
      -32001,
    );
    await create(taskId, { url: receiver.url('/kept') });
    await client.result('SendMessage', say('blue', { taskId }));
    await eventually(() => statesOf('/kept').includes('TASK_STATE_COMPLETED'));
    expect(statesOf('/hook')).to.deep.equal([]);
  });

  it('are called with what they were registered with, once for each event, in order [V1-45, V1-49, V1-50, V1-51]', async () => {
    const taskId = await begin('input');
    await create(taskId, { authentication: AUTHENTICATION, token: planted('push-token') });
    await client.result('SendMessage', say('blue', { taskId }));
    await eventually(() => statesOf('/hook').includes('TASK_STATE_COMPLETED'));
    for (const { headers, body } of receiver.received) {
      expect(headers).to.include({
        authorization: `Bearer ${planted('credentials')}`,
        'content-type': 'application/a2a+json',
        'x-a2a-notification-token': planted('push-token'),
      });
      expect(memberOf(body)).to.match(/^(task|statusUpdate|artifactUpdate|message)$/);
      expect(StreamResponse.toJSON(StreamResponse.fromJSON(body))).to.deep.equal(body);
    }
    expect(statesOf('/hook').filter((state) => state !== '-')).to.deep.equal([
      'TASK_STATE_WORKING',
      'TASK_STATE_COMPLETED',
    ]);
  });

  it('may come with the message that makes the task [V1-50]', async () => {
    const hook = { url: receiver.url('/inline'), token: planted('push-token') };
    await client.result('SendMessage', say('hello', {}, { taskPushNotificationConfig: hook }));
    await eventually(() => statesOf('/inline').includes('TASK_STATE_COMPLETED'));
  });

  it('are tried again until they are taken [V1-50, V1-88]', async () => {
    const taskId = await begin('input');
    await create(taskId, { url: receiver.url('/flaky') });
    receiver.statuses.push(503);
    await client.result('SendMessage', say('blue', { taskId }));
    await eventually(() => statesOf('/flaky').at(-1) === 'TASK_STATE_COMPLETED', 15_000);
    expect(statesOf('/flaky').slice(0, 2)).to.deep.equal(['TASK_STATE_WORKING', 'TASK_STATE_WORKING']);
  });

  it('are refused outside https and into the own network, with the field named [V1-88]', async () => {
    const taskId = await begin('input');
    for (const url of [
      'http://example.com/',
      'https://127.0.0.1/',
      'https://[::1]/',
      'https://0x7f.1/',
      'ftp://x/',
    ]) {
      const reply = await client.call('CreateTaskPushNotificationConfig', { taskId, url });
      expect(reply.json.error?.code, url).to.equal(-32602);
      expect(reply.text).to.include('url');
    }
  });

  it('are not found on a task that is not there', async () => {
    const params = { taskId: newId(), url: receiver.url('/x') };
    expect(await client.code('CreateTaskPushNotificationConfig', params)).to.equal(-32001);
    expect(await client.code('ListTaskPushNotificationConfigs', { taskId: newId() })).to.equal(-32001);
  });
});
