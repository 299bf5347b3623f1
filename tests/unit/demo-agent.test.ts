import { expect } from 'chai';
import { EventEmitter } from 'node:events';
import sinon from 'sinon';
import type { AgentEvent, EventBus, RequestContext } from '../../server/agents/agent-executor.ts';
import { createDemoAgent } from '../../server/agents/demo-agent.ts';
import { createRequestContext } from '../../server/agents/request-context.ts';
import type { Message, Task } from '../../protocol/model.ts';
import type { TaskState } from '../../protocol/task-state.ts';
import type { JsonValue } from '../../protocol/units.ts';

const NOON = Date.UTC(2026, 0, 2, 12);

class RecordingBus extends EventEmitter implements EventBus {
  readonly events: AgentEvent[] = [];
  publish(event: AgentEvent): void {
    this.events.push(event);
  }
  finished(): void {
    // An executor need not say it.
  }

  /** Events in short: `submitted`, `echo=echo: hi`, `completed`. */
  get short(): string[] {
    return this.events.map(({ kind, data }) => {
      if (kind === 'artifactUpdate') return `${data.artifact.artifactId}=${textOf(data.artifact.parts)}`;
      if (kind === 'message') return `message=${textOf(data.parts)}`;
      return data.status.state.replace('TASK_STATE_', '').toLowerCase();
    });
  }
}

const textOf = (parts: Message['parts']): string =>
  parts.map((part) => ('text' in part ? part.text : '?')).join('|');
const user = (text: string, n = 1): Message => ({ messageId: `m${n}`, role: 'ROLE_USER', parts: [{ text }] });

/** A session that remembers what the agent wrote, and runs of the demo agent in it. */
function useSession() {
  const messages: Message[] = [];
  const notes = new Map<string, JsonValue>();
  const run = async (text: string, over: Partial<RequestContext> = {}): Promise<RecordingBus> => {
    const bus = new RecordingBus();
    const userMessage = user(text, messages.length + 1);
    messages.push(userMessage);
    const facts = {
      tenant: 'default',
      taskId: 's1.t1',
      contextId: 's1',
      userMessage,
      task: undefined,
      referenceTasks: undefined,
      call: undefined,
      signal: new AbortController().signal,
      attempt: 1,
      resumed: false,
      messages: () => [...messages],
      state: {
        get: (key: string) => notes.get(key),
        set: (key: string, value: JsonValue) => {
          notes.set(key, value);
        },
      },
    };
    const context: RequestContext = { ...createRequestContext(facts, 'json'), ...over };
    await createDemoAgent(() => NOON).execute(context, bus);
    return bus;
  };
  return { run, messages };
}

const waiting = (state: TaskState, asked: string): Task => ({
  id: 's1.t1',
  contextId: 's1',
  status: { state, timestamp: '2026-01-02T12:00:00.000Z' },
  artifacts: [],
  history: [user(asked)],
});

