/** What an executor publishes, in the three forms. */
import { Role, TaskState } from '@a2a-js/sdk';
import { AgentEvent } from '@a2a-js/sdk/server';
import { expect } from 'chai';
import { readEvent } from '../../../server/agents/read-event.ts';

const ids = { taskId: 's.t', contextId: 's' };
const read = (event: unknown): unknown => readEvent(event, ids);
const at = '2026-01-02T03:04:05.678Z';

const common = { metadata: undefined, filename: '', mediaType: '' };
const sdkMessage = {
  messageId: 'm1',
  contextId: 's',
  taskId: 's.t',
  role: Role.ROLE_AGENT,
  parts: [{ ...common, content: { $case: 'text' as const, value: 'hi' } }],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
};
const legacyMessage = {
  kind: 'message',
  messageId: 'm1',
  contextId: 's',
  taskId: 's.t',
  role: 'agent',
  parts: [{ kind: 'text', text: 'hi' }],
};
const message = { messageId: 'm1', role: 'ROLE_AGENT', parts: [{ text: 'hi' }] };

describe('an event in the words of the agent', () => {
  it('is the same event in each of the three forms', () => {
    const bytes = Buffer.from('bytes');
    const artifact = {
      artifactId: 'a',
      name: 'A',
      parts: [
        { text: 'x', mediaType: 'text/plain' },
        { raw: bytes.toString('base64'), filename: 'b.bin', mediaType: 'application/octet-stream' },
        { url: 'https://example.com/c', filename: 'c' },
        { data: { d: [1, null] }, metadata: { m: 1 } },
      ],
    };
    const forms = {
      json: {
        message: { kind: 'message', data: message },
        status: {
          kind: 'statusUpdate',
          data: { ...ids, status: { state: 'TASK_STATE_INPUT_REQUIRED', message, timestamp: at } },
        },
        artifact: { kind: 'artifactUpdate', data: { ...ids, artifact, append: true } },
        task: {
          kind: 'task',
          data: {
            id: 's.t',
            contextId: 's',
            status: { state: 'TASK_STATE_WORKING', timestamp: at },
            artifacts: [artifact],
            history: [{ ...message, role: 'ROLE_USER', messageId: 'u' }, message],
            metadata: { goal: 'g' },
          },
        },
      },
      sdk: (() => {
        const sdkArtifact = {
          artifactId: 'a',
          name: 'A',
          description: '',
          parts: [
            { ...common, content: { $case: 'text' as const, value: 'x' }, mediaType: 'text/plain' },
            {
              ...common,
              content: { $case: 'raw' as const, value: bytes },
              filename: 'b.bin',
              mediaType: 'application/octet-stream',
            },
            { ...common, content: { $case: 'url' as const, value: 'https://example.com/c' }, filename: 'c' },
            { ...common, content: { $case: 'data' as const, value: { d: [1, null] } }, metadata: { m: 1 } },
          ],
          metadata: undefined,
          extensions: [],
        };
        const status = (state: TaskState, said?: typeof sdkMessage) => ({
          state,
          message: said,
          timestamp: at,
        });
        return {
          message: AgentEvent.message(sdkMessage),
          status: AgentEvent.statusUpdate({
            ...ids,
            status: status(TaskState.TASK_STATE_INPUT_REQUIRED, sdkMessage),
            metadata: {},
          }),
          artifact: AgentEvent.artifactUpdate({
            ...ids,
            artifact: sdkArtifact,
            append: true,
            lastChunk: false,
            metadata: undefined,
          }),
          task: AgentEvent.task({
            id: 's.t',
            contextId: 's',
            status: status(TaskState.TASK_STATE_WORKING),
            artifacts: [sdkArtifact],
            history: [{ ...sdkMessage, role: Role.ROLE_USER, messageId: 'u' }, sdkMessage],
            metadata: { goal: 'g' },
          }),
        };
      })(),
      legacy: (() => {
        const legacyArtifact = {
          artifactId: 'a',
          name: 'A',
          parts: [
            { kind: 'text', text: 'x', mediaType: 'text/plain' },
            {
              kind: 'file',
              file: {
                bytes: bytes.toString('base64'),
                name: 'b.bin',
                mimeType: 'application/octet-stream',
              },
            },
            { kind: 'file', file: { uri: 'https://example.com/c', name: 'c' } },
            { kind: 'data', data: { d: [1, null] }, metadata: { m: 1 } },
          ],
        };
        return {
          message: legacyMessage,
          status: {
            kind: 'status-update',
            ...ids,
            status: { state: 'input-required', message: legacyMessage, timestamp: at },
            final: true,
          },
          artifact: { kind: 'artifact-update', ...ids, artifact: legacyArtifact, append: true },
          task: {
            kind: 'task',
            id: 's.t',
            contextId: 's',
            status: { state: 'working', timestamp: at },
            artifacts: [legacyArtifact],
            history: [{ ...legacyMessage, role: 'user', messageId: 'u' }, legacyMessage],
            metadata: { goal: 'g' },
          },
        };
      })(),
    };
    const expected = {
      message: { kind: 'message', data: { ...message, ...ids } },
      status: forms.json.status,
      artifact: forms.json.artifact,
      task: { kind: 'task', data: { ...forms.json.task.data, history: [message] } },
    };
    for (const form of Object.values(forms)) {
      for (const [kind, event] of Object.entries(form)) {
        expect(read(event), kind).to.deep.equal(expected[kind as keyof typeof expected]);
      }
    }
  });
});
