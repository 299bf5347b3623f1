/** What an executor is given: in its own form for whoever writes it on, and readable in the words of the others. */
import { Message as SdkMessage, Role, Task as SdkTask, TaskState } from '@a2a-js/sdk';
import { AgentEvent } from '@a2a-js/sdk/server';
import { expect } from 'chai';
import type { Message, Part, Task } from '../../../protocol/model.ts';
import { AGENT_FORMATS, type AgentFormat } from '../../../server/agents/agent-format.ts';
import { readEvent } from '../../../server/agents/read-event.ts';
import { createRequestContext, type RunFacts } from '../../../server/agents/request-context.ts';

const ids = { taskId: 's.t', contextId: 's' };
const parts: Part[] = [
  { text: 'hello', mediaType: 'text/plain' },
  { raw: 'aGk=', filename: 'hi.txt', mediaType: 'text/plain' },
  { url: 'https://example.com/x' },
  { data: { list: [1, null] }, metadata: { m: { n: 1 } } },
];
const userMessage: Message = {
  messageId: 'u2',
  role: 'ROLE_USER',
  ...ids,
  parts,
  referenceTaskIds: ['s.r'],
  metadata: { goal: 'g' },
};
const question: Message = { messageId: 'q', role: 'ROLE_AGENT', ...ids, parts: [{ text: 'which?' }] };
const task: Task = {
  id: 's.t',
  contextId: 's',
  status: { state: 'TASK_STATE_INPUT_REQUIRED', timestamp: '2026-01-02T03:04:05.678Z', message: question },
  artifacts: [{ artifactId: 'a', name: 'A', parts }],
  history: [question, userMessage],
  metadata: { goal: 'g' },
};
const facts: RunFacts = {
  tenant: 'acme',
  ...ids,
  userMessage,
  task,
  referenceTasks: [task],
  call: undefined,
  attempt: 1,
  resumed: false,
  signal: new AbortController().signal,
  messages: () => [userMessage],
  state: { get: () => undefined, set: () => undefined },
};

/** What an executor of another line would take the context for. */
interface Foreign {
  parts: {
    text?: string;
    raw?: string;
    url?: string;
    data?: unknown;
    kind: string;
    file?: { bytes?: string; uri?: string; name?: string; mimeType?: string };
    content: { $case: string; value: unknown };
    filename?: string;
    mediaType?: string;
  }[];
}
const contextFor = (format: AgentFormat, over: Partial<RunFacts> = {}) =>
  createRequestContext({ ...facts, ...over }, format);
const foreign = (message: Message): Foreign => message as unknown as Foreign;

