import { expect } from 'chai';
import { V1 } from '../../../protocol/dialects/v1.ts';
import { refusal } from './fixtures.ts';

const MESSAGE = { messageId: 'm1', role: 'ROLE_USER', parts: [{ text: 'hi' }] };
const send = (message: object, rest: object = {}) => V1.decodeSend({ message, ...rest });
const sendPart = (part: unknown) => send({ ...MESSAGE, parts: [part] }).message.parts[0];

describe('the 1.0 codec reads a send', () => {
  it('with the least there can be, waiting for the end and asking for all history', () => {
    expect(V1.decodeSend({ message: MESSAGE })).to.deep.equal({ message: MESSAGE, blocking: true });
  });

  it('with everything there can be', () => {
    const message = {
      ...MESSAGE,
      contextId: 'c1',
      taskId: 'c1.t1',
      referenceTaskIds: ['c1.t0'],
      extensions: ['https://example.test/x'],
      metadata: { a: [1, null, { b: true }] },
    };
    const decoded = V1.decodeSend({
      tenant: 'acme',
      message,
      configuration: {
        acceptedOutputModes: ['text/plain'],
        historyLength: 2,
        returnImmediately: true,
        taskPushNotificationConfig: {
          id: 'p1',
          taskId: 'ignored',
          url: 'https://hook.example/',
          token: 'secret',
          authentication: { scheme: 'Bearer', credentials: 'x' },
        },
      },
      metadata: { trace: 1 },
      somethingNew: { is: 'ignored' },
    });
    expect(decoded).to.deep.equal({
      tenant: 'acme',
      message,
      blocking: false,
      historyLength: 2,
      acceptedOutputModes: ['text/plain'],
      pushConfig: {
        id: 'p1',
        url: 'https://hook.example/',
        token: 'secret',
        authentication: { schemes: ['Bearer'], credentials: 'x' },
      },
      metadata: { trace: 1 },
    });
  });

  it('in the names of the proto file, with numbers for enums and strings for integers', () => {
    const decoded = V1.decodeSend({
      message: { message_id: 'm1', role: 1, context_id: 'c1', parts: [{ url: 'u', media_type: 'a/b' }] },
      configuration: { history_length: '3', return_immediately: true },
    });
    expect(decoded.message).to.deep.equal({
      messageId: 'm1',
      role: 'ROLE_USER',
      contextId: 'c1',
      parts: [{ url: 'u', mediaType: 'a/b' }],
    });
    expect(decoded.historyLength).to.equal(3);
    expect(decoded.blocking).to.equal(false);
  });

  it('taking null, and the empty string where there is no presence, for unset', () => {
    const decoded = V1.decodeSend({
      tenant: '',
      message: {
        ...MESSAGE,
        contextId: '',
        taskId: null,
        metadata: null,
        extensions: [],
        referenceTaskIds: null,
      },
      configuration: { historyLength: null, acceptedOutputModes: null, taskPushNotificationConfig: null },
      metadata: {},
    });
    expect(decoded).to.deep.equal({ message: MESSAGE, blocking: true });
  });

  it('with history 0 as none, not as unset', () => {
    expect(send(MESSAGE, { configuration: { historyLength: 0 } }).historyLength).to.equal(0);
    expect(send(MESSAGE, { configuration: { historyLength: '1e2' } }).historyLength).to.equal(100);
    expect(Object.is(send(MESSAGE, { configuration: { historyLength: -0 } }).historyLength, 0)).to.equal(
      true,
    );
  });

  it('with data of any kind, null too', () => {
    for (const data of [null, 0, false, '', 'x', [], [1, [2]], {}, { a: null }]) {
      expect(sendPart({ data })).to.deep.equal({ data });
    }
  });

  it('with every base64 that there is, as standard base64', () => {
    for (const [given, standard] of [
      ['', ''],
      ['QQ==', 'QQ=='],
      ['QQ', 'QQ=='],
      ['QUI', 'QUI='],
      ['-_-_', '+/+/'],
      ['QR==', 'QQ=='],
      ['aGVsbG8', 'aGVsbG8='],
    ]) {
      expect(sendPart({ raw: given })).to.deep.equal({ raw: standard });
    }
    for (const raw of ['Q', 'QQ=', 'QQ===', 'Q Q=', 'QQ==QQ==', 'é', '====']) {
      expect(refusal(() => sendPart({ raw }))).to.deep.equal({ 'message.parts[0].raw': 'must be base64' });
    }
  });

  it('and drops what it does not know', () => {
    expect(
      send({ ...MESSAGE, kind: 'message', parts: [{ text: 'hi', kind: 'text' }] }).message,
    ).to.deep.equal(MESSAGE);
  });

  it('and keeps members called __proto__ without becoming one', () => {
    const metadata: unknown = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    );
    const { message } = send({ ...MESSAGE, metadata, parts: [{ data: metadata }] });
    expect(JSON.stringify(message.metadata)).to.equal(JSON.stringify(metadata));
    expect(JSON.stringify(message.parts[0])).to.equal(JSON.stringify({ data: metadata }));
    expect(Reflect.get({}, 'polluted')).to.equal(undefined);
    expect(Reflect.get(message.metadata ?? {}, 'polluted')).to.equal(undefined);
  });
});

