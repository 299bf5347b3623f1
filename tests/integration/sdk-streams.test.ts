/** Streams, lists and webhooks as the client of the official SDK meets them. */
import {
  ListTasksRequest,
  type Part,
  SendMessageRequest,
  type StreamResponse,
  TaskPushNotificationConfig,
  TaskState,
} from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { SDK_GENERATIONS } from '../helpers/sdk-clients.ts';
import { useServer } from '../helpers/server.ts';

const messageOf = (text: string): SendMessageRequest =>
  SendMessageRequest.fromJSON({
    message: { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text }] },
    configuration: {},
  });

const stream = (client: Client, text: string): AsyncGenerator<StreamResponse, void, undefined> =>
  client.sendMessageStream(messageOf(text));

/** An event in a few words. */
function told({ payload }: StreamResponse): string {
  switch (payload?.$case) {
    case 'task':
      return 'task';
    case 'message':
      return `message ${textOf(payload.value.parts)}`;
    case 'statusUpdate':
      return String(TaskState[payload.value.status?.state ?? 0])
        .replace('TASK_STATE_', '')
        .toLowerCase();
    case 'artifactUpdate':
      return textOf(payload.value.artifact?.parts ?? []);
    default:
      return '?';
  }
}

const textOf = (parts: readonly Part[]): string =>
  parts.map(({ content }) => (content?.$case === 'text' ? content.value : '?')).join('|');

async function tellAll(events: AsyncIterable<StreamResponse>): Promise<string[]> {
  const all: string[] = [];
  for await (const event of events) all.push(told(event));
  return all;
}

/** Begins a task by a stream and leaves after its first event. */
async function begin(client: Client, text: string): Promise<string> {
  for await (const { payload } of stream(client, text))
    if (payload?.$case === 'task') return payload.value.id;
  throw new Error('no task came');
}

const failure = (call: Promise<unknown>): Promise<Error> =>
  call.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as Error,
  );

describe('the client of the official SDK', () => {
  for (const { title, version, env, connect } of SDK_GENERATIONS) {
    describe(title, () => {
      const used = useServer(undefined, env);
      let client: Client;
      beforeEach(async () => {
        client = await connect(used.origin);
      });

      it('streams a task to its end', async () => {
        expect(await tellAll(stream(client, 'slow 3 5'))).to.deep.equal([
          'task',
          'working',
          'chunk 0',
          'chunk 1',
          'chunk 2',
          'completed',
        ]);
      });

      it('is answered with one message where there is no task', async () => {
        expect(await tellAll(stream(client, 'msg hello'))).to.deep.equal(['message echo: hello']);
      });

      it('leaves a task and follows it again', async () => {
        const id = await begin(client, 'slow 30 20');
        const events = await tellAll(client.resubscribeTask({ tenant: '', id }));
        expect(events[0]).to.equal('task');
        expect(events.at(-1)).to.equal('completed');
        expect(events).to.include('chunk 29');
      });

      it('sees what it cancels end', async () => {
        const id = await begin(client, 'slow 2 60000');
        const events = client.resubscribeTask({ tenant: '', id });
        expect(told((await events.next()).value as StreamResponse)).to.equal('task');
        await client.cancelTask({ tenant: '', id, metadata: undefined });
        expect((await tellAll(events)).at(-1)).to.equal('canceled');
      });

      it('is told why a stream cannot be', async () => {
        const missing = await failure(tellAll(client.resubscribeTask({ tenant: '', id: 'no.thing' })));
        expect(missing.name).to.equal('TaskNotFoundError');
      });

      it('keeps webhooks', async () => {
        const task = await client.sendMessage(messageOf('hello'));
        const taskId = 'status' in task ? task.id : '';
        const asked = TaskPushNotificationConfig.fromJSON({
          taskId,
          id: 'c1',
          url: 'https://hook.example/a',
          token: 'secret',
        });
        const made = await client.createTaskPushNotificationConfig(asked);
        expect(made).to.include({ taskId, id: 'c1', url: 'https://hook.example/a' });
        const one = { tenant: '', taskId, id: 'c1' };
        expect(await client.getTaskPushNotificationConfig(one)).to.include({ url: 'https://hook.example/a' });
        const list = (): Promise<string[]> =>
          client
            .listTaskPushNotificationConfig({ tenant: '', taskId, pageSize: 10, pageToken: '' })
            .then(({ configs }) => configs.map(({ id }) => id));
        expect(await list()).to.deep.equal(['c1']);
        await client.deleteTaskPushNotificationConfig(one);
        await client.deleteTaskPushNotificationConfig(one);
        expect(await list()).to.deep.equal([]);
      });

      if (version !== '1.0') return;

      it('lists tasks', async () => {
        const first = await client.sendMessage(messageOf('one'));
        await client.sendMessage(messageOf('two'));
        const contextId = 'status' in first ? first.contextId : '';
        const all = await client.listTasks(ListTasksRequest.fromJSON({ pageSize: 1 }));
        expect([all.totalSize, all.tasks.length, all.pageSize]).to.deep.equal([2, 1, 1]);
        const rest = await client.listTasks(
          ListTasksRequest.fromJSON({ pageSize: 1, pageToken: all.nextPageToken }),
        );
        expect([rest.tasks.length, rest.nextPageToken]).to.deep.equal([1, '']);
        const own = await client.listTasks(ListTasksRequest.fromJSON({ contextId }));
        expect(own.tasks.map((task) => task.contextId)).to.deep.equal([contextId]);
      });
    });
  }
});
