import { Message as SdkMessage, SendMessageRequest, SendMessageResponse, Task as SdkTask } from '@a2a-js/sdk';
import { expect } from 'chai';
import { V03 } from '../../../protocol/dialects/v03.ts';
import { V1 } from '../../../protocol/dialects/v1.ts';
import type { Message, Part, Task } from '../../../protocol/model.ts';
import { TASK_STATES } from '../../../protocol/task-state.ts';
import { aTask, inState, TIME, view } from './fixtures.ts';
import { legacyClient } from './sdk-clients.ts';

const PARTS: Part[] = [
  { text: 'x' },
  { raw: 'QUJD', filename: 'f', mediaType: 'a/b' },
  { url: 'https://x/', metadata: { p: 1 } },
  { data: { a: [1, null] } },
  { data: [1, 'two'] },
  { data: 3 },
];
const ASKED: Message = {
  messageId: 'm1',
  role: 'ROLE_USER',
  parts: PARTS,
  contextId: 'c1',
  taskId: 'c1.t1',
  referenceTaskIds: ['c1.t0'],
  extensions: ['https://example.test/x'],
  metadata: { h: 1 },
};
const TASK: Task = aTask({
  status: {
    state: 'TASK_STATE_INPUT_REQUIRED',
    timestamp: TIME,
    message: {
      messageId: 'm2',
      role: 'ROLE_AGENT',
      parts: [{ text: '?' }],
      contextId: 'c1',
      taskId: 'c1.t1',
    },
  },
  artifacts: [{ artifactId: 'a1', name: 'n', description: 'd', parts: PARTS, metadata: { a: 1 } }],
  history: [ASKED],
  metadata: { k: 'v' },
});

describe('the official SDK', () => {
  it('reads a task of 1.0 and writes the same again', () => {
    const shown = V1.encodeTask(view(TASK));
    expect(SdkTask.toJSON(SdkTask.fromJSON(shown))).to.deep.equal(shown);
  });

  it('reads both answers to a send', () => {
    const task = SendMessageResponse.fromJSON(V1.encodeSend({ kind: 'task', view: view(TASK) }));
    expect(task.payload?.$case).to.equal('task');
    const message = SendMessageResponse.fromJSON(V1.encodeSend({ kind: 'message', message: ASKED }));
    expect(message.payload?.$case).to.equal('message');
  });

  it('reads every state', () => {
    for (const state of TASK_STATES) {
      const shown = V1.encodeTask(view(inState(state)));
      expect(SdkTask.toJSON(SdkTask.fromJSON(shown))).to.deep.nested.include({ 'status.state': state });
    }
  });

  it('writes sends of 1.0 that are read as they were meant', () => {
    const request = SendMessageRequest.fromJSON({ message: ASKED, configuration: {} });
    const decoded = V1.decodeSend(SendMessageRequest.toJSON(request));
    expect(decoded).to.deep.include({ message: ASKED, blocking: true });
  });

  it('shows its 0.3 clients what its 1.0 clients see', async () => {
    const seen = await legacyClient(() => V03.encodeTask(view(TASK))).getTask({
      tenant: '',
      id: 'c1.t1',
      historyLength: undefined,
    });
    expect(SdkTask.toJSON(seen)).to.deep.equal(V1.encodeTask(view(TASK)));
  });

  it('writes sends and gets of 0.3 that are read as they were meant', async () => {
    const sent: unknown[] = [];
    const client = legacyClient((params) => {
      sent.push(params);
      return V03.encodeTask(view(TASK));
    });
    const request = SendMessageRequest.fromJSON({ message: ASKED, configuration: { historyLength: 2 } });
    await client.sendMessage(request);
    await client.getTask({ tenant: '', id: 'c1.t1', historyLength: 4 });
    expect(V03.decodeSend(sent[0])).to.deep.include({ message: ASKED, blocking: true, historyLength: 2 });
    expect(V03.decodeGet(sent[1])).to.deep.equal({ id: 'c1.t1', historyLength: 4 });
  });

  it('reads a message of 0.3 bare', async () => {
    const client = legacyClient(() =>
      V03.encodeSend({ kind: 'message', message: { ...ASKED, role: 'ROLE_AGENT' } }),
    );
    const answer = await client.sendMessage(SendMessageRequest.fromJSON({ message: ASKED }));
    expect(SdkMessage.toJSON(answer as SdkMessage)).to.deep.include({ messageId: 'm1', role: 'ROLE_AGENT' });
  });
});
