import { expect } from 'chai';
import { V01 } from '../../../protocol/dialects/v01.ts';
import { V03 } from '../../../protocol/dialects/v03.ts';
import { V1 } from '../../../protocol/dialects/v1.ts';
import type { StreamEvent, TaskNames, TaskStatusUpdate } from '../../../protocol/model.ts';
import { TASK_STATES } from '../../../protocol/task-state.ts';
import { aMessage, aTask, at, overTheWire, TIME, view } from './fixtures.ts';

const OURS: TaskNames = { dialect: 'v1' };
const THEIRS: TaskNames = { dialect: 'v01', alias: 'mine' };
const IDS = { taskId: 'c1.t1', contextId: 'c1' };
const ARTIFACT = {
  artifactId: 'a2',
  name: 'n',
  description: 'd',
  parts: [{ text: 'x' }],
  metadata: { m: 1 },
};

function statusEvent(members: Partial<TaskStatusUpdate> = {}, of = OURS, final = false): StreamEvent {
  const status = {
    state: 'TASK_STATE_INPUT_REQUIRED' as const,
    timestamp: TIME,
    message: aMessage({ messageId: 'm2', role: 'ROLE_AGENT', parts: [{ text: '?' }] }),
  };
  return { kind: 'statusUpdate', update: { ...IDS, status, ...members }, of, final };
}

function artifactEvent(members: object = {}, of = OURS, index = 1): StreamEvent {
  return { kind: 'artifactUpdate', update: { ...IDS, artifact: ARTIFACT, ...members }, of, index };
}

function taskEvent(of = OURS, final = false): StreamEvent {
  const task = aTask({
    status: { state: 'TASK_STATE_WORKING', timestamp: TIME },
    artifacts: [{ artifactId: 'a1', parts: [{ raw: 'QQ==' }] }, ARTIFACT],
    history: [aMessage()],
    metadata: { k: 'v' },
  });
  return { kind: 'task', view: view(task, of), final };
}

const messageEvent: StreamEvent = {
  kind: 'message',
  message: aMessage({ messageId: 'm9', role: 'ROLE_AGENT', contextId: 'c1' }),
};

describe('the 1.0 codec tells in a stream', () => {
  const told = (event: StreamEvent) => overTheWire(V1.encodeEvent(event));

  it('a status with the ids of its task in its message, and nothing of whether it is the last', () => {
    expect(told(statusEvent({ metadata: { s: 1 } }, THEIRS, true))).to.deep.equal([
      {
        statusUpdate: {
          taskId: 'c1.t1',
          contextId: 'c1',
          status: {
            state: 'TASK_STATE_INPUT_REQUIRED',
            message: {
              messageId: 'm2',
              contextId: 'c1',
              taskId: 'c1.t1',
              role: 'ROLE_AGENT',
              parts: [{ text: '?' }],
            },
            timestamp: TIME,
          },
          metadata: { s: 1 },
        },
      },
    ]);
  });

  it('an artifact, with append and lastChunk only when they hold', () => {
    const whole = { taskId: 'c1.t1', contextId: 'c1', artifact: ARTIFACT };
    expect(told(artifactEvent())).to.deep.equal([{ artifactUpdate: whole }]);
    expect(told(artifactEvent({ append: false, lastChunk: false, metadata: {} }))).to.deep.equal([
      { artifactUpdate: whole },
    ]);
    expect(told(artifactEvent({ append: true, lastChunk: true, metadata: { e: 1 } }))).to.deep.equal([
      { artifactUpdate: { ...whole, append: true, lastChunk: true, metadata: { e: 1 } } },
    ]);
  });

  it('a task and a message as in the answer to a send', () => {
    const event = taskEvent();
    if (event.kind !== 'task') throw new Error('not a task');
    expect(V1.encodeEvent(event)).to.deep.equal([V1.encodeSend({ kind: 'task', view: event.view })]);
    expect(told(messageEvent)).to.deep.equal([
      { message: { messageId: 'm9', contextId: 'c1', role: 'ROLE_AGENT', parts: [{ text: 'hi' }] } },
    ]);
  });
});

