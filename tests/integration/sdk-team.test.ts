/** Executors as users of the official SDK write them, in a server process, driven by the SDK's clients of both generations. */
import { type Message, type Part, Role, SendMessageRequest, type Task, TaskState } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SDK_GENERATIONS } from '../helpers/sdk-clients.ts';
import { type ServerProcess, useServerProcesses } from '../helpers/server.ts';

const AGENT = new URL('agents/team-executor.mjs', import.meta.url).pathname;
const textOf = (parts: readonly Part[] = []): string =>
  parts.map(({ content }) => String(content?.value)).join('|');
const saidIn = ({ history }: Task): string[] =>
  history.map(({ role, parts }) => `${role === Role.ROLE_USER ? 'user' : 'agent'}: ${textOf(parts)}`);

let sent = 0;
const request = (text: string, over: object = {}): SendMessageRequest => {
  const message = { messageId: `team-${++sent}`, role: Role.ROLE_USER, parts: [{ text }], ...over };
  return SendMessageRequest.fromJSON({ message });
};

for (const { title, env, connect } of SDK_GENERATIONS) {
  describe(`executors of the SDK under a client ${title}`, () => {
    const processes = useServerProcesses('suite');
    let folder = '';
    let server: ServerProcess;
    let client: Client;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'holdfast-team-'));
      server = await processes.start(
        { A2A_STORE: 'memory', A2A_AGENT: AGENT, LOG_LEVEL: 'debug', ...env },
        folder,
      );
      client = await connect(new URL(server.url).origin);
    });
    after(async () => {
      await rm(folder, { recursive: true, force: true });
    });
    afterEach(() => {
      expect(server.logs.of('agent_event_ignored')).to.deep.equal([]);
    });

    const asTask = (answer: Message | Task): Task => {
      if (!('status' in answer)) throw new Error(`a message came: ${textOf(answer.parts)}`);
      return answer;
    };
    const send = async (...args: Parameters<typeof request>): Promise<Task> =>
      asTask(await client.sendMessage(request(...args)));

    it('stream the tokens of a model, each one once, and keep them as one artifact', async () => {
      const tokens: string[] = [];
      const states: (string | undefined)[] = [];
      let id = '';
      for await (const { payload } of client.sendMessageStream(request('model of the world'))) {
        if (payload?.$case === 'task') ({ id } = payload.value);
        if (payload?.$case === 'artifactUpdate') tokens.push(textOf(payload.value.artifact?.parts));
        if (payload?.$case === 'statusUpdate') states.push(TaskState[payload.value.status?.state ?? 0]);
      }
      const expected = ['You ', 'said: ', 'model ', 'of ', 'the ', 'world'];
      expect(tokens).to.deep.equal(expected);
      expect(states).to.deep.equal(['TASK_STATE_WORKING', 'TASK_STATE_COMPLETED']);
      const task = await client.getTask({ tenant: '', id, historyLength: undefined });
      expect(task.artifacts.map(({ parts }) => textOf(parts))).to.deep.equal([expected.join('|')]);
      expect(saidIn(task)).to.deep.equal(['user: model of the world', 'agent: Thinking']);
    });

    it('ask twice, and remember in a Map by task what they were told, in two tasks at once', async () => {
      const tasks = await Promise.all(['order a hat', 'order a coat'].map((text) => send(text)));
      for (const answer of ['large', 'red']) {
        for (const [i, { id, contextId, status }] of tasks.entries()) {
          expect(status?.state).to.equal(TaskState.TASK_STATE_INPUT_REQUIRED);
          tasks[i] = await send(answer, { taskId: id, contextId });
          expect(tasks[i].id).to.equal(id);
        }
      }
      expect(tasks.map(({ status }) => [status?.state, textOf(status?.message?.parts)])).to.deep.equal([
        [TaskState.TASK_STATE_COMPLETED, 'order a hat, large, red'],
        [TaskState.TASK_STATE_COMPLETED, 'order a coat, large, red'],
      ]);
      expect(saidIn(tasks[0]!)).to.deep.equal([
        'user: order a hat',
        'agent: What size?',
        'user: large',
        'agent: What colour?',
        'user: red',
      ]);
    });

    it('find all that was said in the history of the task, the message that came last included', async () => {
      const first = await send('history please');
      expect(textOf(first.status?.message?.parts)).to.equal('And 0?');
      const second = await send('one more', { taskId: first.id });
      expect(textOf(second.status?.message?.parts)).to.equal('And 3?');
      const third = await send('and one', { taskId: first.id });
      expect(textOf(third.status?.message?.parts)).to.equal(
        'user history please; agent And 0?; user one more; agent And 3?; user and one',
      );
    });

    it('publish the whole task at once, which is then what the client sees, and its message stands there once', async () => {
      const task = await send('whole thing');
      expect(task.status?.state).to.equal(TaskState.TASK_STATE_COMPLETED);
      expect(textOf(task.status?.message?.parts)).to.equal('There you are');
      expect(task.artifacts.map(({ parts }) => textOf(parts))).to.deep.equal([
        'one: whole thing',
        'two: whole thing',
      ]);
      expect(saidIn(task)).to.deep.equal(['user: whole thing']);
      expect(task.metadata).to.deep.equal({ cost: 3 });
      const kinds: (string | undefined)[] = [];
      for await (const { payload } of client.sendMessageStream(request('whole thing')))
        kinds.push(payload?.$case);
      expect(kinds[0]).to.equal('task');
      const events = kinds.slice(1);
      expect(events).to.deep.equal(['artifactUpdate', 'artifactUpdate', 'statusUpdate']);
    });
  });
}
