/** Executors that do more than they should, and what an event bus offers beside publishing. */
import { expect } from 'chai';
import type { AgentEvent, EventBus } from '../../../server/agents/agent-executor.ts';
import { eventually } from '../../helpers/eventually.ts';
import { useAgentServer } from './agent-server.ts';
import { becomes, cancel, get, send } from './conversation.ts';
import { type Act, Gate } from './scripted-agent.ts';

/** As `@a2a-js/sdk` 1.x writes it. */
const sdkCanceled = ({ context: { taskId, contextId } }: Act, says: string): AgentEvent =>
  ({
    kind: 'statusUpdate',
    data: {
      taskId,
      contextId,
      status: {
        state: 5,
        message: {
          messageId: 'bye',
          role: 2,
          parts: [
            { content: { $case: 'text', value: says }, metadata: undefined, filename: '', mediaType: '' },
          ],
          taskId,
          contextId,
          extensions: [],
          metadata: {},
          referenceTaskIds: [],
        },
        timestamp: undefined,
      },
      metadata: undefined,
    },
  }) as unknown as AgentEvent;

describe('an executor that is canceled', () => {
  const at = useAgentServer({ A2A_CANCEL_GRACE_SECONDS: '5' });

  /** Starts a task, and cancels it once it works. */
  async function canceled(): Promise<Awaited<ReturnType<typeof get>>> {
    const { id } = await send(at.url, 'v1', 'go', { blocking: false });
    await eventually(() => at.agent.begun.length === 1);
    const answer = await cancel(at.url, 'v1', id);
    expect(answer.state).to.equal('canceled');
    return get(at.url, 'v1', id);
  }

  it('may say so itself in cancelTask, in the words of the SDK', async () => {
    const gate = new Gate();
    at.agent.script = () => gate.passed;
    at.agent.onCancel = (act, bus) => {
      if (act === undefined) throw new Error('of another task');
      bus.publish(sdkCanceled(act, 'stopped'));
      gate.open();
    };
    expect((await canceled()).says).to.equal('stopped');
  });

  it('may say so while its signal aborts', async () => {
    at.agent.script = (act) =>
      new Promise((resolve) => {
        act.context.signal.addEventListener('abort', () => {
          act.publish(sdkCanceled(act, 'aborted'));
          resolve();
        });
      });
    expect((await canceled()).says).to.equal('aborted');
  });

  it('may fail at that, in each of its methods, and is canceled all the same', async () => {
    at.agent.script = async (act) => {
      await act.aborted();
      throw new Error('secret');
    };
    at.agent.onCancel = () => {
      throw new Error('secret');
    };
    const seen = await canceled();
    expect(seen.says).to.equal('');
    expect(seen.reply.text).to.not.contain('secret');
  });
});

describe('an executor that publishes without end', () => {
  const at = useAgentServer({ A2A_MAX_SESSION_RECORDS: '12000', A2A_TASK_TIMEOUT_SECONDS: '15' });

  it('has ten thousand events taken that it never waits for, while others are served', async () => {
    at.agent.script = async (act) => {
      if (act.text !== 'many') {
        act.done('fine');
        return;
      }
      const publish: (event: AgentEvent) => unknown = act.bus.publish.bind(act.bus);
      for (let i = 0; i < 10_000; i++) {
        const { taskId, contextId } = act.context;
        const artifact = { artifactId: 'a', parts: [{ text: `${i} ` }] };
        const event = {
          kind: 'artifactUpdate' as const,
          data: { taskId, contextId, artifact, append: i > 0 },
        };
        // There is nothing to wait for, but many do.
        await publish(event);
      }
      act.done();
    };
    const many = send(at.url, 'v1', 'many');
    expect((await send(at.url, 'v1', 'other')).artifacts).to.deep.equal(['fine']);
    const { state, reply } = await many;
    expect(state).to.equal('completed');
    const { artifacts } = (reply.json.result as { task: { artifacts: { parts: unknown[] }[] } }).task;
    expect(artifacts[0]?.parts).to.have.length(10_000);
    expect(artifacts[0]?.parts.at(-1)).to.deep.equal({ text: '9999 ' });
  });

  it('is stopped at the bound of its session, whatever it publishes, and the task says why', async () => {
    for (const publish of [
      (act: Act) => act.artifact('x'),
      (act: Act) => act.status('TASK_STATE_WORKING', 'still at it'),
      (act: Act) =>
        act.task('TASK_STATE_WORKING', [{ artifactId: 'a', parts: [{ text: String(Math.random()) }] }]),
    ]) {
      let published = 0;
      at.agent.script = (act) => {
        for (; !act.context.signal.aborted && published < 50_000; published++) publish(act);
      };
      const seen = await send(at.url, 'v1', 'go');
      expect(seen.state, seen.reply.text).to.equal('failed');
      expect(seen.says).to.contain('A2A_MAX_SESSION_RECORDS');
      expect(published).to.be.lessThan(13_000);
    }
  });
});

