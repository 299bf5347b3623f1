import { expect } from 'chai';
import { eventually } from '../../helpers/eventually.ts';
import { useAgentServer } from './agent-server.ts';
import { DIALECTS, get, newId, send } from './conversation.ts';
import { type Act, agentSays, Gate, type Script } from './scripted-agent.ts';

const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;
let deep: unknown = 1;
for (let i = 0; i < 20_000; i++) deep = [deep];

const throwing = (): never => {
  throw new Error('secret');
};

const ids = ({ context: { taskId, contextId } }: Act): object => ({ taskId, contextId });
const artifact = (act: Act, content: unknown): unknown => ({
  kind: 'artifactUpdate',
  data: { ...ids(act), artifact: content },
});
const status = (act: Act, content: unknown): unknown => ({
  kind: 'statusUpdate',
  data: { ...ids(act), status: content },
});

/** What is published, by what is wrong with it. */
const NONSENSE: Readonly<Record<string, (act: Act) => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  'a text': () => 'hello',
  'a list': () => [],
  'a function': () => () => undefined,
  'an event without a kind': () => ({ data: {} }),
  'an event of an unknown kind': () => ({ kind: 'constructor', data: {} }),
  'an event without data': () => ({ kind: 'statusUpdate' }),
  'a status of no known state': (act) => status(act, { state: 'DONE' }),
  'a status whose state is a number that stands for none': (act) => status(act, { state: 9 }),
  'a status whose state is unset, as protobuf objects say it': (act) => status(act, { state: 0 }),
  'a protobuf message in the name of the client': (act) => ({
    kind: 'message',
    data: { ...ids(act), messageId: 'x', role: 1, parts: [{ content: { $case: 'text', value: 'x' } }] },
  }),
  'a protobuf part without content': (act) =>
    artifact(act, { artifactId: 'a', parts: [{ content: undefined, filename: '', mediaType: '' }] }),
  'a protobuf status that has none': (act) => ({
    kind: 'statusUpdate',
    data: { ...ids(act), status: undefined },
  }),
  'a status of the 0.3 line in no known state': (act) => ({
    kind: 'status-update',
    ...ids(act),
    status: { state: 'unknown' },
    final: true,
  }),
  'a file of the 0.3 line without content': (act) => ({
    kind: 'artifact-update',
    ...ids(act),
    artifact: { artifactId: 'a', parts: [{ kind: 'file', file: { name: 'x' } }] },
  }),
  'a task of the 0.3 line that is another one': () => ({
    kind: 'task',
    id: 'x.y',
    contextId: 'x',
    status: { state: 'completed' },
  }),
  'a response of a stream instead of an event': (act) => ({
    payload: { $case: 'statusUpdate', value: { ...ids(act), status: { state: 3 } } },
  }),
  'something that throws when it is looked at': () => new Proxy({}, { get: throwing, has: throwing }),
  'a part that throws when it is looked at': (act) =>
    artifact(act, { artifactId: 'a', parts: [Object.defineProperty({}, 'text', { get: throwing })] }),
  'a status with a message without parts': (act) =>
    status(act, {
      state: 'TASK_STATE_WORKING',
      message: { messageId: 'x', role: 'ROLE_AGENT', parts: [] },
    }),
  'an artifact without parts': (act) => artifact(act, { artifactId: 'a' }),
  'an artifact with an empty list of parts': (act) => artifact(act, { artifactId: 'a', parts: [] }),
  'an artifact with a part that is nothing': (act) => artifact(act, { artifactId: 'a', parts: [null] }),
  'an artifact with a part of no kind': (act) => artifact(act, { artifactId: 'a', parts: [{ x: 1 }] }),
  'an artifact with a part of two kinds': (act) =>
    artifact(act, { artifactId: 'a', parts: [{ text: 'x', data: 1 }] }),
  'an artifact without an id': (act) => artifact(act, { parts: [{ text: 'x' }] }),
  'an artifact with cyclic data': (act) => artifact(act, { artifactId: 'a', parts: [{ data: cyclic }] }),
  'an artifact with a BigInt': (act) => artifact(act, { artifactId: 'a', parts: [{ data: 1n }] }),
  'an artifact that is too deep to be written': (act) =>
    artifact(act, { artifactId: 'a', parts: [{ data: deep }] }),
  'a message in the name of the client': () => ({
    kind: 'message',
    data: { ...agentSays('x'), role: 'ROLE_USER' },
  }),
  'a message without an id': () => ({
    kind: 'message',
    data: { role: 'ROLE_AGENT', parts: [{ text: 'x' }] },
  }),
  'an artifact of another task': (act) => ({
    kind: 'artifactUpdate',
    data: { ...ids(act), taskId: 'some.other', artifact: { artifactId: 'a', parts: [{ text: 'x' }] } },
  }),
  'a status of another session': (act) => ({
    kind: 'statusUpdate',
    data: { ...ids(act), contextId: 'other', status: { state: 'TASK_STATE_COMPLETED' } },
  }),
  'a task that is another one': () => ({
    kind: 'task',
    data: { id: 'x.y', contextId: 'x', status: { state: 'TASK_STATE_COMPLETED' } },
  }),
};

