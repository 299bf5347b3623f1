import { expect } from 'chai';
import { eventually } from '../../helpers/eventually.ts';
import { useAgentServer } from './agent-server.ts';
import { becomes, cancel, DIALECTS, get, newId, send, type Spoken } from './conversation.ts';
import { Gate } from './scripted-agent.ts';

describe('a cancel', () => {
  const at = useAgentServer();

  /** A task that runs. @returns its id, and the answer of the send when that waits */
  async function running(
    dialect: Spoken,
    blocking: boolean,
  ): Promise<{ id: string; answer: ReturnType<typeof send> }> {
    const task = newId('t');
    const answer = send(at.url, dialect, 'go', { blocking, ...(dialect === 'v01' ? { task } : {}) });
    await eventually(() => at.agent.begun.length === 1);
    if (dialect === 'v01') return { id: task, answer };
    if (!blocking) return { id: (await answer).id, answer };
    return { id: at.agent.acts[0]?.context.taskId ?? '', answer };
  }

  for (const dialect of DIALECTS) {
    it(`aborts a running task in ${dialect}, and the send that waits gets it canceled`, async () => {
      at.agent.script = async (act) => {
        act.artifact('half').status('TASK_STATE_WORKING');
        await act.aborted();
      };
      const { id, answer } = await running(dialect, true);
      const seen = await cancel(at.url, dialect, id);
      expect(seen).to.include({ id, state: 'canceled' });
      expect(seen.artifacts).to.deep.equal(['half']);
      expect(await answer).to.include({ id, state: 'canceled' });
      expect((await get(at.url, dialect, id)).state).to.equal('canceled');
    });

    it(`ends an interrupted task in ${dialect}`, async () => {
      at.agent.script = (act) => {
        act.status('TASK_STATE_INPUT_REQUIRED');
      };
      const task = newId('t');
      const { id } = await send(at.url, dialect, 'go', dialect === 'v01' ? { task } : {});
      expect(await cancel(at.url, dialect, id)).to.include({ id, state: 'canceled' });
    });

    it(`is refused with -32002 in ${dialect} when the task has ended`, async () => {
      const { id } = await send(at.url, dialect, 'go');
      expect((await cancel(at.url, dialect, id)).code).to.equal(-32002);
      expect((await get(at.url, dialect, id)).state).to.equal('completed');
    });

    it(`is answered with -32001 in ${dialect} for an id that nobody has`, async () => {
      for (const id of ['nothing', 'no.thing', 'a.b.c', '.x', 'x.']) {
        expect((await cancel(at.url, dialect, id)).code).to.equal(-32001);
      }
    });

    it(`given twice in ${dialect} ${dialect === 'v1' ? 'shows the task again' : 'is refused'}`, async () => {
      at.agent.script = (act) => act.aborted();
      const { id, answer } = await running(dialect, dialect === 'v01');
      await cancel(at.url, dialect, id);
      const again = await cancel(at.url, dialect, id);
      if (dialect === 'v1') expect(again).to.include({ id, state: 'canceled' });
      else expect(again.code).to.equal(-32002);
      await answer;
    });
  }

  it('given many times at once ends the task once', async () => {
    at.agent.script = (act) => act.aborted();
    const { id } = await running('v1', false);
    const answers = await Promise.all(Array.from({ length: 8 }, () => cancel(at.url, 'v1', id)));
    for (const { state } of answers) expect(state).to.equal('canceled');
  });

  it('lets an executor that completes meanwhile win', async () => {
    at.agent.script = async (act) => {
      await act.aborted();
      act.done('just made it');
    };
    const { id } = await running('v1', false);
    expect((await cancel(at.url, 'v1', id)).code).to.equal(-32002);
    expect((await get(at.url, 'v1', id)).artifacts).to.deep.equal(['just made it']);
  });

  it('lets the executor tell of the cancel itself', async () => {
    at.agent.script = (act) => act.aborted();
    at.agent.onCancel = (act, bus) => {
      if (act === undefined) return;
      const { taskId, contextId } = act.context;
      const status = { state: 'TASK_STATE_CANCELED' as const, timestamp: '2026-01-02T03:04:05.678Z' };
      bus.publish({ kind: 'statusUpdate', data: { taskId, contextId, status, metadata: { tidy: true } } });
    };
    const { id } = await running('v1', false);
    expect((await cancel(at.url, 'v1', id)).reply.json.result).to.have.nested.property('metadata.tidy', true);
  });

  it('is not hindered by an executor whose own way to cancel fails', async () => {
    at.agent.script = (act) => act.aborted();
    at.agent.onCancel = () => {
      throw new Error('no way');
    };
    const { id } = await running('v1', false);
    expect((await cancel(at.url, 'v1', id)).state).to.equal('canceled');
    expect(at.used.logs.of('agent_failed')).to.have.length(1);
  });
});

describe('a cancel with a grace of a second', () => {
  const at = useAgentServer({ A2A_CANCEL_GRACE_SECONDS: '1' });

  it('fences an executor that ignores the signal', async () => {
    const gate = new Gate();
    let published = false;
    at.agent.script = async (act) => {
      act.artifact('half').status('TASK_STATE_WORKING');
      await gate.passed;
      act.artifact('more', 'b').artifact('half and more').status('TASK_STATE_WORKING', 'still here').done();
      act.message('bye').task('TASK_STATE_WORKING');
      published = true;
    };
    const { id } = await send(at.url, 'v1', 'go', { blocking: false });
    await becomes(at.url, 'v1', id, 'working');
    expect((await cancel(at.url, 'v1', id)).state).to.equal('canceled');
    gate.open();
    await eventually(() => published);
    await eventually(() => at.used.logs.of('agent_event_ignored').length >= 6);
    const seen = await get(at.url, 'v1', id);
    expect(seen).to.include({ state: 'canceled', says: '' });
    expect(seen.artifacts).to.deep.equal(['half']);
  });

  it('does not let a message be worked on that came while the executor stopped', async () => {
    const gate = new Gate();
    at.agent.script = async () => {
      await gate.passed;
    };
    const { id } = await send(at.url, 'v1', 'go', { blocking: false });
    const canceled = cancel(at.url, 'v1', id);
    const queued = send(at.url, 'v1', 'more', { task: id });
    await eventually(async () => (await get(at.url, 'v1', id)).history.length === 2);
    expect((await canceled).state).to.equal('canceled');
    expect((await queued).code).to.equal(-32004);
    gate.open();
    expect(at.agent.begun).to.deep.equal(['go']);
  });
});
