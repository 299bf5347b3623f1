/** The client of the official SDK, as it is, against the running server: from the URL of its agent card on. */
import { type Message, type Part, Role, SendMessageRequest, type Task, TaskState } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.ts';
import { SDK_GENERATIONS } from '../helpers/sdk-clients.ts';
import { type TestServer, useServer } from '../helpers/server.ts';

const textOf = (parts: readonly Part[]): string =>
  parts.map(({ content }) => (content?.$case === 'text' ? content.value : '?')).join('|');

let sent = 0;

/** One client and what it is made to do. */
class Driver {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  get version(): string {
    return this.#client.protocolVersion;
  }

  send(
    text: string,
    over: { taskId?: string; contextId?: string } = {},
    returnImmediately = false,
  ): Promise<Message | Task> {
    const message = { messageId: `sdk-${++sent}`, role: Role.ROLE_USER, parts: [{ text }], ...over };
    return this.#client.sendMessage(
      SendMessageRequest.fromJSON({ message, configuration: { returnImmediately } }),
    );
  }

  async sendForTask(...args: Parameters<Driver['send']>): Promise<Task> {
    const answer = await this.send(...args);
    if (!('status' in answer)) throw new Error(`a message came: ${textOf(answer.parts)}`);
    return answer;
  }

  get(id: string, historyLength?: number): Promise<Task> {
    return this.#client.getTask({ tenant: '', id, historyLength });
  }

  cancel(id: string): Promise<Task> {
    return this.#client.cancelTask({ tenant: '', id, metadata: undefined });
  }
}

const artifactsOf = (task: Task): string[] => task.artifacts.map(({ parts }) => textOf(parts));

const failure = (call: Promise<unknown>): Promise<Error> =>
  call.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as Error,
  );

function driven(used: TestServer, connect: (origin: string) => Promise<Client>, version: string): void {
  let client: Driver;
  beforeEach(async () => {
    client = new Driver(await connect(used.origin));
  });

  it('finds its way from the card', () => {
    expect(client.version).to.equal(version);
  });

  it('sends and is answered with the completed task', async () => {
    const task = await client.sendForTask('hello');
    expect(task.status?.state).to.equal(TaskState.TASK_STATE_COMPLETED);
    expect(artifactsOf(task)).to.deep.equal(['echo: hello']);
    expect(task.history.map(({ parts }) => textOf(parts))).to.deep.equal(['hello']);
  });

  it('is answered with a bare message', async () => {
    const answer = await client.send('msg hello');
    expect('parts' in answer && textOf(answer.parts)).to.equal('echo: hello');
  });

  it('sends without waiting, polls, and sees the task complete', async () => {
    const { id } = await client.sendForTask('slow 3 10', {}, true);
    const ended = await eventually(async () => {
      const task = await client.get(id);
      expect(task.status?.state).to.equal(TaskState.TASK_STATE_COMPLETED);
      return task;
    });
    expect(artifactsOf(ended)).to.deep.equal(['chunk 0|chunk 1|chunk 2']);
  });

  it('keeps one conversation', async () => {
    const { contextId } = await client.sendForTask('one');
    await client.sendForTask('two', { contextId });
    expect(artifactsOf(await client.sendForTask('recall', { contextId }))).to.deep.equal(['one\ntwo']);
  });

  it('answers what it is asked', async () => {
    const asked = await client.sendForTask('input');
    expect(asked.status?.state).to.equal(TaskState.TASK_STATE_INPUT_REQUIRED);
    const { id: taskId, contextId } = asked;
    const said = await client.sendForTask('blue', { taskId, contextId });
    expect(said.id).to.equal(taskId);
    expect(said.status?.state).to.equal(TaskState.TASK_STATE_COMPLETED);
    expect(artifactsOf(said)).to.deep.equal(['echo: input\nblue']);
    expect((await client.get(taskId, 1)).history).to.have.length(1);
    const error = await failure(client.send('more', { taskId }));
    expect(error.message).to.contain('ended');
  });

  it('cancels', async () => {
    const { id } = await client.sendForTask('slow 2 60000', {}, true);
    expect((await client.cancel(id)).status?.state).to.equal(TaskState.TASK_STATE_CANCELED);
    expect((await client.get(id)).status?.state).to.equal(TaskState.TASK_STATE_CANCELED);
    const { id: ended } = await client.sendForTask('hi');
    expect((await failure(client.cancel(ended))).name).to.equal('TaskNotCancelableError');
  });

  it('is told that a task is not there', async () => {
    expect((await failure(client.get('no.thing'))).name).to.equal('TaskNotFoundError');
  });
}

describe('the client of the official SDK', () => {
  for (const { title, version, env, connect } of SDK_GENERATIONS) {
    describe(title, () => {
      driven(useServer(undefined, env), connect, version);
    });
  }
});
