import { expect } from 'chai';
import { eventually } from '../../helpers/eventually.ts';
import { useAgentServer } from './agent-server.ts';
import { DIALECTS, get, newId, type Seen, send, sendAndLeave, sendParams, sendRaw } from './conversation.ts';
import { Gate } from './scripted-agent.ts';

const ids = (seen: readonly Seen[]): number => new Set(seen.map(({ id }) => id)).size;

describe('a send whose answer was never delivered', () => {
  const at = useAgentServer();

  for (const dialect of DIALECTS) {
    for (const session of [undefined, 'here']) {
      it(`is found when it is sent again in ${dialect} ${session === undefined ? 'without' : 'with'} a session`, async () => {
        const gate = new Gate();
        at.agent.script = async (act) => {
          await gate.passed;
          act.done('did it');
        };
        const params = sendParams(dialect, 'go', { ...(session && { session }) });
        await sendAndLeave(at.url, dialect, params, () => at.agent.begun.length === 1);
        const again = sendRaw(at.url, dialect, params);
        const andAgain = sendRaw(at.url, dialect, params);
        await eventually(() => at.sends === 3);
        gate.open();
        const [one, two] = await Promise.all([again, andAgain]);
        expect(one).to.include({ kind: 'task', state: 'completed' });
        expect(one.artifacts).to.deep.equal(['did it']);
        expect(two.id).to.equal(one.id);
        expect(at.agent.begun).to.have.length(1);
      });
    }
  }

  it('to a task is found there, also when the task has ended meanwhile', async () => {
    const gate = new Gate();
    at.agent.script = async (act) => {
      if (act.text === 'ask') act.status('TASK_STATE_INPUT_REQUIRED');
      else {
        await gate.passed;
        act.done(`did ${act.text}`);
      }
    };
    const { id: task } = await send(at.url, 'v1', 'ask');
    const params = sendParams('v1', 'blue', { task });
    await sendAndLeave(at.url, 'v1', params, () => at.agent.begun.length === 2);
    gate.open();
    await eventually(async () => (await get(at.url, 'v1', task)).state === 'completed');
    const again = await sendRaw(at.url, 'v1', params);
    expect(again).to.include({ id: task, state: 'completed' });
    expect(again.history).to.deep.equal(['user: ask', 'user: blue']);
    expect((await sendRaw(at.url, 'v1', params)).code).to.equal(-32004);
  });

  it('is answered with the bare message that it missed', async () => {
    const gate = new Gate();
    at.agent.script = async (act) => {
      await gate.passed;
      act.message('just words');
    };
    const params = sendParams('v1', 'go');
    await sendAndLeave(at.url, 'v1', params, () => at.agent.begun.length === 1);
    gate.open();
    for (const begun of [1, 2]) {
      expect(await sendRaw(at.url, 'v1', params)).to.include({ kind: 'message', says: 'just words' });
      expect(at.agent.begun).to.have.length(begun);
    }
  });

  it('is one task however many of it are in flight at once', async () => {
    let gate = new Gate();
    at.agent.script = async (act) => {
      await gate.passed;
      act.done();
    };
    for (const [i, dialect] of DIALECTS.entries()) {
      for (const session of [undefined, newId('s')]) {
        gate = new Gate();
        const before = { begun: at.agent.begun.length, sends: at.sends };
        const params = sendParams(dialect, `go ${i}`, { ...(session && { session }) });
        const answers = Array.from({ length: 12 }, () => sendRaw(at.url, dialect, params));
        await eventually(() => at.sends === before.sends + 12);
        gate.open();
        const seen = await Promise.all(answers);
        for (const { state } of seen) expect(state).to.equal('completed');
        expect([ids(seen), at.agent.begun.length - before.begun]).to.deep.equal([1, 1]);
      }
    }
  });

  it('with other content under the same id is another message', async () => {
    const gate = new Gate();
    at.agent.script = async (act) => {
      if (act.text === 'one') await gate.passed;
      act.done(`did ${act.text}`);
    };
    const one = sendParams('v1', 'one', { session: 's', messageId: 'same' });
    await sendAndLeave(at.url, 'v1', one, () => at.agent.begun.length === 1);
    const two = await send(at.url, 'v1', 'two', { session: 's', messageId: 'same' });
    expect(two.artifacts).to.deep.equal(['did two']);
    gate.open();
    expect((await sendRaw(at.url, 'v1', one)).artifacts).to.deep.equal(['did one']);
    expect(at.agent.begun).to.deep.equal(['one', 'two']);
  });
});

describe('a client with one constant message id', () => {
  const at = useAgentServer();

  for (const dialect of DIALECTS) {
    it(`gets a new task each time it was answered in ${dialect}`, async () => {
      const without: Seen[] = [];
      const within: Seen[] = [];
      const task = newId('t');
      const params = { messageId: 'const', ...(dialect === 'v01' ? { task } : {}) };
      for (let i = 0; i < 5; i++) {
        without.push(await send(at.url, dialect, 'same', params));
        const other = dialect === 'v01' ? { task: `${task}x` } : {};
        within.push(await send(at.url, dialect, 'same', { ...params, ...other, session: `in ${dialect}` }));
      }
      for (const { state, artifacts } of [...without, ...within])
        expect([state, ...artifacts]).to.deep.equal(['completed', 'did same']);
      expect(at.agent.begun).to.have.length(10);
      if (dialect === 'v01') return;
      expect(ids(without)).to.equal(5);
      expect(new Set(without.map(({ session }) => session)).size).to.equal(5);
      expect(ids(within)).to.equal(5);
    });
  }

  it('and many connections gets an answer each time', async () => {
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => send(at.url, 'v1', 'same', { messageId: 'const' })),
      );
      for (const { state } of answers) expect(state).to.equal('completed');
    }
  });
});

describe('idempotency that is off', () => {
  const at = useAgentServer({ A2A_IDEMPOTENCY: 'off' });

  it('makes a task of every send', async () => {
    const gate = new Gate();
    at.agent.script = async (act) => {
      await gate.passed;
      act.done();
    };
    const answers = [];
    for (const session of [undefined, 'here']) {
      const params = sendParams('v1', 'go', { ...(session && { session }) });
      const before = at.agent.begun.length;
      await sendAndLeave(at.url, 'v1', params, () => at.agent.begun.length === before + 1);
      answers.push(sendRaw(at.url, 'v1', params));
      await eventually(() => at.agent.begun.length === before + 2);
    }
    gate.open();
    for (const { state } of await Promise.all(answers)) expect(state).to.equal('completed');
  });
});

describe('answers that were delivered', () => {
  const at = useAgentServer({ A2A_CACHE_MAX_SESSIONS: '4' });

  it('are remembered when their session is evicted at once', async () => {
    for (let i = 0; i < 3; i++) {
      await send(at.url, 'v1', 'same', { messageId: 'const' });
      await send(at.url, 'v1', 'same', { messageId: 'const', session: 'here' });
      await Promise.all(Array.from({ length: 4 }, () => send(at.url, 'v1', 'other')));
    }
    expect(at.agent.begun.filter((text) => text === 'same')).to.have.length(6);
  });
});
