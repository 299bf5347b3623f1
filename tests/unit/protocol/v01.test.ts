import { expect } from 'chai';
import { V01 } from '../../../protocol/dialects/v01.ts';
import { aMessage, aTask, at, inState, overTheWire, refusal, TIME, view } from './fixtures.ts';

const MESSAGE = { role: 'user', parts: [{ type: 'text', text: 'hi' }] };
const DECODED = { messageId: '', role: 'ROLE_USER', parts: [{ text: 'hi' }] };
const send = (message: object, rest: object = {}) => V01.decodeSend({ id: 'mine', message, ...rest });
const sendPart = (part: unknown) => send({ ...MESSAGE, parts: [part] }).message.parts[0];

describe('the 0.1 codec reads a send', () => {
  it('with the least there can be, waiting for the end and asking for no history', () => {
    expect(send(MESSAGE)).to.deep.equal({
      clientTaskId: 'mine',
      message: DECODED,
      blocking: true,
      historyLength: 0,
    });
  });

  it('with everything there can be, the session as the context of the message', () => {
    const decoded = send(
      { ...MESSAGE, metadata: { a: 1 } },
      {
        sessionId: 's1',
        historyLength: 5,
        acceptedOutputModes: ['text'],
        pushNotification: { url: 'https://hook.example/', authentication: { schemes: ['Bearer'] } },
        metadata: { trace: 1 },
        tenant: 'acme',
      },
    );
    expect(decoded).to.deep.equal({
      clientTaskId: 'mine',
      message: { ...DECODED, contextId: 's1', metadata: { a: 1 } },
      blocking: true,
      historyLength: 5,
      acceptedOutputModes: ['text'],
      pushConfig: { url: 'https://hook.example/', authentication: { schemes: ['Bearer'] } },
      metadata: { trace: 1 },
    });
  });

  it('with null for whatever is optional', () => {
    const nulls = { sessionId: null, historyLength: null, acceptedOutputModes: null, pushNotification: null };
    expect(send({ ...MESSAGE, metadata: null }, { ...nulls, metadata: null })).to.deep.equal(send(MESSAGE));
  });

  it('with parts whose type is left out', () => {
    expect(sendPart({ text: 'hi' })).to.deep.equal({ text: 'hi' });
    expect(sendPart({ file: { uri: 'u' } })).to.deep.equal({ url: 'u' });
    expect(sendPart({ type: null, data: { a: 1 }, text: null })).to.deep.equal({ data: { a: 1 } });
    for (const part of [{}, { metadata: {} }, { text: 'a', data: {} }]) {
      expect(refusal(() => sendPart(part))).to.have.keys('message.parts[0]');
    }
  });

  it('with data that is an object or a list', () => {
    expect(sendPart({ type: 'data', data: [1, { a: 2 }] })).to.deep.equal({ data: [1, { a: 2 }] });
    expect(refusal(() => sendPart({ type: 'data', data: 'x' }))).to.have.keys('message.parts[0].data');
    expect(refusal(() => sendPart({ type: 'data', data: [['\ud800']] }))).to.have.keys(
      'message.parts[0].data[0][0]',
    );
  });

  it('with a file that is only named, and shows it as it came', () => {
    const file = {
      type: 'file',
      file: { name: 'report.pdf', mimeType: 'application/pdf' },
      metadata: { p: 1 },
    };
    const part = sendPart(file);
    expect(part).to.deep.include({ data: null, filename: 'report.pdf', mediaType: 'application/pdf' });
    const task = aTask({ history: [aMessage({ parts: [part!] })] });
    expect(at(V01.encodeTask(view(task)), 'history', 0, 'parts', 0)).to.deep.equal(file);
  });
});

describe('the 0.1 codec refuses', () => {
  it('each bad field', () => {
    const params = {
      sessionId: '',
      message: { role: 'ROLE_USER', parts: [{ type: 'image' }] },
      historyLength: -1,
    };
    expect(refusal(() => V01.decodeSend(params))).to.deep.equal({
      id: 'is required',
      sessionId: 'must not be empty',
      'message.role': 'must be user',
      'message.parts[0].type': 'must be one of text, file, data',
      historyLength: 'must be an integer from 0 to 2147483647',
    });
  });
});

