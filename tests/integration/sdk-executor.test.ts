/** Executors of the official SDK, as they are, run by a server process and driven by the SDK's own client. */
import { type Message, type Part, Role, SendMessageRequest, type Task, TaskState } from '@a2a-js/sdk';
import { type Client, ClientFactory } from '@a2a-js/sdk/client';
import { expect } from 'chai';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../helpers/eventually.ts';
import { type ServerProcess, useServerProcesses } from '../helpers/server.ts';

const agents = new URL('agents/', import.meta.url).pathname;

const shown = ({ content }: Part): unknown =>
  content?.$case === 'raw' ? content.value.toString() : content?.value;
const textsOf = (parts: readonly Part[] = []): unknown[] => parts.map(shown);

let sent = 0;
const request = (text: string, over: object = {}, configuration: object = {}): SendMessageRequest => {
  const message = { messageId: `m-${++sent}`, role: Role.ROLE_USER, parts: [{ text }], ...over };
  return SendMessageRequest.fromJSON({ message, configuration, metadata: { trace: 't1' } });
};

const asTask = (answer: Message | Task): Task => {
  if (!('status' in answer)) throw new Error(`a message came: ${JSON.stringify(textsOf(answer.parts))}`);
  return answer;
};

interface Line {
  readonly format: string;
  /** Puts the executor where the server is to find it. @returns what A2A_AGENT says */
  readonly place: (folder: string) => Promise<string>;
}

const LINES: Readonly<Record<string, Line>> = {
  'the 1.x line': {
    format: 'sdk-1',
    place: () => Promise.resolve(join(agents, 'sdk-executor.mjs')),
  },
  'the 0.3 line': {
    format: 'sdk-0.3',
    // That version is not installed here; where it is, its package lies beside the agent.
    place: async (folder) => {
      const sdk = join(folder, 'node_modules/@a2a-js/sdk');
      await mkdir(sdk, { recursive: true });
      await writeFile(join(sdk, 'package.json'), JSON.stringify({ name: '@a2a-js/sdk', version: '0.3.14' }));
      await copyFile(join(agents, 'legacy-executor.mjs'), join(folder, 'agent.mjs'));
      return './agent.mjs';
    },
  },
};

