/** What an executor publishes is checked, copied, and refused with a reason. */
import { Role, TaskState } from '@a2a-js/sdk';
import { expect } from 'chai';
import { LEGACY_STATES, ROLE_NUMBERS, STATE_NUMBERS } from '../../../server/agents/event-values.ts';
import { InvalidAgentEventError, readEvent } from '../../../server/agents/read-event.ts';
import { TASK_STATES } from '../../../protocol/task-state.ts';

const ids = { taskId: 's.t', contextId: 's' };
const read = (event: unknown): unknown => readEvent(event, ids);

const fault = (event: unknown): string => {
  try {
    read(event);
  } catch (error) {
    if (error instanceof InvalidAgentEventError) return error.message;
    throw error;
  }
  throw new Error('it was read');
};

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
const message = { messageId: 'm1', role: 'ROLE_AGENT', parts: [{ text: 'hi' }] };

describe('an event that an agent publishes', () => {
  it('has the enumerations of the SDK and of 0.3', () => {
    for (const state of TASK_STATES) {
      expect(STATE_NUMBERS[state]).to.equal(TaskState[state]);
      expect(LEGACY_STATES[state]).to.equal(state.slice(11).toLowerCase().replace('_', '-'));
    }
    expect(ROLE_NUMBERS).to.deep.equal({ ROLE_USER: Role.ROLE_USER, ROLE_AGENT: Role.ROLE_AGENT });
    for (const state of [0, -1, 9, '3', 'unknown', 'TASK_STATE_UNSPECIFIED', 'COMPLETED', null, {}]) {
      expect(fault({ kind: 'statusUpdate', data: { status: { state } } })).to.contain('status.state');
    }
  });

  it('leaves out what protobuf objects say with an empty value', () => {
    const event = {
      kind: 'artifactUpdate',
      data: {
        taskId: '',
        contextId: '',
        artifact: {
          artifactId: 'a',
          name: '',
          description: '',
          parts: [{ ...common, content: { $case: 'text', value: '' } }],
          metadata: {},
          extensions: [],
        },
        append: false,
        lastChunk: false,
        metadata: {},
      },
    };
    expect(read(event)).to.deep.equal({
      kind: 'artifactUpdate',
      data: { ...ids, artifact: { artifactId: 'a', parts: [{ text: '' }] } },
    });
  });

  it('may have bytes of any kind, and null as data', () => {
    const parts = (...given: unknown[]): unknown =>
      (
        read({ kind: 'artifactUpdate', data: { artifact: { artifactId: 'a', parts: given } } }) as {
          data: { artifact: { parts: unknown } };
        }
      ).data.artifact.parts;
    const bytes = new Uint8Array([9, 104, 105]).subarray(1);
    expect(
      parts(
        { content: { $case: 'raw', value: bytes } },
        { raw: bytes },
        { raw: 'aGk' },
        { content: { $case: 'data', value: undefined } },
        { data: null },
      ),
    ).to.deep.equal([{ raw: 'aGk=' }, { raw: 'aGk=' }, { raw: 'aGk=' }, { data: null }, { data: null }]);
  });

  it('shares nothing with what was given', () => {
    const data = { list: [1] };
    const metadata = { m: [1] };
    const given = {
      kind: 'statusUpdate',
      data: {
        status: {
          state: 'TASK_STATE_WORKING',
          message: { ...message, parts: [{ data, metadata }], extensions: ['x'], metadata },
        },
        metadata,
      },
    };
    const event = read(given);
    const before = structuredClone(event);
    data.list.push(2);
    metadata.m.push(2);
    given.data.status.message.extensions.push('y');
    given.data.status.message.parts.push({ data, metadata });
    expect(event).to.deep.equal(before);
  });

  it('is refused with the field and what is wrong with it, three faults at most', () => {
    const inArtifact = (artifact: unknown): string => fault({ kind: 'artifactUpdate', data: { artifact } });
    expect(inArtifact({ parts: [] })).to.equal(
      'artifactUpdate: artifact.artifactId is required; artifact.parts must not be empty',
    );
    expect(inArtifact({ artifactId: 'x'.repeat(257), parts: [{ text: 'x' }] })).to.contain(
      'artifact.artifactId must be at most 256 bytes of UTF-8',
    );
    expect(inArtifact({ artifactId: 'a\n', parts: [{ text: 'x' }] })).to.contain('control characters');
    expect(inArtifact({ artifactId: 'a', parts: [{ text: 1 }, { url: '' }, { raw: '!' }, 4] })).to.equal(
      'artifactUpdate: artifact.parts[0].text must be a string; artifact.parts[1].url must not be empty; ' +
        'artifact.parts[2].raw must be base64',
    );
    expect(inArtifact({ artifactId: 'a', parts: [{ content: { $case: 'x', value: 1 } }] })).to.contain(
      'artifact.parts[0] must have one of text, raw, url, data',
    );
    expect(inArtifact({ artifactId: 'a', parts: [{ kind: 'file', file: {} }] })).to.contain('must have one');
    expect(inArtifact({ artifactId: 'a', parts: new Array(1e9) })).to.contain('parts[2] is required');
    expect(inArtifact({ artifactId: 'a', parts: [{ text: 'x' }], metadata: [] })).to.contain(
      'artifact.metadata must be an object',
    );
    expect(fault({ kind: 'status-update' })).to.equal('statusUpdate: status is required');
    expect(fault({ kind: 'task', data: { status: 'x' } })).to.equal('task: status must be an object');
    expect(fault({ kind: 'message', data: [] })).to.equal('message: data must be an object');
    expect(fault({ kind: 'message', data: { ...sdkMessage, role: Role.ROLE_USER } })).to.equal(
      'message: role must be ROLE_AGENT',
    );
    expect(fault({ kind: 'message', data: { ...message, taskId: 5, contextId: [] } })).to.equal(
      'message: taskId must be a string; contextId must be a string',
    );
    expect(fault({ kind: 'message', data: { ...message, taskId: 'other' } })).to.equal(
      'taskId names another task',
    );
  });

  it('that defends itself against being read is refused', () => {
    const boom = (): never => {
      throw new Error('secret');
    };
    const hostile = new Proxy({}, { get: boom, has: boom, ownKeys: boom });
    for (const event of [
      hostile,
      { kind: 'message', data: hostile },
      Object.defineProperty({}, 'kind', { get: boom }),
      { kind: 'artifactUpdate', data: { artifact: { artifactId: 'a', parts: [{ data: hostile }] } } },
      { kind: 'artifactUpdate', data: { artifact: { artifactId: 'a', parts: [hostile] } } },
      { toJSON: boom },
    ]) {
      expect(fault(event)).to.equal('it cannot be written as JSON');
    }
    const endless: object = { toJSON: () => endless };
    expect(fault(endless)).to.equal('it cannot be written as JSON');
  });

  it('keeps what was checked, whatever it is at the next look', () => {
    let kept = 0;
    for (let turns = 0; turns < 6; turns++) {
      let looks = 0;
      const part = Object.defineProperty({}, 'text', {
        enumerable: true,
        get: () => (looks++ < turns ? 'text' : { not: 'a text' }),
      });
      const event = { kind: 'artifactUpdate', data: { artifact: { artifactId: 'a', parts: [part] } } };
      try {
        expect(read(event)).to.have.deep.nested.property('data.artifact.parts', [{ text: 'text' }]);
        kept += 1;
      } catch (error) {
        expect(error).to.be.instanceOf(InvalidAgentEventError);
      }
    }
    expect(kept).to.be.greaterThan(0);
  });
});
