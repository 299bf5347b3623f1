import { expect } from 'chai';
import { eventually } from '../../helpers/eventually.ts';
import { useAgentServer } from './agent-server.ts';
import { becomes, cancel, DIALECTS, get, newId, send } from './conversation.ts';
import { Gate } from './scripted-agent.ts';

describe('a send that does not wait', () => {
  const at = useAgentServer();

  for (const dialect of ['v1', 'v03'] as const) {
    it(`is answered at once with the task in ${dialect}, which then completes`, async () => {
      const gate = new Gate();
      at.agent.script = async (act) => {
        act.status('TASK_STATE_WORKING');
        await gate.passed;
        act.done('after');
      };
      const seen = await send(at.url, dialect, 'go', { blocking: false });
      expect(seen.kind).to.equal('task');
      expect(seen.state).to.be.oneOf(['submitted', 'working']);
      gate.open();
      const ended = await becomes(at.url, dialect, seen.id, 'completed');
      expect(ended.artifacts).to.deep.equal(['after']);
    });

    it(`never loses its task in ${dialect} to an agent that answers with a bare message`, async () => {
      for (const waits of [false, true]) {
        at.agent.script = async (act) => {
          if (waits) await new Promise(setImmediate);
          act.message('just words');
        };
        const seen = await send(at.url, dialect, 'go', { blocking: false });
        expect(seen.kind).to.equal('task');
        const ended = await becomes(at.url, dialect, seen.id, 'completed');
        expect(ended.says).to.equal('just words');
      }
    });
  }

  it('is answered with a task that keeps what it had when its agent ends with a bare message', async () => {
    at.agent.script = (act) => {
      act.artifact('a part of it').message('and words');
    };
    const seen = await send(at.url, 'v1', 'go');
    expect(seen).to.include({ kind: 'task', state: 'completed', says: 'and words' });
    expect(seen.artifacts).to.deep.equal(['a part of it']);
  });

  it('keeps a task that was interrupted when its agent then answers with a bare message', async () => {
    at.agent.script = (act) => {
      if (act.text === 'go') act.status('TASK_STATE_INPUT_REQUIRED', 'which?');
      else act.message('fine');
    };
    const asked = await send(at.url, 'v1', 'go');
    const said = await send(at.url, 'v1', 'blue', { task: asked.id });
    expect(said).to.include({ kind: 'task', id: asked.id, state: 'completed', says: 'fine' });
    expect(said.history).to.deep.equal(['user: go', 'agent: which?', 'user: blue']);
  });
});

describe('a blocking send at its ceiling', () => {
  const at = useAgentServer({ A2A_BLOCKING_TIMEOUT_SECONDS: '1' });

  it('is answered with the task as it stands, and the task still completes', async () => {
    const gate = new Gate();
    at.agent.script = async (act) => {
      act.status('TASK_STATE_WORKING').artifact('half');
      await gate.passed;
      act.done('whole');
    };
    const seen = await send(at.url, 'v1', 'go');
    expect(seen).to.include({ kind: 'task', state: 'working' });
    expect(seen.artifacts).to.deep.equal(['half']);
    gate.open();
    expect((await becomes(at.url, 'v1', seen.id, 'completed')).artifacts).to.deep.equal(['whole']);
  });

  it('is answered with the task, not with an error, while its message still waits for its turn', async () => {
    const gate = new Gate();
    at.agent.script = async (act) => {
      act.status('TASK_STATE_WORKING');
      if (act.text === 'first') await gate.passed;
      else act.done('both');
    };
    const { id } = await send(at.url, 'v1', 'first', { blocking: false });
    const queued = await send(at.url, 'v1', 'second', { task: id });
    expect(queued).to.include({ kind: 'task', id, state: 'working' });
    gate.open();
    expect((await becomes(at.url, 'v1', id, 'completed')).artifacts).to.deep.equal(['both']);
  });
});

