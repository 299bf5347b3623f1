import { expect } from 'chai';
import { V03 } from '../../../protocol/dialects/v03.ts';
import { aMessage, aTask, at, inState, overTheWire, refusal, TIME, view } from './fixtures.ts';

const MESSAGE = { kind: 'message', messageId: 'm1', role: 'user', parts: [{ kind: 'text', text: 'hi' }] };
const DECODED = { messageId: 'm1', role: 'ROLE_USER', parts: [{ text: 'hi' }] };
const send = (message: object, rest: object = {}) => V03.decodeSend({ message, ...rest });
const sendPart = (part: unknown) => send({ ...MESSAGE, parts: [part] }).message.parts[0];

describe('the 0.3 codec reads a send', () => {
  it('with the least there can be, with or without the kind of the message', () => {
    expect(send(MESSAGE)).to.deep.equal({ message: DECODED, blocking: true });
    expect(send({ ...MESSAGE, kind: null })).to.deep.equal({ message: DECODED, blocking: true });
  });

  it('with everything there can be', () => {
    const decoded = send(
      {
        ...MESSAGE,
        contextId: 'c1',
        taskId: 'c1.t1',
        referenceTaskIds: ['c1.t0'],
        extensions: ['https://example.test/x'],
        metadata: { a: 1 },
      },
      {
        configuration: {
          acceptedOutputModes: ['text/plain'],
          historyLength: 2,
          blocking: false,
          pushNotificationConfig: {
            id: 'p1',
            url: 'https://hook.example/',
            token: 'secret',
            authentication: { schemes: ['Bearer', 'Basic'], credentials: 'x' },
          },
        },
        metadata: { trace: 1 },
        tenant: 'acme',
      },
    );
    expect(decoded).to.deep.equal({
      message: {
        ...DECODED,
        contextId: 'c1',
        taskId: 'c1.t1',
        referenceTaskIds: ['c1.t0'],
        extensions: ['https://example.test/x'],
        metadata: { a: 1 },
      },
      blocking: false,
      historyLength: 2,
      acceptedOutputModes: ['text/plain'],
      pushConfig: {
        id: 'p1',
        url: 'https://hook.example/',
        token: 'secret',
        authentication: { schemes: ['Bearer', 'Basic'], credentials: 'x' },
      },
      metadata: { trace: 1 },
    });
  });

  it('waiting unless it is told not to', () => {
    for (const configuration of [undefined, {}, { blocking: true }, { blocking: null }]) {
      expect(send(MESSAGE, { configuration }).blocking).to.equal(true);
    }
    expect(send(MESSAGE, { configuration: { blocking: false } }).blocking).to.equal(false);
  });

  it('with files of both kinds, and the content called data as the samples do', () => {
    expect(sendPart({ kind: 'file', file: { bytes: 'QQ', name: 'f', mimeType: 'a/b' } })).to.deep.equal({
      raw: 'QQ==',
      filename: 'f',
      mediaType: 'a/b',
    });
    expect(sendPart({ kind: 'file', file: { uri: 'https://x' }, metadata: { p: 1 } })).to.deep.equal({
      url: 'https://x',
      metadata: { p: 1 },
    });
    expect(sendPart({ kind: 'file', file: { data: 'QQ==', uri: null } })).to.deep.equal({ raw: 'QQ==' });
  });

  it('ignoring what does not belong to the kind of a part', () => {
    expect(sendPart({ kind: 'text', text: 'hi', data: 5, file: 'x', type: 'data' })).to.deep.equal({
      text: 'hi',
    });
  });

  it('and keeps members called __proto__ without becoming one', () => {
    const data: unknown = JSON.parse('{"__proto__":{"polluted":1}}');
    const part = sendPart({ kind: 'data', data, metadata: data });
    expect(JSON.stringify(part)).to.equal(
      '{"data":{"__proto__":{"polluted":1}},"metadata":{"__proto__":{"polluted":1}}}',
    );
    expect(Reflect.get(part ?? {}, 'polluted')).to.equal(undefined);
  });
});

