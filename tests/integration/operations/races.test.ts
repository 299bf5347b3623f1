import { expect } from 'chai';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { useAgentServer } from './agent-server.ts';
import { cancel, DIALECTS, get, newId, send, sendParams, sendRaw } from './conversation.ts';
import { Gate } from './scripted-agent.ts';

/** Commits take their time, as they do on a network: what is decided is not stored yet when others look. */
describe('while a commit is on its way', () => {
  let store = new FaultyStore(new MemorySessionStore());
  const at = useAgentServer({}, () => {
    store = new FaultyStore(new MemorySessionStore());
    store.always('hang', 'commit');
    store.lateBy = () => 20;
    return store;
  });

  for (const dialect of DIALECTS) {
    it(`identical sends in ${dialect} are one task, and all are answered`, async () => {
      for (const session of [undefined, newId('s')]) {
        const gate = new Gate();
        at.agent.script = async (act) => {
          await gate.passed;
          act.done('once');
        };
        const { sends } = at;
        const begun = at.agent.begun.length;
        const params = sendParams(dialect, newId('go'), { ...(session && { session }) });
        const answers = Array.from({ length: 5 }, () => sendRaw(at.url, dialect, params));
        await eventually(() => at.sends === sends + 5 && at.agent.begun.length === begun + 1);
        gate.open();
        const seen = await Promise.all(answers);
        for (const { state, id } of seen) expect([state, id]).to.deep.equal(['completed', seen[0]?.id]);
        expect(at.agent.begun).to.have.length(begun + 1);
      }
    });
  }

  it('identical sends that do not wait are one task as well', async () => {
    at.agent.script = (act) => act.aborted();
    const params = sendParams('v1', 'go', { blocking: false });
    const seen = await Promise.all(Array.from({ length: 5 }, () => sendRaw(at.url, 'v1', params)));
    expect(new Set(seen.map(({ id }) => id)).size).to.equal(1);
    await cancel(at.url, 'v1', seen[0]?.id ?? '');
  });

  it('a task whose executor has stopped is not taken for an orphan', async () => {
    for (const verb of ['ask', 'end', 'say']) {
      at.agent.script = (act) => {
        if (verb === 'ask') act.status('TASK_STATE_INPUT_REQUIRED');
        if (verb === 'end') act.done();
        if (verb === 'say') act.message('words');
      };
      const task = newId('t');
      const answer = send(at.url, 'v01', verb, { task });
      await eventually(async () => {
        const { state } = await get(at.url, 'v01', task);
        expect(state).to.be.oneOf(['', 'submitted', 'input-required', 'completed']);
        return ['input-required', 'completed'].includes(state);
      });
      await answer;
    }
    expect(at.used.logs.of('task_recovered')).to.deep.equal([]);
  });

  it('a bare message is not told as a task, nor taken back from who was told of one', async () => {
    at.agent.script = (act) => {
      act.message('words');
    };
    for (let i = 0; i < 5; i++) {
      const params = sendParams('v1', `go ${i}`, { session: newId('s') });
      const waiting = { ...params };
      const polling = { ...params, configuration: { returnImmediately: true } };
      const seen = await Promise.all(
        [waiting, polling, polling].map((given) => sendRaw(at.url, 'v1', given)),
      );
      const tasks = seen.filter(({ kind }) => kind === 'task');
      for (const { id } of tasks)
        await eventually(async () => (await get(at.url, 'v1', id)).state === 'completed');
    }
  });

  it('a cancel that comes with the answer to a question leaves nothing running', async () => {
    at.agent.script = async (act) => {
      if (act.text === 'ask') act.status('TASK_STATE_INPUT_REQUIRED');
      else await act.aborted();
    };
    for (let i = 0; i < 5; i++) {
      const { id } = await send(at.url, 'v1', 'ask');
      const sends = at.sends;
      const answer = send(at.url, 'v1', 'blue', { task: id });
      await eventually(() => at.sends > sends);
      expect((await cancel(at.url, 'v1', id)).state).to.equal('canceled');
      const said = await answer;
      expect([said.state, said.code]).to.be.deep.oneOf([
        ['canceled', 0],
        ['', -32004],
      ]);
      expect((await get(at.url, 'v1', id)).state).to.equal('canceled');
    }
  });

  it('answers to one question are taken in turn', async () => {
    at.agent.script = (act) => {
      if (act.text === 'ask' || act.text === 'more') act.status('TASK_STATE_INPUT_REQUIRED');
      else act.done(act.text);
    };
    const { id } = await send(at.url, 'v1', 'ask');
    const answers = await Promise.all(['more', 'last'].map((text) => send(at.url, 'v1', text, { task: id })));
    for (const { kind } of answers) expect(kind).to.be.oneOf(['task', 'error']);
    const seen = await get(at.url, 'v1', id);
    expect(seen.state).to.equal('completed');
    expect(seen.history).to.have.members(['user: ask', 'user: more', 'user: last']);
    expect(at.agent.mostAtOnce).to.equal(1);
  });
});
