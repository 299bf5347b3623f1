import {
  ListTaskPushNotificationConfigsRequest,
  ListTaskPushNotificationConfigsResponse,
  ListTasksRequest,
  ListTasksResponse,
  SendMessageRequest,
  StreamResponse,
  SubscribeToTaskRequest,
  TaskPushNotificationConfig,
  TaskState,
} from '@a2a-js/sdk';
import { expect } from 'chai';
import { V03 } from '../../../protocol/dialects/v03.ts';
import { V1 } from '../../../protocol/dialects/v1.ts';
import type { Artifact, PushConfigView, StreamEvent, Task, TaskNames } from '../../../protocol/model.ts';
import { TASK_STATES } from '../../../protocol/task-state.ts';
import type { JsonValue } from '../../../protocol/units.ts';
import { aMessage, aTask, inState, overTheWire, TIME, view } from './fixtures.ts';
import { legacyClient, legacyStreamClient } from './sdk-clients.ts';

const OF: TaskNames = { dialect: 'v1' };
const IDS = { taskId: 'c1.t1', contextId: 'c1' };
const REPLY = aMessage({ messageId: 'm2', role: 'ROLE_AGENT', ...IDS });
const ARTIFACT: Artifact = {
  artifactId: 'a1',
  name: 'n',
  description: 'd',
  parts: [{ text: 'x' }, { raw: 'QUJD', filename: 'f', mediaType: 'a/b' }, { data: [1, null] }],
  metadata: { a: 1 },
};
const TASK: Task = aTask({
  status: { state: 'TASK_STATE_WORKING', timestamp: TIME },
  artifacts: [ARTIFACT],
  history: [aMessage(IDS)],
});

const EVENTS: StreamEvent[] = [
  { kind: 'task', view: view(TASK), final: false },
  { kind: 'message', message: REPLY },
  { kind: 'artifactUpdate', update: { ...IDS, artifact: ARTIFACT }, of: OF, index: 0 },
  {
    kind: 'artifactUpdate',
    update: { ...IDS, artifact: ARTIFACT, append: true, lastChunk: true, metadata: { e: 1 } },
    of: OF,
    index: 0,
  },
  ...TASK_STATES.map((state): StreamEvent => {
    const status = { state, timestamp: TIME, message: REPLY };
    return {
      kind: 'statusUpdate',
      update: { ...IDS, status, metadata: { s: 1 } },
      of: OF,
      final: true,
    };
  }),
];
const frame = (event: StreamEvent): JsonValue => V1.encodeEvent(event)[0] ?? null;

const CONFIG: PushConfigView = {
  taskId: 'c1.t1',
  config: {
    id: 'p1',
    url: 'https://hook.example/',
    token: 'tok',
    authentication: { schemes: ['Bearer'], credentials: 'cred' },
  },
};

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const each of stream) seen.push(each);
  return seen;
}

describe('the official SDK of 1.0', () => {
  it('reads every event and writes the same again', () => {
    for (const event of EVENTS) {
      const shown = frame(event);
      const read = StreamResponse.fromJSON(shown);
      expect(read.payload?.$case).to.equal(event.kind);
      expect(overTheWire(StreamResponse.toJSON(read))).to.deep.equal(shown);
    }
  });

  it('reads the body of a webhook', () => {
    for (const event of EVENTS) {
      const { body } = V1.push.encodeNotification(event, view(TASK));
      expect(StreamResponse.toJSON(StreamResponse.fromJSON(body))).to.deep.equal(body);
    }
  });

  it('reads a list of tasks', () => {
    const tasks = TASK_STATES.map((state) => view(inState(state)));
    const page = { tasks, nextPageToken: 'next', pageSize: 8, totalSize: 99, includeArtifacts: false };
    const shown = V1.list?.encode(page);
    expect(ListTasksResponse.toJSON(ListTasksResponse.fromJSON(shown))).to.deep.equal(shown);
    const none = V1.list?.encode({ ...page, tasks: [], nextPageToken: '', totalSize: 0 });
    expect(ListTasksResponse.fromJSON(none)).to.deep.equal({
      tasks: [],
      nextPageToken: '',
      pageSize: 8,
      totalSize: 0,
    });
  });

  it('writes lists that are read as they were meant', () => {
    const decode = (request: unknown) =>
      V1.list?.decode(overTheWire(ListTasksRequest.toJSON(ListTasksRequest.fromJSON(request))));
    expect(decode({})).to.deep.equal({ includeArtifacts: false });
    expect(
      decode({
        tenant: 'acme',
        contextId: 'c1',
        status: TaskState.TASK_STATE_AUTH_REQUIRED,
        pageSize: 5,
        pageToken: 'next',
        historyLength: 0,
        statusTimestampAfter: TIME,
        includeArtifacts: true,
      }),
    ).to.deep.equal({
      tenant: 'acme',
      contextId: 'c1',
      state: 'TASK_STATE_AUTH_REQUIRED',
      pageSize: 5,
      pageToken: 'next',
      historyLength: 0,
      since: Date.parse(TIME),
      includeArtifacts: true,
    });
  });

  it('writes subscriptions and webhooks that are read as they were meant, and reads the answers', () => {
    const subscription = SubscribeToTaskRequest.fromJSON({ id: 'c1.t1', tenant: '' });
    expect(V1.decodeSubscribe(SubscribeToTaskRequest.toJSON(subscription))).to.deep.equal({ id: 'c1.t1' });
    const given = TaskPushNotificationConfig.fromJSON({
      id: 'p1',
      taskId: 'c1.t1',
      url: CONFIG.config.url,
      token: 'tok',
      authentication: { scheme: 'Bearer', credentials: 'cred' },
    });
    expect(V1.push.decodeCreate(TaskPushNotificationConfig.toJSON(given))).to.deep.equal(CONFIG);
    const shown = V1.push.encodeConfig(CONFIG);
    expect(TaskPushNotificationConfig.toJSON(TaskPushNotificationConfig.fromJSON(shown))).to.deep.equal(
      shown,
    );
    const listing = ListTaskPushNotificationConfigsRequest.fromJSON({ taskId: 'c1.t1', pageSize: 0 });
    const asked = ListTaskPushNotificationConfigsRequest.toJSON(listing);
    expect(V1.push.decodeList?.(asked)).to.deep.equal({ taskId: 'c1.t1' });
    const list = V1.push.encodeConfigs?.({ configs: [CONFIG], nextPageToken: 'next' });
    const { configs, nextPageToken } = ListTaskPushNotificationConfigsResponse.fromJSON(list);
    expect(configs.map(({ id }) => id)).to.deep.equal(['p1']);
    expect(nextPageToken).to.equal('next');
  });
});

