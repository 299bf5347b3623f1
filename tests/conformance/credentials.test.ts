/** Who may see what, in every dialect: with keys, two tenants and two subjects. */
import { expect } from 'chai';
import type { JsonObject } from '../../protocol/units.ts';
import { call, post } from '../helpers/rpc.ts';
import { useServer } from '../helpers/server.ts';
import { CARD, keysFile, newKey, useFiles } from './card-files.ts';
import { newId, say, say01, say03, taskIn } from './said.ts';
import { Wire } from './wire.ts';

const V1 = { 'A2A-Version': '1.0' };

describe('with API keys', () => {
  const env: Record<string, string> = {};
  const [mine, theirs] = [newKey('acme', 'ann'), newKey('rival', 'rob')];
  useFiles(env, {
    A2A_API_KEYS_FILE: () => keysFile([mine, theirs]),
    A2A_CARD_FILE: () => ({ ...CARD, extended: { description: 'For those who are known.' } }),
  });
  const server = useServer(undefined, env);
  const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
  const owner = new Wire(() => server.url, 'v1', bearer(mine.key));
  const stranger = new Wire(() => server.url, 'v1', bearer(theirs.key));

  it('every request needs one, and is told which kind [V1-55, V1-76, V03-106]', async () => {
    const asks: readonly (readonly [string, JsonObject, Record<string, string>])[] = [
      ['SendMessage', say('hi'), V1],
      ['SendStreamingMessage', say('hi'), V1],
      ['ListTasks', {}, V1],
      ['message/send', say03('hi'), { 'A2A-Version': '0.3' }],
      ['tasks/send', say01('x', 'hi'), {}],
      ['GetTask', { id: 'no.thing' }, V1],
    ];
    for (const [method, params, headers] of asks) {
      for (const credential of [{}, bearer('wrong'), { Authorization: 'Basic eDp5' }]) {
        const reply = await call(server.url, method, params, { ...headers, ...credential });
        expect(reply.status, method).to.equal(401);
        expect(reply.headers.get('WWW-Authenticate')).to.match(/^Bearer/);
        expect(reply.json.error).to.be.an('object');
      }
    }
  });

  it('the card stays public, and says what is wanted [V1-76, V03-101]', async () => {
    const response = await fetch(`${server.origin}/.well-known/agent-card.json`, { headers: V1 });
    const card = (await response.json()) as JsonObject;
    expect(response.status).to.equal(200);
    expect(Object.keys(card['securitySchemes'] as object).length).to.be.above(0);
    expect(card['securityRequirements']).to.be.an('array').and.to.have.length.above(0);
    expect(JSON.stringify(card)).to.not.include('For those who are known.');
  });

  it('the extended card is for those who have one [V1-42, V1-60]', async () => {
    const card = await owner.result('GetExtendedAgentCard', {});
    expect(card['description']).to.equal('For those who are known.');
    expect((await call(server.url, 'GetExtendedAgentCard', {}, V1)).status).to.equal(401);
    const old = new Wire(() => server.url, 'v03', bearer(mine.key));
    expect((await old.result('agent/getAuthenticatedExtendedCard', {}))['description']).to.equal(
      'For those who are known.',
    );
  });

  it('what another tenant has does not exist, in any operation [V1-34, V1-57, V1-59, V1-74]', async () => {
    const { id, contextId } = taskIn(await owner.result('SendMessage', say('input')));
    const hook = { taskId: id, url: 'https://example.com/' };
    const { id: hookId = '' } = await owner.result('CreateTaskPushNotificationConfig', hook);
    const asks: readonly (readonly [string, (taskId: string) => JsonObject])[] = [
      ['GetTask', (taskId) => ({ id: taskId })],
      ['CancelTask', (taskId) => ({ id: taskId })],
      ['SubscribeToTask', (taskId) => ({ id: taskId })],
      ['SendMessage', (taskId) => say('hi', { taskId, messageId: 'm' })],
      ['SendStreamingMessage', (taskId) => say('hi', { taskId, messageId: 'm' })],
      ['CreateTaskPushNotificationConfig', (taskId) => ({ ...hook, taskId })],
      ['GetTaskPushNotificationConfig', (taskId) => ({ taskId, id: hookId })],
      ['ListTaskPushNotificationConfigs', (taskId) => ({ taskId })],
      ['DeleteTaskPushNotificationConfig', (taskId) => ({ taskId, id: hookId })],
    ];
    for (const [method, params] of asks) {
      const foreign = await stranger.call(method, params(id));
      const unknown = await stranger.call(method, params('no.thing'));
      const plain = (text: string, taskId: string): string =>
        text.replaceAll(taskId, 'ID').replace(/"id":\d+/, '');
      expect(foreign.json.error?.code, method).to.equal(-32001);
      expect(plain(foreign.text, id)).to.equal(plain(unknown.text, 'no.thing'));
    }
    expect((await stranger.result('ListTasks', { contextId }))['totalSize']).to.equal(0);
    expect((await owner.result('ListTasks', { contextId }))['totalSize']).to.equal(1);
    expect(taskIn(await owner.result('GetTask', { id })).status.state).to.equal('TASK_STATE_INPUT_REQUIRED');
  });

  it('the same context of two tenants is two conversations [V1-57]', async () => {
    const contextId = newId();
    await owner.result('SendMessage', say('one', { contextId }));
    const { task } = await stranger.result('SendMessage', say('recall', { contextId }));
    expect(JSON.stringify(task)).to.not.include('one');
  });

  it('a tenant in the request is the tenant of the key, or refused [V1-59]', async () => {
    expect(await owner.code('SendMessage', { ...say('hi'), tenant: 'acme' })).to.equal(0);
    const { json, text } = await owner.call('SendMessage', { ...say('hi'), tenant: 'rival' });
    expect(json.error?.code).to.equal(-32602);
    expect(text).to.include('tenant');
  });

  it('no key is ever logged [V1-63]', async () => {
    await owner.result('SendMessage', say('boom'));
    await post(server.url, '{', { ...V1, ...bearer(mine.key) });
    const logged = JSON.stringify(server.logs.lines);
    for (const { key } of [mine, theirs]) expect(logged).to.not.include(key);
  });
});