describe('the event bus of an executor', () => {
  const at = useAgentServer();

  it('tells whoever listens, and a listener that fails harms nobody', async () => {
    const heard: string[] = [];
    at.agent.script = (act) => {
      const { bus } = act;
      const listener = function (this: EventBus, event?: AgentEvent): void {
        heard.push(`${event?.kind ?? 'nothing'} ${this === bus}`);
      };
      const again = (event?: AgentEvent): void => {
        // as a listener that answers every event with another would
        if (event !== undefined) bus.publish(event);
      };
      bus
        .on('event', () => {
          throw new Error('broken');
        })
        .on('event', () => Promise.reject(new Error('broken later')) as unknown as undefined)
        .on('event', listener)
        .once('event', () => heard.push('once'))
        .on('finished', () => heard.push('finished'));
      act.artifact('x');
      act.status('TASK_STATE_WORKING');
      bus.off('event', listener);
      act.artifact('y');
      bus.removeAllListeners('event');
      act.artifact('z');
      bus.finished();
      bus.finished();
      bus.removeAllListeners();
      bus.finished();
      bus.once('event', again);
      act.done('fine');
    };
    const seen = await send(at.url, 'v1', 'go');
    expect(seen).to.include({ state: 'completed' });
    expect(seen.artifacts).to.deep.equal(['fine']);
    expect(heard).to.deep.equal(['artifactUpdate true', 'once', 'statusUpdate true', 'finished', 'finished']);
    expect(at.used.logs.of('agent_listener_failed')).to.have.length(6);
  });

  it('is not heard once its run is over, from a timer just as little', async () => {
    const gate = new Gate();
    at.agent.script = (act) => {
      act.status('TASK_STATE_WORKING');
      void gate.passed.then(() => setImmediate(() => act.done('late')));
      act.bus.finished();
    };
    const { id, state } = await send(at.url, 'v1', 'go');
    expect(state).to.equal('failed');
    gate.open();
    await eventually(() => at.used.logs.of('agent_event_ignored').length === 2);
    expect((await get(at.url, 'v1', id)).artifacts).to.deep.equal([]);
  });
});

describe('an executor against its bounds', () => {
  const at = useAgentServer({ A2A_TASK_TIMEOUT_SECONDS: '1', A2A_MAX_RECORD_BYTES: '4096' });

  it('that never settles is aborted, and its task fails with the reason', async () => {
    let reason: unknown;
    at.agent.script = (act) => {
      act.status('TASK_STATE_WORKING');
      act.context.signal.addEventListener('abort', () => {
        reason = act.context.signal.reason;
      });
      return new Promise(() => undefined);
    };
    const seen = await send(at.url, 'v1', 'go');
    expect(seen).to.include({ state: 'failed', says: 'The task took longer than 1 s.' });
    expect(reason).to.be.instanceOf(Error);
    expect(at.used.logs.of('task_timed_out')).to.have.length(1);
  });

  it('that never settles after it has asked leaves its task to the client', async () => {
    at.agent.script = (act) => {
      if (act.text !== 'ask') {
        act.done(`did ${act.text}`);
        return;
      }
      act.status('TASK_STATE_INPUT_REQUIRED');
      return new Promise(() => undefined);
    };
    const { id } = await send(at.url, 'v1', 'ask');
    await at.used.logs.next('task_timed_out');
    expect((await get(at.url, 'v1', id)).state).to.equal('input-required');
    expect((await send(at.url, 'v1', 'blue', { task: id })).artifacts).to.deep.equal(['did blue']);
  });

  it('that publishes more than a record holds fails, and says why', async () => {
    at.agent.script = (act) => {
      act.artifact('small', 'a').artifact('x'.repeat(5000), 'b').done();
    };
    const { id } = await send(at.url, 'v1', 'go', { blocking: false });
    const seen = await becomes(at.url, 'v1', id, 'failed');
    expect(seen.says).to.match(/^The agent produced something that cannot be stored: .*A2A_MAX_RECORD_BYTES/);
    expect(seen.artifacts).to.deep.equal(['small']);
    at.agent.script = (act) => {
      act.done('fine');
    };
    expect((await send(at.url, 'v1', 'after', { session: seen.session })).state).to.equal('completed');
  });
});