describe('the demo agent', () => {
  it('publishes an echo as a submitted task, one artifact and a completion', async () => {
    const bus = await useSession().run('hello');
    const at = { taskId: 's1.t1', contextId: 's1' };
    const timestamp = '2026-01-02T12:00:00.000Z';
    expect(bus.events).to.deep.equal([
      {
        kind: 'task',
        data: {
          id: 's1.t1',
          contextId: 's1',
          status: { state: 'TASK_STATE_SUBMITTED', timestamp },
          artifacts: [],
          history: [user('hello')],
        },
      },
      {
        kind: 'artifactUpdate',
        data: { ...at, artifact: { artifactId: 'echo', name: 'echo', parts: [{ text: 'echo: hello' }] } },
      },
      { kind: 'statusUpdate', data: { ...at, status: { state: 'TASK_STATE_COMPLETED', timestamp } } },
    ]);
  });

  for (const [text, events] of [
    ['count the eggs', ['submitted', 'echo=echo: count the eggs', 'completed']],
    [' count', ['submitted', 'echo=echo:  count', 'completed']],
    ['count\n', ['submitted', 'echo=echo: count\n', 'completed']],
    ['slow 3', ['submitted', 'echo=echo: slow 3', 'completed']],
    ['slow 1 999999', ['submitted', 'echo=echo: slow 1 999999', 'completed']],
    ['big 10000000', ['submitted', 'echo=echo: big 10000000', 'completed']],
    ['msg', ['submitted', 'echo=echo: msg', 'completed']],
    ['', ['submitted', 'echo=echo: ', 'completed']],
    ['msg hi there', ['message=echo: hi there']],
    ['input', ['submitted', 'input_required']],
    ['auth', ['submitted', 'auth_required']],
    ['reject', ['submitted', 'rejected']],
    ['big 5', ['submitted', 'big=xxxxx', 'completed']],
    ['big 0', ['submitted', 'big=', 'completed']],
    ['slow 0 5', ['submitted', 'working', 'completed']],
    ['slow 2 0', ['submitted', 'working', 'slow=chunk 0', 'slow=chunk 1', 'completed']],
  ] as const) {
    it(`answers ${JSON.stringify(text)} with ${JSON.stringify(events)}`, async () => {
      expect((await useSession().run(text)).short).to.deep.equal(events);
    });
  }

  it('recalls every earlier user text in order, earlier recalls included, and counts them', async () => {
    const { run, messages } = useSession();
    await run('one');
    messages.push({ messageId: 'a', role: 'ROLE_AGENT', parts: [{ text: 'not the user' }] });
    expect((await run('recall')).short[1]).to.equal('recall=one');
    expect((await run('recall')).short[1]).to.equal('recall=one\nrecall');
    expect((await run('count')).short[1]).to.equal('count=4');
  });

  it('recalls nothing in a new session', async () => {
    expect((await useSession().run('recall')).short).to.deep.equal(['submitted', 'recall=', 'completed']);
  });

  it('keeps notes in the session and reads them back', async () => {
    const { run } = useSession();
    expect((await run('state colour')).short[1]).to.equal('state=');
    expect((await run('state colour deep blue')).short[1]).to.equal('state=deep blue');
    expect((await run('state colour')).short[1]).to.equal('state=deep blue');
  });

  it('completes a task that waited for the client with both texts, whatever verb the second is', async () => {
    for (const state of ['TASK_STATE_INPUT_REQUIRED', 'TASK_STATE_AUTH_REQUIRED'] as const) {
      const bus = await useSession().run('count', { task: waiting(state, 'input') });
      expect(bus.short).to.deep.equal(['echo=echo: input\ncount', 'completed']);
    }
  });

  it('runs the verb when the task was only queued, without submitting it again', async () => {
    const bus = await useSession().run('hi', { task: waiting('TASK_STATE_WORKING', 'slow 1 1') });
    expect(bus.short).to.deep.equal(['echo=echo: hi', 'completed']);
  });

  it('throws on boom before it has published anything', async () => {
    const failed: unknown = await useSession()
      .run('boom')
      .catch((error: unknown) => error);
    expect(failed).to.be.an('error').with.property('message', 'boom');
  });

  it('marks the chunks of a slow answer: appended from the second, the last one last', async () => {
    const bus = await useSession().run('slow 3 0');
    const chunks = bus.events.flatMap(({ kind, data }) => (kind === 'artifactUpdate' ? [data] : []));
    expect(chunks.map(({ append, lastChunk }) => [append, lastChunk])).to.deep.equal([
      [false, false],
      [true, false],
      [true, true],
    ]);
  });

  it('ends a slow answer when it is aborted, in the middle of waiting, without a status of its own', async () => {
    const abort = new AbortController();
    const published = sinon.spy(RecordingBus.prototype, 'publish');
    try {
      const running = useSession().run('slow 2 99999', { signal: abort.signal });
      expect(published.callCount).to.equal(3);
      abort.abort();
      expect((await running).short).to.deep.equal(['submitted', 'working', 'slow=chunk 0']);
    } finally {
      published.restore();
    }
  });

  it('does nothing more when it is aborted before it starts to wait', async () => {
    const bus = await useSession().run('slow 2 5', { signal: AbortSignal.abort() });
    expect(bus.short).to.deep.equal(['submitted', 'working']);
  });
});