describe('the 0.1 codec reads a get and a cancel', () => {
  it('asking for no history unless it says how much', () => {
    expect(V01.decodeGet({ id: 'mine' })).to.deep.equal({ id: 'mine', historyLength: 0 });
    expect(V01.decodeGet({ id: 'mine', historyLength: null })).to.deep.equal({
      id: 'mine',
      historyLength: 0,
    });
    expect(V01.decodeGet({ id: 'mine', historyLength: 3 })).to.deep.equal({ id: 'mine', historyLength: 3 });
    expect(V01.decodeCancel({ id: 'mine', metadata: {} })).to.deep.equal({ id: 'mine' });
    expect(refusal(() => V01.decodeCancel({}))).to.deep.equal({ id: 'is required' });
  });
});

describe('the 0.1 codec shows', () => {
  it('a task by the id its client knows, with positions for artifacts and no ids of messages', () => {
    const task = aTask({
      status: { state: 'TASK_STATE_COMPLETED', timestamp: TIME, message: aMessage({ role: 'ROLE_AGENT' }) },
      artifacts: [
        { artifactId: 'a1', name: 'n', description: 'd', parts: [{ text: 'x' }], metadata: { m: 1 } },
        { artifactId: 'a2', parts: [{ raw: 'QQ==', filename: 'f' }] },
      ],
      history: [aMessage({ contextId: 'c1', taskId: 'c1.t1', metadata: { h: 1 } })],
      metadata: { k: 'v' },
    });
    const shown = V01.encodeTask(view(task, { alias: 'mine', dialect: 'v01' }));
    expect(V01.encodeSend({ kind: 'task', view: view(task, { alias: 'mine' }) })).to.deep.equal(shown);
    expect(overTheWire(shown)).to.deep.equal({
      id: 'mine',
      sessionId: 'c1',
      status: { state: 'completed', message: { ...MESSAGE, role: 'agent' }, timestamp: TIME },
      artifacts: [
        { index: 0, name: 'n', description: 'd', parts: [{ type: 'text', text: 'x' }], metadata: { m: 1 } },
        { index: 1, parts: [{ type: 'file', file: { bytes: 'QQ==', name: 'f' } }] },
      ],
      history: [{ ...MESSAGE, metadata: { h: 1 } }],
      metadata: { k: 'v' },
    });
  });

  it('nothing where there is nothing', () => {
    expect(V01.encodeTask(view(aTask({ metadata: {} })))).to.deep.equal({
      id: 'c1.t1',
      sessionId: 'c1',
      status: { state: 'completed', timestamp: TIME },
    });
  });

  it('a bare message as a task that has completed with it', () => {
    const message = aMessage({ role: 'ROLE_AGENT', contextId: 'c1' });
    expect(V01.encodeSend({ kind: 'message', message })).to.deep.equal({
      id: 'm1',
      sessionId: 'c1',
      status: { state: 'completed', message: { ...MESSAGE, role: 'agent' } },
    });
  });

  const STATES = [
    ['TASK_STATE_SUBMITTED', 'submitted'],
    ['TASK_STATE_WORKING', 'working'],
    ['TASK_STATE_COMPLETED', 'completed'],
    ['TASK_STATE_FAILED', 'failed'],
    ['TASK_STATE_CANCELED', 'canceled'],
    ['TASK_STATE_INPUT_REQUIRED', 'input-required'],
    ['TASK_STATE_REJECTED', 'failed'],
    ['TASK_STATE_AUTH_REQUIRED', 'input-required'],
  ] as const;
  for (const [state, name] of STATES) {
    it(`${state} as ${name}`, () => {
      expect(at(V01.encodeTask(view(inState(state))), 'status', 'state')).to.equal(name);
    });
  }
});