describe('an executor that publishes', () => {
  const at = useAgentServer();

  for (const [what, make] of Object.entries(NONSENSE)) {
    it(`${what} fails its task, which says so, and harms nothing else`, async () => {
      let survived = false;
      at.agent.script = async (act) => {
        if (act.text !== 'nonsense') {
          act.done('fine');
          return;
        }
        act.publishRaw(make(act)).done('as if nothing were');
        survived = true;
        await act.aborted();
      };
      const session = newId('s');
      const seen = await send(at.url, 'v1', 'nonsense', { session });
      expect(seen).to.include({ kind: 'task', state: 'failed' });
      expect(seen.says).to.match(/^The agent gave an invalid response: .+\.$/);
      expect(seen.artifacts).to.deep.equal([]);
      expect(survived).to.equal(true);
      expect((await send(at.url, 'v1', 'after', { session })).artifacts).to.deep.equal(['fine']);
      expect(at.used.logs.of('agent_event_ignored')).to.have.length(3);
    });
  }

  it('what only plain data survives of is shown the same now and later', async () => {
    at.agent.script = (act) => {
      const data = {
        when: new Date(0),
        no: undefined,
        f: () => 1,
        list: [undefined, Infinity],
        m: new Map(),
      };
      act.publishRaw(artifact(act, { artifactId: 'a', parts: [{ data, filename: '' }], extensions: [] }));
      act.done();
    };
    const { id, reply } = await send(at.url, 'v1', 'go');
    const plain = { when: '1970-01-01T00:00:00.000Z', list: [null, null], m: {} };
    expect(reply.json.result).to.have.deep.nested.property('task.artifacts[0].parts', [{ data: plain }]);
    const again = await get(at.url, 'v1', id);
    expect(again.reply.json.result).to.have.deep.nested.property('artifacts[0].parts', [{ data: plain }]);
  });

  it('what it then changes has published what it was', async () => {
    at.agent.script = (act) => {
      const parts = [{ text: 'before' }];
      const event = artifact(act, { artifactId: 'a', parts }) as Parameters<Act['publish']>[0];
      act.publish(event);
      parts.push({ text: 'after' });
      for (const said of act.context.session.messages) said.parts.push({ text: 'forged' });
      act.context.userMessage.parts.push({ text: 'forged' });
      act.context.session.state.set('k', { list: [1] });
      (act.context.session.state.get('k') as { list: number[] }).list.push(2);
      act.artifact(JSON.stringify(act.context.session.state.get('k')), 'b').done();
    };
    const seen = await send(at.url, 'v1', 'go');
    expect(seen.artifacts).to.deep.equal(['before', '{"list":[1]}']);
    expect(seen.history).to.deep.equal(['user: go']);
  });

  it('notes that are not JSON or too large is told so', async () => {
    const faults: string[] = [];
    at.agent.script = (act) => {
      for (const value of [undefined, 'x'.repeat(65_536), cyclic]) {
        try {
          act.context.session.state.set('k', value as string);
        } catch (error) {
          faults.push((error as Error).name);
        }
      }
      act.done(typeof act.context.session.state.get('k'));
    };
    expect((await send(at.url, 'v1', 'go')).artifacts).to.deep.equal(['undefined']);
    expect(faults).to.deep.equal(['TypeError', 'RangeError', 'TypeError']);
  });

  it('a state that its task cannot take any more goes on as if it had not', async () => {
    at.agent.script = (act) => {
      act.status('TASK_STATE_WORKING').status('TASK_STATE_SUBMITTED').done('fine');
    };
    expect(await send(at.url, 'v1', 'go')).to.include({ state: 'completed' });
  });
});

