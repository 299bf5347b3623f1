import { expect } from 'chai';
import { V1 } from '../../../protocol/dialects/v1.ts';
import { TASK_STATES } from '../../../protocol/task-state.ts';
import { aMessage, aTask, at, inState, overTheWire, TIME, view } from './fixtures.ts';

describe('the 1.0 codec shows', () => {
  const full = aTask({
    status: {
      state: 'TASK_STATE_INPUT_REQUIRED',
      timestamp: TIME,
      message: aMessage({ role: 'ROLE_AGENT' }),
    },
    artifacts: [
      {
        artifactId: 'a1',
        name: 'n',
        description: 'd',
        parts: [{ data: null }],
        extensions: ['e'],
        metadata: { m: 1 },
      },
    ],
    history: [aMessage({ parts: [{ raw: 'QQ==', filename: 'f', mediaType: 'a/b', metadata: { p: 1 } }] })],
    metadata: { k: 'v' },
  });

  it('a task bare in a get and wrapped in the answer to a send', () => {
    const task = V1.encodeTask(view(full));
    expect(V1.encodeSend({ kind: 'task', view: view(full) })).to.deep.equal({ task });
    expect(overTheWire(task)).to.deep.equal({
      id: 'c1.t1',
      contextId: 'c1',
      status: {
        state: 'TASK_STATE_INPUT_REQUIRED',
        message: {
          messageId: 'm1',
          role: 'ROLE_AGENT',
          contextId: 'c1',
          taskId: 'c1.t1',
          parts: [{ text: 'hi' }],
        },
        timestamp: TIME,
      },
      artifacts: [
        {
          artifactId: 'a1',
          name: 'n',
          description: 'd',
          parts: [{ data: null }],
          extensions: ['e'],
          metadata: { m: 1 },
        },
      ],
      history: [
        {
          messageId: 'm1',
          role: 'ROLE_USER',
          contextId: 'c1',
          taskId: 'c1.t1',
          parts: [{ raw: 'QQ==', filename: 'f', mediaType: 'a/b', metadata: { p: 1 } }],
        },
      ],
      metadata: { k: 'v' },
    });
  });

  it('a message wrapped', () => {
    const message = aMessage({ role: 'ROLE_AGENT', contextId: 'c1' });
    expect(V1.encodeSend({ kind: 'message', message })).to.deep.equal({
      message: { messageId: 'm1', role: 'ROLE_AGENT', contextId: 'c1', parts: [{ text: 'hi' }] },
    });
  });

  it('nothing where there is nothing', () => {
    const bare = aTask({ metadata: {}, history: [] });
    expect(V1.encodeTask(view(bare))).to.have.all.keys('id', 'contextId', 'status');
  });

  it('every state by its name', () => {
    for (const state of TASK_STATES) {
      expect(at(V1.encodeTask(view(inState(state))), 'status', 'state')).to.equal(state);
    }
  });

  it('a task that 0.1 made under its own id', () => {
    const shown = V1.encodeTask(view(aTask(), { alias: 'mine', dialect: 'v01' }));
    expect(at(shown, 'id')).to.equal('c1.t1');
  });
});
