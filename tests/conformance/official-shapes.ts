/** What came over the wire, held to the official shapes by the decoders of the official SDK, not by types of ours. */
import {
  AgentCard,
  ListTaskPushNotificationConfigsResponse,
  ListTasksResponse,
  SendMessageRequest,
  SendMessageResponse,
  StreamResponse,
  Task,
  TaskPushNotificationConfig,
} from '@a2a-js/sdk';
import { LegacyJsonRpcTransport } from '@a2a-js/sdk/compat/v0_3/client';
import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';

interface Decoder {
  fromJSON(given: unknown): unknown;
  toJSON(decoded: never): unknown;
}

const V1_RESULTS: Readonly<Record<string, Decoder>> = {
  SendMessage: SendMessageResponse,
  SendStreamingMessage: StreamResponse,
  SubscribeToTask: StreamResponse,
  GetTask: Task,
  CancelTask: Task,
  ListTasks: ListTasksResponse,
  CreateTaskPushNotificationConfig: TaskPushNotificationConfig,
  GetTaskPushNotificationConfig: TaskPushNotificationConfig,
  ListTaskPushNotificationConfigs: ListTaskPushNotificationConfigsResponse,
  GetExtendedAgentCard: AgentCard,
};

/** Its writer leaves out what is at its default; a list has to show that all the same. */
function withoutDefaults(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutDefaults);
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, withoutDefaults(inner)] as const)
    .filter(([, inner]) => inner !== '' && inner !== 0 && inner !== false && !isEmptyList(inner));
  return Object.fromEntries(kept);
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** The SDK reads it, and writes the same again: there is nothing in it that the official shape does not have. */
export function expectV1(method: string, result: JsonValue): void {
  if (method === 'DeleteTaskPushNotificationConfig') {
    expect(result).to.deep.equal({});
    return;
  }
  const decoder = V1_RESULTS[method];
  if (decoder === undefined) throw new Error(`no shape is known for ${method}`);
  const again = JSON.parse(JSON.stringify(decoder.toJSON(decoder.fromJSON(result) as never))) as unknown;
  expect(withoutDefaults(again), method).to.deep.equal(withoutDefaults(result));
}

/** A client of the SDK for 0.3 whose server says just this. */
function v03Client(body: string, contentType: string): LegacyJsonRpcTransport {
  const fetchImpl: typeof fetch = () =>
    Promise.resolve(new Response(body, { headers: { 'Content-Type': contentType } }));
  return new LegacyJsonRpcTransport({ endpoint: 'http://server.example/', fetchImpl });
}

const NAMED = { tenant: '', id: 't', taskId: 't' };

/** The 0.3 client of the SDK takes it as the answer to this method. */
export async function expectV03(method: string, result: JsonValue): Promise<void> {
  const answer = { jsonrpc: '2.0', id: 1, result };
  const client = v03Client(JSON.stringify(answer), 'application/json');
  const events = v03Client(`data: ${JSON.stringify(answer)}\n\n`, 'text/event-stream');
  const request = SendMessageRequest.fromJSON({ message: { messageId: 'm', role: 'ROLE_USER', parts: [] } });
  switch (method) {
    case 'message/send':
      expectKind(await client.sendMessage(request), result);
      break;
    case 'message/stream':
    case 'tasks/resubscribe': {
      const stream =
        method === 'message/stream' ? events.sendMessageStream(request) : events.resubscribeTask(NAMED);
      const read: StreamResponse[] = [];
      for await (const event of stream) read.push(event);
      expect(read).to.have.length(1);
      const { kind, final } = result as { kind: string; final?: boolean };
      expect(read[0]?.payload?.$case).to.equal(CASES[kind]);
      if (kind === 'status-update') expect(typeof final).to.equal('boolean');
      break;
    }
    case 'tasks/get':
      expectKind(await client.getTask({ ...NAMED, historyLength: undefined }), result);
      break;
    case 'tasks/cancel':
      expectKind(await client.cancelTask({ ...NAMED, metadata: undefined }), result);
      break;
    case 'tasks/pushNotificationConfig/set':
    case 'tasks/pushNotificationConfig/get': {
      const config = await client.getTaskPushNotificationConfig(NAMED);
      const shown = result as { taskId: string; pushNotificationConfig: { url: string } };
      expect([config.taskId, config.url]).to.deep.equal([shown.taskId, shown.pushNotificationConfig.url]);
      break;
    }
    case 'tasks/pushNotificationConfig/list': {
      const { configs } = await client.listTaskPushNotificationConfig({
        ...NAMED,
        pageSize: 0,
        pageToken: '',
      });
      expect(configs).to.have.length((result as JsonValue[]).length);
      break;
    }
    case 'tasks/pushNotificationConfig/delete':
      expect(result).to.equal(null);
      break;
    case 'agent/getAuthenticatedExtendedCard':
      expect((await client.getExtendedAgentCard(NAMED)).name).to.equal((result as JsonObject)['name']);
      break;
    default:
      throw new Error(`no shape is known for ${method}`);
  }
}

const CASES: Readonly<Record<string, string>> = {
  task: 'task',
  message: 'message',
  'status-update': 'statusUpdate',
  'artifact-update': 'artifactUpdate',
};

function expectKind(decoded: object, result: JsonValue): void {
  const { kind, id, messageId } = result as JsonObject;
  expect(kind).to.equal('status' in decoded ? 'task' : 'message');
  expect('status' in decoded ? (decoded as Task).id : (decoded as { messageId: string }).messageId).to.equal(
    kind === 'task' ? id : messageId,
  );
}