describe('the 0.3 codec tells in a stream', () => {
  const told = (event: StreamEvent) => overTheWire(V03.encodeEvent(event));

  it('a status by the id its client knows, and whether the stream ends here', () => {
    expect(told(statusEvent({ metadata: { s: 1 } }, THEIRS, true))).to.deep.equal([
      {
        kind: 'status-update',
        taskId: 'mine',
        contextId: 'c1',
        status: {
          state: 'input-required',
          message: {
            kind: 'message',
            messageId: 'm2',
            contextId: 'c1',
            taskId: 'mine',
            role: 'agent',
            parts: [{ kind: 'text', text: '?' }],
          },
          timestamp: TIME,
        },
        final: true,
        metadata: { s: 1 },
      },
    ]);
  });

  it('an artifact, always with append and lastChunk', () => {
    const artifact = { ...ARTIFACT, parts: [{ kind: 'text', text: 'x' }] };
    const whole = { kind: 'artifact-update', taskId: 'c1.t1', contextId: 'c1', artifact };
    expect(told(artifactEvent())).to.deep.equal([{ ...whole, append: false, lastChunk: false }]);
    expect(told(artifactEvent({ append: true, lastChunk: true, metadata: { e: 1 } }, THEIRS))).to.deep.equal([
      { ...whole, taskId: 'mine', append: true, lastChunk: true, metadata: { e: 1 } },
    ]);
  });

  it('a task and a message bare', () => {
    const event = taskEvent(THEIRS);
    if (event.kind !== 'task') throw new Error('not a task');
    expect(V03.encodeEvent(event)).to.deep.equal([V03.encodeTask(event.view)]);
    expect(told(messageEvent)).to.deep.equal([
      {
        kind: 'message',
        messageId: 'm9',
        contextId: 'c1',
        role: 'agent',
        parts: [{ kind: 'text', text: 'hi' }],
      },
    ]);
  });
});

describe('the 0.1 codec tells in a stream', () => {
  const told = (event: StreamEvent) => overTheWire(V01.encodeEvent(event));
  const SHOWN = { name: 'n', description: 'd', parts: [{ type: 'text', text: 'x' }], index: 1 };

  it('a status, and whether the stream ends here', () => {
    expect(told(statusEvent({ metadata: { s: 1 } }, THEIRS, true))).to.deep.equal([
      {
        id: 'mine',
        status: {
          state: 'input-required',
          message: { role: 'agent', parts: [{ type: 'text', text: '?' }] },
          timestamp: TIME,
        },
        final: true,
        metadata: { s: 1 },
      },
    ]);
    const status = { state: 'TASK_STATE_WORKING' as const, timestamp: TIME };
    expect(told(statusEvent({ status }))).to.deep.equal([
      { id: 'c1.t1', status: { state: 'working', timestamp: TIME }, final: false },
    ]);
  });

  it('an artifact by its position, with append and lastChunk inside', () => {
    const metadata = { m: 1 };
    expect(told(artifactEvent({}, THEIRS))).to.deep.equal([
      { id: 'mine', artifact: { ...SHOWN, append: false, lastChunk: false, metadata } },
    ]);
    expect(told(artifactEvent({ append: true, lastChunk: true, metadata: { e: 1 } }))).to.deep.equal([
      { id: 'c1.t1', artifact: { ...SHOWN, append: true, lastChunk: true, metadata }, metadata: { e: 1 } },
    ]);
    expect(at(V01.encodeEvent(artifactEvent({}, OURS, 0)), 0, 'artifact', 'index')).to.equal(0);
  });

  it('a task as its artifacts, whole and in order, and its status', () => {
    for (const final of [false, true]) {
      expect(told(taskEvent(THEIRS, final))).to.deep.equal([
        {
          id: 'mine',
          artifact: {
            parts: [{ type: 'file', file: { bytes: 'QQ==' } }],
            index: 0,
            append: false,
            lastChunk: true,
          },
        },
        { id: 'mine', artifact: { ...SHOWN, append: false, lastChunk: true, metadata: { m: 1 } } },
        { id: 'mine', status: { state: 'working', timestamp: TIME }, final },
      ]);
    }
  });

  it('a message as a task that has completed with it', () => {
    expect(told(messageEvent)).to.deep.equal([
      {
        id: 'm9',
        status: { state: 'completed', message: { role: 'agent', parts: [{ type: 'text', text: 'hi' }] } },
        final: true,
      },
    ]);
  });
});

describe('whether the stream ends', () => {
  it('is as the event says in every state, and never worked out from it', () => {
    for (const state of TASK_STATES) {
      for (const final of [true, false]) {
        const status = { state, timestamp: TIME };
        const event = statusEvent({ status }, OURS, final);
        expect(at(V03.encodeEvent(event), 0, 'final'), `0.3 ${state}`).to.equal(final);
        expect(at(V01.encodeEvent(event), 0, 'final'), `0.1 ${state}`).to.equal(final);
        const snapshot: StreamEvent = { kind: 'task', view: view(aTask({ status })), final };
        expect(at(V01.encodeEvent(snapshot), 0, 'final'), `0.1 task ${state}`).to.equal(final);
      }
    }
  });
});

describe('a subscription', () => {
  it('names its task in every dialect, and what else it says is for nobody', () => {
    expect(V1.decodeSubscribe({ id: 'c1.t1' })).to.deep.equal({ id: 'c1.t1' });
    expect(V1.decodeSubscribe({ id: 'c1.t1', tenant: 'acme', more: 1 })).to.deep.equal({
      id: 'c1.t1',
      tenant: 'acme',
    });
    const params = { id: 'mine', metadata: { a: 1 }, historyLength: 'ignored', tenant: 5 };
    expect(V03.decodeSubscribe(params)).to.deep.equal({ id: 'mine' });
    expect(V01.decodeSubscribe({ ...params, metadata: null })).to.deep.equal({ id: 'mine' });
  });
});
