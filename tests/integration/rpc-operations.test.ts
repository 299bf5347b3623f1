/** Every operation in every dialect that has it, from the wire to the operation and back. */
import { expect } from 'chai';
import { methodName, OPERATION_NAMES, type Operation } from '../../protocol/operations.ts';
import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import { call, post, type RpcReply, sendV01, sendV03, sendV1 } from '../helpers/rpc.ts';
import { SseClient, useStreamDoor } from '../helpers/sse.ts';

const VERSION: Record<Dialect, Record<string, string>> = {
  v1: { 'A2A-Version': '1.0' },
  v03: { 'A2A-Version': '0.3' },
  v01: { 'A2A-Version': '0.1' },
};

const DIALECTS: readonly Dialect[] = ['v1', 'v03', 'v01'];
const SEND: Record<Dialect, JsonObject> = {
  v1: sendV1('m1', 'hi'),
  v03: sendV03('m1', 'hi'),
  v01: sendV01('t1', 'hi'),
};
const URL = 'https://hook.example';
const BY_ID: Record<Dialect, JsonObject> = { v1: { id: 't1' }, v03: { id: 't1' }, v01: { id: 't1' } };

const PARAMS: Record<Operation, Partial<Record<Dialect, JsonObject>>> = {
  sendMessage: SEND,
  sendStreamingMessage: SEND,
  getTask: BY_ID,
  listTasks: { v1: { pageSize: 7, includeArtifacts: true } },
  cancelTask: BY_ID,
  subscribeToTask: BY_ID,
  createPushConfig: {
    v1: { taskId: 't1', url: URL },
    v03: { taskId: 't1', pushNotificationConfig: { url: URL } },
    v01: { id: 't1', pushNotificationConfig: { url: URL } },
  },
  getPushConfig: { v1: { taskId: 't1', id: 'c1' }, v03: { id: 't1' }, v01: { id: 't1' } },
  listPushConfigs: { v1: { taskId: 't1' }, v03: { id: 't1' } },
  deletePushConfig: { v1: { taskId: 't1', id: 'c1' }, v03: { id: 't1', pushNotificationConfigId: 'c1' } },
  getExtendedCard: { v1: {}, v03: {} },
};

/** What the answer has at its top. */
const ANSWER: Record<Operation, Partial<Record<Dialect, readonly string[]>>> = {
  sendMessage: { v1: ['task'], v03: ['kind', 'id'], v01: ['id', 'sessionId'] },
  sendStreamingMessage: { v1: ['task'], v03: ['kind', 'id'], v01: ['id'] },
  getTask: { v1: ['id', 'status'], v03: ['kind', 'id'], v01: ['id', 'sessionId'] },
  listTasks: { v1: ['tasks', 'nextPageToken', 'pageSize', 'totalSize'] },
  cancelTask: { v1: ['id', 'status'], v03: ['kind', 'id'], v01: ['id', 'sessionId'] },
  subscribeToTask: { v1: ['task'], v03: ['kind', 'id'], v01: ['id'] },
  createPushConfig: {
    v1: ['taskId', 'id', 'url'],
    v03: ['taskId', 'pushNotificationConfig'],
    v01: ['id', 'pushNotificationConfig'],
  },
  getPushConfig: {
    v1: ['taskId', 'id', 'url'],
    v03: ['taskId', 'pushNotificationConfig'],
    v01: ['id', 'pushNotificationConfig'],
  },
  listPushConfigs: { v1: ['configs'], v03: ['0'] },
  deletePushConfig: { v1: [], v03: [] },
  getExtendedCard: { v1: ['name'], v03: ['name'] },
};

function request(operation: Operation, dialect: Dialect, params?: JsonValue): JsonObject {
  const method = methodName(operation, dialect) ?? '';
  return { jsonrpc: '2.0', id: 1, method, ...(params !== undefined && { params }) };
}