describe('the 0.3 codec refuses', () => {
  it('each bad field, and takes no names of the proto file', () => {
    const params = {
      message: { kind: 'task', message_id: 'm1', role: 'agent', parts: [] },
      configuration: {
        historyLength: '2',
        blocking: 1,
        pushNotificationConfig: { authentication: { schemes: [] } },
      },
    };
    expect(refusal(() => V03.decodeSend(params))).to.deep.equal({
      'message.kind': 'must be message',
      'message.messageId': 'is required',
      'message.role': 'must be user',
      'message.parts': 'must not be empty',
      'configuration.historyLength': 'must be an integer from 0 to 2147483647',
      'configuration.blocking': 'must be true or false',
      'configuration.pushNotificationConfig.url': 'is required',
      'configuration.pushNotificationConfig.authentication.schemes': 'must not be empty',
    });
  });

  it('parts that are none', () => {
    const file = { bytes: 'QQ==', uri: 'https://x' };
    for (const [part, field] of [
      [{ text: 'hi' }, 'message.parts[0].kind'],
      [{ type: 'text', text: 'hi' }, 'message.parts[0].kind'],
      [{ kind: 'toString' }, 'message.parts[0].kind'],
      [{ kind: 'text' }, 'message.parts[0].text'],
      [{ kind: 'data', data: [1] }, 'message.parts[0].data'],
      [{ kind: 'data', data: null }, 'message.parts[0].data'],
      [{ kind: 'file' }, 'message.parts[0].file'],
      [{ kind: 'file', file: {} }, 'message.parts[0].file'],
      [{ kind: 'file', file }, 'message.parts[0].file'],
      [{ kind: 'file', file: { bytes: '!' } }, 'message.parts[0].file.bytes'],
      [null, 'message.parts[0]'],
    ] as const) {
      expect(
        refusal(() => sendPart(part)),
        JSON.stringify(part),
      ).to.have.keys(field);
    }
  });
});

describe('the 0.3 codec reads a get and a cancel', () => {
  it('with the id of the task, and history 0 as none', () => {
    expect(V03.decodeGet({ id: 't', metadata: { x: 1 } })).to.deep.equal({ id: 't' });
    expect(V03.decodeGet({ id: 't', historyLength: 0 })).to.deep.equal({ id: 't', historyLength: 0 });
    expect(V03.decodeCancel({ id: 't' })).to.deep.equal({ id: 't' });
    expect(refusal(() => V03.decodeGet({ taskId: 't' }))).to.deep.equal({ id: 'is required' });
  });
});

describe('the 0.3 codec shows', () => {
  it('a task bare, with its kind on everything', () => {
    const task = aTask({
      status: {
        state: 'TASK_STATE_AUTH_REQUIRED',
        timestamp: TIME,
        message: aMessage({ role: 'ROLE_AGENT' }),
      },
      artifacts: [
        {
          artifactId: 'a1',
          name: 'n',
          parts: [{ text: 'x' }, { url: 'u', filename: 'f', mediaType: 'a/b' }],
        },
      ],
      history: [aMessage()],
    });
    const ids = { contextId: 'c1', taskId: 'c1.t1' };
    const shown = V03.encodeTask(view(task));
    expect(V03.encodeSend({ kind: 'task', view: view(task) })).to.deep.equal(shown);
    expect(overTheWire(shown)).to.deep.equal({
      kind: 'task',
      id: 'c1.t1',
      contextId: 'c1',
      status: {
        state: 'auth-required',
        message: { ...MESSAGE, ...ids, role: 'agent' },
        timestamp: TIME,
      },
      artifacts: [
        {
          artifactId: 'a1',
          name: 'n',
          parts: [
            { kind: 'text', text: 'x' },
            { kind: 'file', file: { uri: 'u', name: 'f', mimeType: 'a/b' } },
          ],
        },
      ],
      history: [{ ...MESSAGE, ...ids }],
    });
  });

  it('a message bare', () => {
    const message = aMessage({ role: 'ROLE_AGENT', contextId: 'c1' });
    expect(V03.encodeSend({ kind: 'message', message })).to.deep.equal({
      ...MESSAGE,
      role: 'agent',
      contextId: 'c1',
    });
  });

  it('nothing where there is nothing', () => {
    expect(V03.encodeTask(view(aTask({ metadata: {} })))).to.have.all.keys(
      'kind',
      'id',
      'contextId',
      'status',
    );
  });

  it('a task that 0.1 made by the id its client knows, everywhere', () => {
    const task = aTask({ history: [aMessage(), aMessage({ taskId: 'c1.t1' })] });
    const shown = V03.encodeTask(view(task, { alias: 'mine', dialect: 'v01' }));
    expect(at(shown, 'id')).to.equal('mine');
    expect(at(shown, 'history', 0, 'taskId')).to.equal('mine');
    expect(at(shown, 'history', 1, 'taskId')).to.equal('mine');
  });

  const STATES = [
    ['TASK_STATE_SUBMITTED', 'submitted'],
    ['TASK_STATE_WORKING', 'working'],
    ['TASK_STATE_COMPLETED', 'completed'],
    ['TASK_STATE_FAILED', 'failed'],
    ['TASK_STATE_CANCELED', 'canceled'],
    ['TASK_STATE_INPUT_REQUIRED', 'input-required'],
    ['TASK_STATE_REJECTED', 'rejected'],
    ['TASK_STATE_AUTH_REQUIRED', 'auth-required'],
  ] as const;
  for (const [state, name] of STATES) {
    it(`${state} as ${name}`, () => {
      expect(at(V03.encodeTask(view(inState(state))), 'status', 'state')).to.equal(name);
    });
  }
});