describe('messages to a running task', () => {
  const at = useAgentServer();

  for (const dialect of DIALECTS) {
    it(`wait behind it in ${dialect}, and are taken up in order by one executor at a time`, async () => {
      const gates = new Map(['one', 'two', 'three', 'four'].map((text) => [text, new Gate()]));
      at.agent.script = async (act) => {
        act.status('TASK_STATE_WORKING');
        await gates.get(act.text)?.passed;
        if (act.text === 'four') act.done('all');
      };
      const session = newId('s');
      const task = newId('t');
      const first = send(at.url, dialect, 'one', {
        session,
        blocking: false,
        ...(dialect === 'v01' ? { task } : {}),
      });
      await eventually(() => at.agent.begun.length === 1);
      const id = dialect === 'v01' ? task : (await first).id;
      const answers = [first];
      const inHistory = async (count: number): Promise<boolean> =>
        (await get(at.url, dialect, id, { historyLength: 99 })).history.length === count;
      for (const [i, text] of ['two', 'three', 'four'].entries()) {
        answers.push(send(at.url, dialect, text, { session, task: id }));
        await eventually(() => inHistory(i + 2));
      }
      for (const gate of gates.values()) gate.open();
      const seen = await Promise.all(answers);
      for (const { state } of seen.slice(1)) expect(state).to.equal('completed');
      expect(at.agent.begun).to.deep.equal(['one', 'two', 'three', 'four']);
      expect(at.agent.mostAtOnce).to.equal(1);
      const ended = await get(at.url, dialect, id, { historyLength: 99 });
      expect(ended.history).to.deep.equal(['one', 'two', 'three', 'four'].map((text) => `user: ${text}`));
    });

    it(`are told in ${dialect} when the task ends before their turn, and stay in the history`, async () => {
      const gate = new Gate();
      at.agent.script = async (act) => {
        await gate.passed;
        act.done('did it');
      };
      const session = newId('s');
      const task = newId('t');
      const first = send(at.url, dialect, 'one', {
        session,
        blocking: false,
        ...(dialect === 'v01' ? { task } : {}),
      });
      await eventually(() => at.agent.begun.length === 1);
      const id = dialect === 'v01' ? task : (await first).id;
      const second = send(at.url, dialect, 'two', { session, task: id });
      await eventually(
        async () => (await get(at.url, dialect, id, { historyLength: 9 })).history.length === 2,
      );
      gate.open();
      expect((await second).code).to.equal(dialect === 'v01' ? -32009 : -32004);
      await first;
      const ended = await get(at.url, dialect, id, { historyLength: 9 });
      expect(ended.history).to.deep.equal(['user: one', 'user: two']);
      expect(ended).to.include({ state: 'completed' });
      expect(at.agent.begun).to.deep.equal(['one']);
    });
  }

  it('start a new v0.1 task when a message that was told so is sent once more', async () => {
    const gate = new Gate();
    at.agent.script = async (act) => {
      if (at.agent.begun.length === 1) await gate.passed;
      act.done(`did ${act.text}`);
    };
    const first = send(at.url, 'v01', 'one', { task: 'mine' });
    await eventually(() => at.agent.begun.length === 1);
    const second = send(at.url, 'v01', 'two', { task: 'mine' });
    await eventually(
      async () => (await get(at.url, 'v01', 'mine', { historyLength: 9 })).history.length === 2,
    );
    gate.open();
    expect((await second).code).to.equal(-32009);
    await first;
    expect((await send(at.url, 'v01', 'two', { task: 'mine' })).artifacts).to.deep.equal(['did two']);
  });

  it('go to the next executor only when the one that asked has stopped', async () => {
    const gate = new Gate();
    at.agent.script = async (act) => {
      if (act.text !== 'ask') {
        act.done(`did ${act.text}`);
        return;
      }
      act.status('TASK_STATE_INPUT_REQUIRED', 'which?');
      await gate.passed;
      act.artifact('too late');
    };
    const asked = await send(at.url, 'v1', 'ask');
    expect(asked.state).to.equal('input-required');
    const answer = send(at.url, 'v1', 'blue', { task: asked.id });
    await eventually(async () => (await get(at.url, 'v1', asked.id)).history.length === 3);
    gate.open();
    const said = await answer;
    expect(said).to.include({ state: 'completed' });
    expect(said.artifacts).to.deep.equal(['did blue']);
    expect(at.agent.mostAtOnce).to.equal(1);
    expect(at.used.logs.of('task_run_failed')).to.deep.equal([]);
  });

  it('abort an executor that goes on after it has asked', async () => {
    at.agent.script = async (act) => {
      if (act.text !== 'ask') {
        act.done(`did ${act.text}`);
        return;
      }
      act.status('TASK_STATE_INPUT_REQUIRED');
      await act.aborted();
    };
    const asked = await send(at.url, 'v1', 'ask');
    const said = await send(at.url, 'v1', 'blue', { task: asked.id });
    expect(said).to.include({ state: 'completed' });
    expect(at.agent.mostAtOnce).to.equal(1);
  });

  it('are not begun once the task is canceled', async () => {
    const gate = new Gate();
    at.agent.script = async (act) => {
      await Promise.race([gate.passed, act.aborted()]);
    };
    const { id } = await send(at.url, 'v1', 'one', { blocking: false });
    const second = send(at.url, 'v1', 'two', { task: id });
    await eventually(async () => (await get(at.url, 'v1', id)).history.length === 2);
    expect((await cancel(at.url, 'v1', id)).state).to.equal('canceled');
    expect((await second).code).to.equal(-32004);
    expect(at.agent.begun).to.deep.equal(['one']);
  });
});