describe('the official SDK for 0.3', () => {
  it('shows its clients the events that its 1.0 clients see', async () => {
    const frames = EVENTS.flatMap((event) => V03.encodeEvent(event));
    const client = legacyStreamClient(() => frames);
    const sent = await all(client.sendMessageStream(SendMessageRequest.fromJSON({ message: aMessage() })));
    const followed = await all(client.resubscribeTask({ tenant: '', id: 'c1.t1' }));
    const expected = EVENTS.map(frame);
    expect(sent.map((event) => StreamResponse.toJSON(event))).to.deep.equal(expected);
    expect(followed.map((event) => StreamResponse.toJSON(event))).to.deep.equal(expected);
  });

  it('writes requests of streams that are read as they were meant', async () => {
    const sent: [string, unknown][] = [];
    const client = legacyStreamClient((params, method) => {
      sent.push([method, params]);
      return [];
    });
    await all(client.sendMessageStream(SendMessageRequest.fromJSON({ message: aMessage() })));
    await all(client.resubscribeTask({ tenant: '', id: 'c1.t1' }));
    const [first, second] = sent;
    expect(first?.[0]).to.equal('message/stream');
    expect(V03.decodeSend(first?.[1])).to.deep.include({ message: aMessage() });
    expect(second?.[0]).to.equal('tasks/resubscribe');
    expect(V03.decodeSubscribe(second?.[1])).to.deep.equal({ id: 'c1.t1' });
  });

  it('keeps webhooks as they were meant', async () => {
    const { push } = V03;
    const client = legacyClient((params, method) => {
      switch (method) {
        case 'tasks/pushNotificationConfig/set':
          expect(push.decodeCreate(params)).to.deep.equal(CONFIG);
          return push.encodeConfig(CONFIG);
        case 'tasks/pushNotificationConfig/get':
          expect(push.decodeGet(params)).to.deep.equal({ taskId: 'c1.t1', id: 'p1' });
          return push.encodeConfig(CONFIG);
        case 'tasks/pushNotificationConfig/list':
          expect(push.decodeList?.(params)).to.deep.include({ taskId: 'c1.t1' });
          return push.encodeConfigs?.({ configs: [CONFIG], nextPageToken: '' }) ?? null;
        default:
          expect(push.decodeDelete?.(params)).to.deep.equal({ taskId: 'c1.t1', id: 'p1' });
          return push.encodeDeleted?.() ?? null;
      }
    });
    const named = { tenant: '', taskId: 'c1.t1', id: 'p1' };
    const shown = {
      ...named,
      url: 'https://hook.example/',
      token: 'tok',
      authentication: { scheme: 'Bearer', credentials: '' },
    };
    const given = { ...shown, authentication: { scheme: 'Bearer', credentials: 'cred' } };
    expect(await client.createTaskPushNotificationConfig(given)).to.deep.equal(shown);
    expect(await client.getTaskPushNotificationConfig(named)).to.deep.equal(shown);
    const listing = { tenant: '', taskId: 'c1.t1', pageSize: 0, pageToken: '' };
    expect((await client.listTaskPushNotificationConfig(listing)).configs).to.deep.equal([shown]);
    await client.deleteTaskPushNotificationConfig(named);
  });
});