describe('the 1.0 codec refuses', () => {
  it('params that are not an object', () => {
    for (const params of [undefined, null]) {
      expect(refusal(() => V1.decodeSend(params))).to.deep.equal({ params: 'is required' });
    }
    for (const params of [[], 'x', 5, true]) {
      expect(refusal(() => V1.decodeSend(params))).to.deep.equal({ params: 'must be an object' });
    }
  });

  it('a send without its required members, naming all of them', () => {
    expect(refusal(() => V1.decodeSend({}))).to.have.keys('message');
    expect(refusal(() => send({}))).to.deep.equal({
      'message.messageId': 'is required',
      'message.role': 'is required',
      'message.parts': 'is required',
    });
  });

  it('each bad field, in the spelling of its caller', () => {
    const params = {
      message: {
        message_id: '',
        role: 'ROLE_OTHER',
        parts: [{ text: 5 }, { media_type: 1, text: '' }, 'x'],
        reference_task_ids: ['a', ''],
      },
      configuration: {
        history_length: -1,
        returnImmediately: 'yes',
        task_push_notification_config: { url: '', authentication: {} },
      },
      metadata: [],
    };
    expect(refusal(() => V1.decodeSend(params))).to.deep.equal({
      'message.message_id': 'must not be empty',
      'message.role': 'must be ROLE_USER',
      'message.parts[0].text': 'must be a string',
      'message.parts[1].media_type': 'must be a string',
      'message.parts[2]': 'must be an object',
      'message.reference_task_ids[1]': 'must not be empty',
      'configuration.history_length': 'must be an integer from 0 to 2147483647',
      'configuration.returnImmediately': 'must be true or false',
      'configuration.task_push_notification_config.url': 'must not be empty',
      'configuration.task_push_notification_config.authentication.scheme': 'is required',
      metadata: 'must be an object',
    });
  });

  it('a client that speaks as the agent, or as nobody', () => {
    for (const role of ['ROLE_AGENT', 2, 'ROLE_UNSPECIFIED', 0, 'user', '1']) {
      expect(refusal(() => send({ ...MESSAGE, role }))).to.have.keys('message.role');
    }
  });

  it('a part with no content or with two', () => {
    for (const part of [{}, { text: null }, { mediaType: 'text/plain' }, { kind: 'text' }]) {
      expect(refusal(() => sendPart(part))).to.deep.equal({
        'message.parts[0]': 'must have one of text, raw, url, data',
      });
    }
    for (const part of [
      { text: 'a', url: 'b' },
      { text: '', data: null },
      { raw: '', text: '' },
    ]) {
      expect(refusal(() => sendPart(part))).to.deep.equal({
        'message.parts[0]': 'must have only one of text, raw, url, data',
      });
    }
  });

  it('a field that is given under both of its names', () => {
    expect(refusal(() => send({ ...MESSAGE, message_id: 'm2' }))).to.deep.equal({
      'message.message_id': 'is given as messageId as well',
    });
    expect(send({ ...MESSAGE, message_id: null }).message.messageId).to.equal('m1');
  });

  it('a history length that is no int32', () => {
    for (const historyLength of [-1, 1.5, 2 ** 31, '-1', '1.5', 'x', '', ' 1', true, [1], {}]) {
      const fields = refusal(() => send(MESSAGE, { configuration: { historyLength } }));
      expect(fields, JSON.stringify(historyLength)).to.have.keys('configuration.historyLength');
    }
  });
});

describe('the 1.0 codec reads a get and a cancel', () => {
  it('with what they may have', () => {
    expect(V1.decodeGet({ id: 'c1.t1' })).to.deep.equal({ id: 'c1.t1' });
    expect(V1.decodeGet({ tenant: 'acme', id: 'c1.t1', history_length: 0 })).to.deep.equal({
      tenant: 'acme',
      id: 'c1.t1',
      historyLength: 0,
    });
    expect(V1.decodeCancel({ id: 'c1.t1', metadata: { why: 'x' } })).to.deep.equal({
      id: 'c1.t1',
      metadata: { why: 'x' },
    });
  });

  it('and refuses them without an id', () => {
    expect(refusal(() => V1.decodeGet({ name: 'tasks/1' }))).to.deep.equal({ id: 'is required' });
    expect(refusal(() => V1.decodeCancel({ id: '' }))).to.deep.equal({ id: 'must not be empty' });
  });
});
