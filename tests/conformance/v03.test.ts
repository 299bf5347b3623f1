/** A2A 0.3 over the wire. */
import { expect } from 'chai';
import type { JsonObject } from '../../protocol/units.ts';
import { eventually } from '../helpers/eventually.ts';
import { planted } from '../helpers/overheard.ts';
import { post } from '../helpers/rpc.ts';
import { useServer } from '../helpers/server.ts';
import { useReceiver } from './receiver.ts';
import { newId, say03, taskIn, textsOf } from './said.ts';
import { type Frame, Wire } from './wire.ts';

const kinds = (frames: readonly Frame[]): unknown[] => frames.map(({ result }) => result['kind']);
const finals = (frames: readonly Frame[]): unknown[] =>
  frames.filter(({ result }) => result['kind'] === 'status-update').map(({ result }) => result['final']);
const isChunk = (result: JsonObject): boolean => result['kind'] === 'artifact-update';

describe('A2A 0.3', () => {
  const env: Record<string, string> = {};
  const receiver = useReceiver(env);
  const server = useServer(undefined, env);
  const client = new Wire(() => server.url, 'v03');
  const send = async (...said: Parameters<typeof say03>) =>
    taskIn(await client.result('message/send', say03(...said)));

  it('sends, gets and cancels [V03-97, V03-102]', async () => {
    const done = await send('hello');
    expect([done.status.state, ...textsOf(done)]).to.deep.equal(['completed', 'echo: hello']);
    expect(taskIn(await client.result('tasks/get', { id: done.id }))).to.deep.equal(done);
    const { id } = await send('slow 2 60000', {}, { blocking: false });
    expect(taskIn(await client.result('tasks/cancel', { id })).status.state).to.equal('canceled');
    expect(await client.code('tasks/cancel', { id })).to.equal(-32002);
  });

  it('answers as JSON-RPC 2.0 with the id it was asked with, or null [V03-98]', async () => {
    for (const id of ['a', 7, null]) {
      const body = { jsonrpc: '2.0', id, method: 'message/send', params: say03('hello') };
      const { headers, json } = await post(server.url, JSON.stringify(body));
      expect(headers.get('Content-Type')).to.equal('application/json');
      expect([json.jsonrpc, json.id]).to.deep.equal(['2.0', id]);
    }
    const { json } = await post(server.url, '{"jsonrpc":');
    expect([json.id, json.error?.code]).to.deep.equal([null, -32700]);
  });

  it('shows its endpoint and transport in the card, and repeats them [V03-99, V03-100]', async () => {
    const card = (await (await fetch(`${server.origin}/.well-known/agent-card.json`)).json()) as JsonObject;
    expect(card).to.deep.include({ url: server.url, preferredTransport: 'JSONRPC' });
    expect(card['additionalInterfaces']).to.deep.include({ url: server.url, transport: 'JSONRPC' });
  });

  it('says kind everywhere, and final in every status event [V03-103]', async () => {
    const task = (await client.result('message/send', say03('hello'))) as unknown as {
      kind: string;
      history: { kind: string; parts: { kind: string }[] }[];
      artifacts: { parts: { kind: string }[] }[];
    };
    expect([task.kind, task.history[0]?.kind, task.history[0]?.parts[0]?.kind]).to.deep.equal([
      'task',
      'message',
      'text',
    ]);
    expect(task.artifacts[0]?.parts[0]?.kind).to.equal('text');
    const frames = await (await client.stream('message/stream', say03('slow 2 5'))).rest();
    expect(kinds(frames)).to.deep.equal([
      'task',
      'status-update',
      'artifact-update',
      'artifact-update',
      'status-update',
    ]);
    expect(finals(frames)).to.deep.equal([false, true]);
    expect((await client.result('message/send', say03('msg hi')))['kind']).to.equal('message');
  });

  it('says final where the stream pauses for input', async () => {
    const frames = await (await client.stream('message/stream', say03('input'))).rest();
    expect(finals(frames).at(-1)).to.equal(true);
    expect(taskIn(frames.at(-1)?.result ?? {}).status.state).to.equal('input-required');
  });

  it('streams a message bare', async () => {
    const frames = await (await client.stream('message/stream', say03('msg hi'))).rest();
    expect(kinds(frames)).to.deep.equal(['message']);
  });

  it('does not restart what has ended [V03-104]', async () => {
    const { id } = await send('hello');
    for (const method of ['message/send', 'message/stream'])
      expect(await client.code(method, say03('more', { taskId: id })), method).to.equal(-32004);
  });

  it('asks for authentication by state and words [V03-105]', async () => {
    const { status } = await send('auth');
    expect(status.state).to.equal('auth-required');
    expect(status.message?.parts.length).to.be.above(0);
  });

  it('refuses with the codes of its section 8 [V03-107]', async () => {
    expect(await client.code('tasks/get', { id: 'no.thing' })).to.equal(-32001);
    expect(await client.code('no/such', {})).to.equal(-32601);
    expect(await client.code('message/send', {})).to.equal(-32602);
    expect(await client.code('agent/getAuthenticatedExtendedCard', {})).to.equal(-32004);
  });

  it('names every bad parameter [V03-108]', async () => {
    const { text, json } = await client.call('message/send', { message: { role: 'robot', parts: [] } });
    expect(json.error?.code).to.equal(-32602);
    for (const field of ['message.messageId', 'message.role', 'message.parts'])
      expect(text).to.include(field);
  });

  it('subscribes again where a stream was left', async () => {
    const sent = await client.stream('message/stream', say03('slow 5 30'));
    const begun = await sent.until(isChunk);
    sent.leave();
    const { id } = taskIn(begun[0]?.result ?? {});
    const fresh = await client.stream('tasks/resubscribe', { id });
    expect((await fresh.next())?.result['kind']).to.equal('task');
    fresh.leave();
    const resumed = await client.stream(
      'tasks/resubscribe',
      { id },
      { 'Last-Event-ID': begun.at(-1)?.id ?? '' },
    );
    const all = [...begun, ...(await resumed.rest())];
    expect(kinds(all).filter((kind) => kind === 'artifact-update')).to.have.length(5);
    expect(finals(all).at(-1)).to.equal(true);
  });

  it('keeps webhooks and sends them the task as it stands', async () => {
    const { id } = await send('input');
    const hook = {
      url: receiver.url('/v03'),
      token: planted('push-token'),
      authentication: { schemes: ['Bearer'], credentials: planted('credentials') },
    };
    const set = await client.result('tasks/pushNotificationConfig/set', {
      taskId: id,
      pushNotificationConfig: hook,
    });
    expect(JSON.stringify(set)).to.not.include(planted('credentials'));
    const { pushNotificationConfig } = await client.result('tasks/pushNotificationConfig/get', { id });
    expect(pushNotificationConfig).to.deep.include({ url: hook.url, id });
    expect(await client.result('tasks/pushNotificationConfig/list', { id })).to.have.length(1);
    await send('blue', { taskId: id });
    const isOver = (): boolean =>
      receiver.received.some(
        ({ body }) => (body as { status?: { state: string } }).status?.state === 'completed',
      );
    await eventually(isOver);
    const { headers, body } = receiver.received[0] ?? { headers: {}, body: {} };
    expect(headers).to.include({
      'content-type': 'application/json',
      authorization: `Bearer ${planted('credentials')}`,
      'x-a2a-notification-token': planted('push-token'),
    });
    expect(body).to.deep.include({ kind: 'task', id });
    const deletion = { id, pushNotificationConfigId: id };
    expect((await client.call('tasks/pushNotificationConfig/delete', deletion)).json.result).to.equal(null);
    expect(await client.code('tasks/pushNotificationConfig/get', { id })).to.equal(-32001);
  });

  it('is what a request without a version speaks, also one with an empty one [V1-11]', async () => {
    for (const headers of [{}, { 'A2A-Version': '' }]) {
      const body = {
        jsonrpc: '2.0',
        id: 1,
        method: 'message/send',
        params: say03('hello', { contextId: newId() }),
      };
      const { json } = await post(server.url, JSON.stringify(body), headers);
      expect((json.result as JsonObject)['kind']).to.equal('task');
    }
  });
});