describe('an executor that ends badly', () => {
  const at = useAgentServer();

  const ENDS: Readonly<Record<string, readonly [Script, string]>> = {
    'throws at once': [
      () => {
        throw new Error('secret');
      },
      'The agent failed.',
    ],
    'throws what is no error': [() => Promise.reject(JSON.parse('"secret"') as Error), 'The agent failed.'],
    'rejects late': [
      async (act) => {
        act.status('TASK_STATE_WORKING');
        await new Promise(setImmediate);
        throw new Error('secret');
      },
      'The agent failed.',
    ],
    'publishes nothing': [() => undefined, 'The agent stopped without ending the task.'],
    'stops in the middle': [
      (act) => {
        act.status('TASK_STATE_WORKING');
      },
      'The agent stopped without ending the task.',
    ],
  };

  for (const [what, [script, says]] of Object.entries(ENDS)) {
    for (const dialect of DIALECTS) {
      it(`and ${what} has a failed task in ${dialect}, with nothing of the fault in it`, async () => {
        at.agent.script = script;
        const seen = await send(at.url, dialect, 'go');
        expect(seen).to.include({ kind: 'task', state: 'failed', says });
        expect(seen.reply.text).to.not.contain('secret');
      });
    }
  }

  it('and throws after the end has a task that ended as it did', async () => {
    at.agent.script = (act) => {
      act.done('fine');
      throw new Error('late');
    };
    expect(await send(at.url, 'v1', 'go')).to.include({ state: 'completed' });
  });

  it('and goes on publishing after the end changes nothing', async () => {
    let over = false;
    at.agent.script = (act) => {
      act.done('fine');
      act.artifact('more', 'b').artifact('other').status('TASK_STATE_WORKING').message('x');
      act
        .task('TASK_STATE_WORKING', [{ artifactId: 'c', parts: [{ text: 'c' }] }])
        .status('TASK_STATE_FAILED');
      over = true;
    };
    const { id } = await send(at.url, 'v1', 'go');
    await eventually(() => over && at.used.logs.of('agent_event_ignored').length === 6);
    const seen = await get(at.url, 'v1', id);
    expect(seen).to.include({ state: 'completed', says: '' });
    expect(seen.artifacts).to.deep.equal(['fine']);
  });

  it('and publishes when its run is over is not heard, whatever state it left', async () => {
    for (const state of [
      'TASK_STATE_INPUT_REQUIRED',
      'TASK_STATE_COMPLETED',
      'TASK_STATE_WORKING',
    ] as const) {
      const gate = new Gate();
      let late: Promise<void> | undefined;
      at.agent.script = (act) => {
        act.status(state);
        late = gate.passed.then(() => {
          act.artifact('late').done();
          act.context.session.state.set('k', 'late');
        });
      };
      const { id } = await send(at.url, 'v1', 'go');
      const before = (await get(at.url, 'v1', id)).reply.json.result;
      gate.open();
      await late;
      expect((await get(at.url, 'v1', id)).reply.json.result).to.deep.equal(before);
    }
    expect(at.used.logs.of('agent_event_ignored')).to.have.length(9);
  });
});
