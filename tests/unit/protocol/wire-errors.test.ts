import { expect } from 'chai';
import { CODECS } from '../../../protocol/dialects/codecs.ts';
import {
  ERRORS,
  invalidParams,
  ProtocolError,
  taskNotFound,
  type ErrorReason,
} from '../../../protocol/errors.ts';

const { v1, v03, v01 } = CODECS;

/** A2A 1.0 §5.4, 0.3 §8, 0.1 §8. The fourth column is the reason as 1.0 clients read it. */
const CODES: Record<ErrorReason, [v1: number, v03: number, v01: number, reason: string]> = {
  JSON_PARSE: [-32700, -32700, -32700, 'JSON_PARSE'],
  INVALID_REQUEST: [-32600, -32600, -32600, 'INVALID_REQUEST'],
  METHOD_NOT_FOUND: [-32601, -32601, -32601, 'METHOD_NOT_FOUND'],
  INVALID_PARAMS: [-32602, -32602, -32602, 'INVALID_PARAMS'],
  INTERNAL: [-32603, -32603, -32603, 'INTERNAL'],
  STORE_UNAVAILABLE: [-32603, -32603, -32603, 'STORE_UNAVAILABLE'],
  SESSION_DAMAGED: [-32603, -32603, -32603, 'SESSION_DAMAGED'],
  SESSION_BUSY: [-32603, -32603, -32603, 'SESSION_BUSY'],
  RESOURCE_EXHAUSTED: [-32603, -32603, -32011, 'RESOURCE_EXHAUSTED'],
  TASK_NOT_FOUND: [-32001, -32001, -32001, 'TASK_NOT_FOUND'],
  TASK_NOT_CANCELABLE: [-32002, -32002, -32002, 'TASK_NOT_CANCELABLE'],
  PUSH_NOTIFICATION_NOT_SUPPORTED: [-32003, -32003, -32003, 'PUSH_NOTIFICATION_NOT_SUPPORTED'],
  UNSUPPORTED_OPERATION: [-32004, -32004, -32004, 'UNSUPPORTED_OPERATION'],
  CONTENT_TYPE_NOT_SUPPORTED: [-32005, -32005, -32005, 'CONTENT_TYPE_NOT_SUPPORTED'],
  INVALID_AGENT_RESPONSE: [-32006, -32006, -32603, 'INVALID_AGENT_RESPONSE'],
  EXTENDED_AGENT_CARD_NOT_CONFIGURED: [-32007, -32007, -32004, 'EXTENDED_AGENT_CARD_NOT_CONFIGURED'],
  EXTENSION_SUPPORT_REQUIRED: [-32008, -32008, -32004, 'EXTENSION_SUPPORT_REQUIRED'],
  UNAUTHENTICATED: [-32600, -32600, -32007, 'UNAUTHENTICATED'],
  AUTHENTICATION_UNAVAILABLE: [-32603, -32603, -32603, 'AUTHENTICATION_UNAVAILABLE'],
  PERMISSION_DENIED: [-32600, -32600, -32008, 'PERMISSION_DENIED'],
  VERSION_NOT_SUPPORTED: [-32009, -32009, -32600, 'VERSION_NOT_SUPPORTED'],
  INVALID_TASK_STATE: [-32004, -32004, -32009, 'UNSUPPORTED_OPERATION'],
};

describe('errors on the wire', () => {
  for (const [name, [inV1, inV03, inV01, reason]] of Object.entries(CODES)) {
    it(`${name} is ${inV1} in 1.0, ${inV03} in 0.3 and ${inV01} in 0.1`, () => {
      const error = new ProtocolError(name as ErrorReason);
      expect(v1.encodeError(error)).to.deep.equal({
        code: inV1,
        message: error.message,
        data: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason,
            domain: 'a2a-protocol.org',
            metadata: {},
          },
        ],
      });
      expect(v03.encodeError(error)).to.deep.equal({ code: inV03, message: error.message });
      expect(v01.encodeError(error)).to.deep.equal({ code: inV01, message: error.message });
    });
  }

  it('are all in the table', () => {
    expect(Object.keys(CODES)).to.have.members(Object.keys(ERRORS));
  });

  it('tell what they are about: as metadata in 1.0, as members before', () => {
    const error = taskNotFound('t9');
    expect(v1.encodeError(error).data).to.deep.equal([
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'TASK_NOT_FOUND',
        domain: 'a2a-protocol.org',
        metadata: { taskId: 't9' },
      },
    ]);
    expect(v03.encodeError(error)).to.deep.equal({
      code: -32001,
      message: 'Task not found',
      data: { taskId: 't9' },
    });
    expect(v01.encodeError(error)).to.deep.equal({
      code: -32001,
      message: 'Task not found',
      data: { taskId: 't9' },
    });
  });

  it('name bad fields', () => {
    const violation = { field: 'message.parts', description: 'must not be empty' };
    const error = invalidParams(violation);
    const { message, data } = v1.encodeError(error);
    expect(message).to.equal('Invalid parameters: message.parts must not be empty');
    expect(data).to.have.length(2);
    expect(data).to.deep.include({
      '@type': 'type.googleapis.com/google.rpc.BadRequest',
      fieldViolations: [violation],
    });
    expect(v03.encodeError(error).data).to.deep.equal({ violations: [violation] });
    expect(v01.encodeError(error).data).to.deep.equal({ violations: [violation] });
  });

  it('say when to come back', () => {
    for (const [retryAfterMs, retryDelay] of [
      [1500, '1.5s'],
      [1000, '1s'],
      [0, '0s'],
      [0.2, '0.001s'],
      [90_000, '90s'],
    ] as const) {
      const error = new ProtocolError('STORE_UNAVAILABLE', { retryAfterMs });
      const retry = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay };
      expect(v1.encodeError(error).data).to.deep.include(retry);
      expect(v03.encodeError(error).data).to.deep.equal({ details: [retry] });
      expect(v01.encodeError(error).data).to.deep.equal({ details: [retry] });
    }
  });

  it('keep their cause to themselves', () => {
    const error = new ProtocolError('INTERNAL', { cause: new Error('redis://user:secret@host') });
    for (const codec of [v1, v03, v01])
      expect(JSON.stringify(codec.encodeError(error))).to.not.include('secret');
  });
});