for (const [line, { format, place }] of Object.entries(LINES)) {
  describe(`an executor of ${line} of the SDK`, () => {
    const processes = useServerProcesses('suite');
    let folder = '';
    let server: ServerProcess;
    let client: Client;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'holdfast-sdk-'));
      const env = { A2A_STORE: 'memory', A2A_AGENT: await place(folder), LOG_LEVEL: 'debug' };
      server = await processes.start(env, folder);
      client = await new ClientFactory().createFromUrl(new URL(server.url).origin);
    });
    after(async () => {
      await rm(folder, { recursive: true, force: true });
    });

    const send = async (...args: Parameters<typeof request>): Promise<Task> =>
      asTask(await client.sendMessage(request(...args)));

    it('is run as it is, and the banner says how it reads', async () => {
      await server.onStderr(new RegExp(`agent .*\\(reads ${format}\\)`));
      const before = server.logs.of('agent_event_ignored').length;
      await send('report');
      expect(server.logs.of('agent_event_ignored').slice(before)).to.deep.equal([]);
    });

    it('answers with a bare message', async () => {
      const answer = await client.sendMessage(request('echo this'));
      expect('parts' in answer && [answer.role, textsOf(answer.parts)]).to.deep.equal([
        Role.ROLE_AGENT,
        ['echo this'],
      ]);
    });

    it('takes a task through its life, chunk by chunk', async () => {
      const task = await send('report');
      expect(task.status?.state).to.equal(TaskState.TASK_STATE_COMPLETED);
      expect(task.artifacts.map(({ name, parts }) => [name, textsOf(parts)])).to.deep.equal([
        ['Result', ['chunk 0', 'chunk 1', 'chunk 2', 'bytes', { rows: [1, 2] }]],
      ]);
      expect(task.artifacts[0]?.parts[3]).to.include({ filename: 'b.bin', mediaType: 'text/plain' });
      expect(task.history.map(({ parts }) => textsOf(parts))).to.deep.equal([['report'], ['At it']]);
    });

    it('streams it as well', async () => {
      const seen: string[] = [];
      for await (const { payload } of client.sendMessageStream(request('report'))) {
        if (payload?.$case === 'artifactUpdate')
          seen.push(...textsOf(payload.value.artifact?.parts).map((said) => JSON.stringify(said)));
        else if (payload?.$case === 'statusUpdate')
          seen.push(String(TaskState[payload.value.status?.state ?? 0]));
        else seen.push(payload?.$case ?? 'nothing');
      }
      expect(seen[0]).to.equal('task');
      expect(seen.slice(-7)).to.deep.equal([
        'TASK_STATE_WORKING',
        '"chunk 0"',
        '"chunk 1"',
        '"chunk 2"',
        '"bytes"',
        '{"rows":[1,2]}',
        'TASK_STATE_COMPLETED',
      ]);
    });

    it('asks, and goes on with the answer', async () => {
      const asked = await send('book a trip', { metadata: { goal: 'sun' } });
      expect(asked.status?.state).to.equal(TaskState.TASK_STATE_INPUT_REQUIRED);
      expect(textsOf(asked.status?.message?.parts)).to.deep.equal(['Where to?']);
      const task = await send('Rome', { taskId: asked.id, contextId: asked.contextId });
      expect([task.id, task.status?.state]).to.deep.equal([asked.id, TaskState.TASK_STATE_COMPLETED]);
      expect(textsOf(task.artifacts[0]?.parts)).to.deep.equal(['book a trip / Where to? / Rome']);
      expect(task.metadata).to.deep.equal({ goal: 'sun' });
    });

    it('is canceled by its cancelTask', async () => {
      const { id } = await send('wait', {}, { returnImmediately: true });
      await eventually(async () => {
        const { status } = await client.getTask({ tenant: '', id, historyLength: undefined });
        expect(status?.state).to.equal(TaskState.TASK_STATE_WORKING);
      });
      const canceled = await client.cancelTask({ tenant: '', id, metadata: undefined });
      expect(canceled.status?.state).to.equal(TaskState.TASK_STATE_CANCELED);
      expect(textsOf(canceled.status?.message?.parts)).to.deep.equal(['Stopped as asked']);
    });

    if (format !== 'sdk-1') return;

    it('sees the request as the SDK shows it', async () => {
      const { id } = await send('report');
      const task = await send(
        'tell',
        { referenceTaskIds: [id, 'no.such'] },
        { acceptedOutputModes: ['text/plain'] },
      );
      const [part] = task.artifacts[0]?.parts ?? [];
      expect(part?.content?.value).to.deep.equal({
        isNew: true,
        message: {
          messageId: `m-${sent}`,
          contextId: task.contextId,
          taskId: task.id,
          role: 'ROLE_USER',
          parts: [{ text: 'tell' }],
          referenceTaskIds: [id, 'no.such'],
        },
        same: true,
        modes: ['text/plain'],
        metadata: { trace: 't1' },
        version: '1.0',
        authenticated: false,
        extensions: [],
        references: [[id, 'TASK_STATE_COMPLETED']],
      });
    });
  });
}

describe('an executor of the SDK that is bundled, so that none is to be found beside it', () => {
  const processes = useServerProcesses();

  it('is run as A2A_AGENT_FORMAT says', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-sdk-'));
    try {
      await copyFile(join(agents, 'legacy-executor.mjs'), join(folder, 'agent.mjs'));
      const env = { A2A_STORE: 'memory', A2A_AGENT: './agent.mjs', A2A_AGENT_FORMAT: 'sdk-0.3' };
      const server = await processes.start(env, folder);
      const client = await new ClientFactory().createFromUrl(new URL(server.url).origin);
      const { id } = asTask(await client.sendMessage(request('book a trip')));
      const task = asTask(await client.sendMessage(request('Rome', { taskId: id })));
      expect(textsOf(task.artifacts[0]?.parts)).to.deep.equal(['book a trip / Where to? / Rome']);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