describe('every operation', () => {
  const used = useStreamDoor({
    rpc: { extendedCard: ({ dialect }) => Promise.resolve({ name: `for ${dialect}` }) },
  });

  async function firstResult(operation: Operation, dialect: Dialect): Promise<JsonValue | undefined> {
    const body = request(operation, dialect, PARAMS[operation][dialect]);
    const client = await SseClient.open(used.door.url, body, VERSION[dialect]);
    if (client.contentType === 'text/event-stream') return (await client.toEnd())[0]?.data.result;
    client.leave();
    const reply = await post(used.door.url, JSON.stringify(body), VERSION[dialect]);
    expect(reply.json.error).to.equal(undefined);
    return reply.json.result;
  }

  for (const operation of OPERATION_NAMES) {
    for (const dialect of DIALECTS) {
      const method = methodName(operation, dialect);
      if (method === undefined) continue;
      it(`reaches the server as ${method} and is answered in ${dialect}`, async () => {
        const result = await firstResult(operation, dialect);
        const wanted = ANSWER[operation][dialect] ?? ['?'];
        expect(Object.keys(result ?? {})).to.include.members([...wanted]);
        if (operation === 'getExtendedCard') return;
        const made = used.door.backend.calls[0];
        expect([made?.operation, made?.call.dialect]).to.deep.equal([operation, dialect]);
        expect(JSON.stringify(made?.params)).to.match(/t1|hi|"pageSize":7/);
      });

      if (dialect !== 'v1') continue;
      it(`takes no tenant but the caller’s own: ${method}`, async () => {
        const params = PARAMS[operation].v1 ?? {};
        const reply = await call(used.door.url, method, { ...params, tenant: 'acme' }, VERSION.v1);
        expect(reply.json.error?.code).to.equal(-32602);
        expect(JSON.stringify(reply.json.error?.data)).to.contain('"field":"tenant"');
        expect(used.door.backend.calls).to.deep.equal([]);
      });
    }
  }

  it('that needs no params may come without any, and no other may', async () => {
    for (const operation of OPERATION_NAMES) {
      const reply = await post(used.door.url, JSON.stringify(request(operation, 'v1')), VERSION.v1);
      const isFine = ['listTasks', 'getExtendedCard'].includes(operation);
      expect(reply.json.error?.code, operation).to.equal(isFine ? undefined : -32602);
    }
    const nothing = await post(used.door.url, JSON.stringify(request('listTasks', 'v1', null)), VERSION.v1);
    expect(nothing.json.error?.code).to.equal(-32602);
  });

  it('says what is stored of it, and no webhook of 0.1 where there is none', async () => {
    const create = (params: JsonObject): Promise<RpcReply> =>
      call(used.door.url, 'tasks/pushNotification/set', params);
    const made = await create({ id: 't1', pushNotificationConfig: { url: URL } });
    expect(made.headers.get('a2a-persistence')).to.equal('stored');
    const taken = await create({ id: 't1', pushNotificationConfig: null });
    expect(taken.json.error).to.equal(undefined);
    expect(used.door.backend.calls.at(-1)?.params).to.deep.include({ config: null });
  });
});

describe('what the agent card does not offer', () => {
  const used = useStreamDoor({ rpc: { capabilities: { streaming: false, pushNotifications: false } } });

  for (const dialect of DIALECTS) {
    for (const [operation, code] of [
      ['sendStreamingMessage', -32004],
      ['subscribeToTask', -32004],
      ['createPushConfig', -32003],
      ['getPushConfig', -32003],
      ['listPushConfigs', -32003],
      ['deletePushConfig', -32003],
      ['getExtendedCard', -32004],
    ] as const) {
      const method = methodName(operation, dialect);
      if (method === undefined) continue;
      it(`is refused with ${code}: ${method} [V1-40, V1-41]`, async () => {
        const params = PARAMS[operation][dialect] ?? {};
        const reply = await call(used.door.url, method, params, VERSION[dialect]);
        expect(reply.headers.get('content-type')).to.equal('application/json');
        expect(reply.json.error?.code).to.equal(code);
        expect(used.door.backend.calls).to.deep.equal([]);
      });
    }
  }

  it('is refused inside a send too: a webhook is -32003, before anything is done', async () => {
    for (const [dialect, over] of [
      ['v1', { configuration: { taskPushNotificationConfig: { url: URL } } }],
      ['v03', { configuration: { pushNotificationConfig: { url: URL } } }],
      ['v01', { pushNotification: { url: URL } }],
    ] as const) {
      const method = methodName('sendMessage', dialect) ?? '';
      const reply = await call(used.door.url, method, { ...SEND[dialect], ...over }, VERSION[dialect]);
      expect(reply.json.error?.code, dialect).to.equal(-32003);
    }
    expect(used.door.backend.calls).to.deep.equal([]);
  });
});