describe('the request context', () => {
  for (const format of AGENT_FORMATS) {
    it(`in ${format} has parts that every line can read`, () => {
      const [text, raw, url, data] = foreign(contextFor(format).userMessage).parts;
      expect([text?.text, text?.kind, text?.content]).to.deep.equal([
        'hello',
        'text',
        { $case: 'text', value: 'hello' },
      ]);
      expect([raw?.raw, raw?.kind, raw?.content.$case]).to.deep.equal(['aGk=', 'file', 'raw']);
      expect(Buffer.isBuffer(raw?.content.value) && raw.content.value.toString()).to.equal('hi');
      expect(raw?.file).to.deep.equal({ bytes: 'aGk=', name: 'hi.txt', mimeType: 'text/plain' });
      expect([raw?.filename, raw?.mediaType]).to.deep.equal(['hi.txt', 'text/plain']);
      expect([url?.url, url?.kind, url?.file]).to.deep.equal([
        'https://example.com/x',
        'file',
        { uri: 'https://example.com/x' },
      ]);
      expect(url?.content).to.deep.equal({ $case: 'url', value: 'https://example.com/x' });
      expect([data?.data, data?.kind, data?.content]).to.deep.equal([
        { list: [1, null] },
        'data',
        { $case: 'data', value: { list: [1, null] } },
      ]);
    });

    it(`in ${format} can be published back, whole or spread, and says the same`, () => {
      const { task: given } = contextFor(format);
      const event = (data: object): unknown => (format === 'sdk-0.3' ? data : { kind: 'task', data });
      const { artifacts, status } = task;
      for (const again of [
        given,
        { ...given },
        structuredClone(given),
        // bytes of protobuf objects are no JSON
        ...(format === 'sdk-1' ? [] : [JSON.parse(JSON.stringify(given)) as object]),
        {
          ...given,
          artifacts: given?.artifacts.map((a) => ({ ...a, parts: a.parts.map((p) => ({ ...p })) })),
        },
      ]) {
        const read = readEvent(event(again ?? {}), ids);
        if (read.kind !== 'task') throw new Error(read.kind);
        const said = { messageId: 'q', role: 'ROLE_AGENT', parts: [{ text: 'which?' }] };
        expect(read.data.status).to.deep.equal({ ...status, message: said });
        expect(read.data.artifacts[0]?.parts.slice(1)).to.deep.equal(artifacts[0]?.parts.slice(1));
        // 0.3 has a media type for files alone
        const [first] = read.data.artifacts[0]?.parts ?? [];
        expect(first).to.deep.include(format === 'sdk-0.3' ? { text: 'hello' } : parts[0]);
        expect(read.data.history).to.deep.equal([said]);
        expect(read.data.metadata).to.deep.equal({ goal: 'g' });
      }
    });

    it(`in ${format} hands out copies`, () => {
      const before = structuredClone(task);
      const { task: given, userMessage: message, session } = contextFor(format);
      for (const shown of [message, ...session.messages, ...(given?.history ?? [])]) {
        const [, , , data] = foreign(shown).parts;
        shown.parts.pop();
        Object.assign((data?.data as object | undefined) ?? {}, { forged: true });
        Object.assign(shown.metadata ?? {}, { forged: true });
      }
      given?.artifacts[0]?.parts.pop();
      Object.assign(given?.metadata ?? {}, { forged: true });
      expect(task).to.deep.equal(before);
    });
  }

  it('is plain JSON in json', () => {
    const context = contextFor('json');
    expect(context.userMessage).to.deep.equal(userMessage);
    expect(context.task).to.deep.equal(task);
    expect(JSON.parse(JSON.stringify(context.userMessage))).to.deep.equal(userMessage);
    expect(Object.keys(context.userMessage.parts[0] ?? {})).to.deep.equal(['text', 'mediaType']);
    expect('data' in (context.userMessage.parts[0] ?? {})).to.equal(false);
  });

  it('has a copy of a message that is a text and nothing else, as of any other', () => {
    const plain: Message = { messageId: 'p', parts: [{ text: 'hi' }], role: 'ROLE_USER', ...ids };
    const { userMessage: shown } = contextFor('json', { userMessage: plain });
    expect(shown).to.deep.equal(plain);
    expect(Object.keys(shown.parts[0] ?? {})).to.deep.equal(['text']);
    expect(foreign(shown).parts[0]?.content).to.deep.equal({ $case: 'text', value: 'hi' });
    shown.parts.pop();
    shown.messageId = 'forged';
    expect(plain).to.include({ messageId: 'p' }).and.have.nested.property('parts[0].text', 'hi');
    for (const rare of [
      { metadata: { m: 1 } },
      { extensions: ['https://example.com/x'] },
      { referenceTaskIds: ['s.r'] },
      { parts: [{ text: 'hi', filename: 'f' }] },
      { parts: [{ text: 'hi', metadata: { m: 1 } }] },
    ]) {
      const userMessage = { ...plain, ...rare };
      expect(contextFor('json', { userMessage }).userMessage).to.deep.equal(userMessage);
    }
  });

  it('is what the helpers of the SDK take in sdk-1', () => {
    const context = contextFor('sdk-1');
    const message = context.userMessage as unknown as SdkMessage;
    expect(message.role).to.equal(Role.ROLE_USER);
    expect(SdkMessage.toJSON(message)).to.deep.equal(JSON.parse(JSON.stringify(userMessage)));
    expect(SdkMessage.fromJSON(SdkMessage.toJSON(message))).to.deep.equal(message);
    const given = context.task as unknown as SdkTask;
    expect(given.status?.state).to.equal(TaskState.TASK_STATE_INPUT_REQUIRED);
    expect(SdkTask.toJSON(given)).to.deep.equal(JSON.parse(JSON.stringify(task)));
    const event = AgentEvent.task({
      ...given,
      status: { state: TaskState.TASK_STATE_COMPLETED, message: undefined, timestamp: undefined },
      history: [...given.history, message],
    });
    expect(readEvent(event, ids).data).to.have.deep.property('status', {
      state: 'TASK_STATE_COMPLETED',
      timestamp: '',
    });
    expect(context.request.message).to.equal(context.userMessage);
  });

  it('is what 0.3 says in sdk-0.3', () => {
    const message = contextFor('sdk-0.3').userMessage;
    expect(message).to.deep.equal({
      kind: 'message',
      messageId: 'u2',
      role: 'user',
      ...ids,
      parts: [
        { kind: 'text', text: 'hello' },
        { kind: 'file', file: { bytes: 'aGk=', name: 'hi.txt', mimeType: 'text/plain' } },
        { kind: 'file', file: { uri: 'https://example.com/x' } },
        { kind: 'data', data: { list: [1, null] }, metadata: { m: { n: 1 } } },
      ],
      referenceTaskIds: ['s.r'],
      metadata: { goal: 'g' },
    });
    const given = contextFor('sdk-0.3').task;
    expect(given).to.include({ kind: 'task', id: 's.t' });
    expect(given?.status).to.deep.include({ state: 'input-required' });
    const odd = contextFor('sdk-0.3', { userMessage: { ...userMessage, parts: [{ data: [1] }] } });
    expect(foreign(odd.userMessage).parts[0]?.data).to.deep.equal({ value: [1] });
  });

  it('says of the call what is known, and nothing else', () => {
    const {
      context,
      request,
      referenceTasks,
      task: given,
    } = contextFor('json', {
      task: undefined,
      referenceTasks: undefined,
    });
    expect([given, referenceTasks, request.configuration, request.metadata]).to.deep.equal([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect([
      context.tenant,
      context.user,
      context.requestedVersion,
      context.requestedExtensions,
    ]).to.deep.equal(['acme', undefined, undefined, undefined]);
    const call = {
      user: { isAuthenticated: true, userName: 'ada' },
      version: '1.0',
      extensions: ['urn:x'],
      acceptedOutputModes: ['text/plain'],
      historyLength: 3,
      blocking: false,
      metadata: { trace: 1 },
    };
    const known = contextFor('sdk-1', { call });
    expect(known.request).to.deep.include({ tenant: 'acme', metadata: { trace: 1 } });
    expect(known.request.configuration).to.deep.equal({
      acceptedOutputModes: ['text/plain'],
      historyLength: 3,
      returnImmediately: true,
      taskPushNotificationConfig: undefined,
    });
    expect(known.context.user).to.deep.equal({ isAuthenticated: true, userName: 'ada' });
    expect(known.context.requestedExtensions).to.deep.equal(['urn:x']);
    known.context.addActivatedExtension('urn:x');
    known.context.addActivatedExtension('urn:x');
    expect(known.context.activatedExtensions).to.deep.equal(['urn:x']);
    expect(known.context.state.size).to.equal(0);
  });
});
