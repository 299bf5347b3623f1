import type { Message, Task } from '../../../protocol/model.ts';
import type { TaskState } from '../../../protocol/task-state.ts';
import type {
  AgentEvent,
  AgentExecutor,
  EventBus,
  RequestContext,
} from '../../../server/agents/agent-executor.ts';

/** One run of a scripted agent: what it was given, and the words in which scripts are written. */
export class Act {
  readonly context: RequestContext;
  readonly bus: EventBus;

  constructor(context: RequestContext, bus: EventBus) {
    this.context = context;
    this.bus = bus;
  }

  get text(): string {
    return this.context.userMessage.parts.map((part) => ('text' in part ? part.text : '?')).join('|');
  }

  status(state: TaskState, says?: string): this {
    return this.publish({
      kind: 'statusUpdate',
      data: { ...this.#ids, status: { state, timestamp: TIME, ...(says && { message: agentSays(says) }) } },
    });
  }

  artifact(text: string, artifactId = 'a'): this {
    return this.publish({
      kind: 'artifactUpdate',
      data: { ...this.#ids, artifact: { artifactId, parts: [{ text }] } },
    });
  }

  message(text: string): this {
    return this.publish({ kind: 'message', data: agentSays(text) });
  }

  task(state: TaskState, artifacts: Task['artifacts'] = []): this {
    const { taskId: id, contextId } = this.context;
    const data = { id, contextId, status: { state, timestamp: TIME }, artifacts, history: [] };
    return this.publish({ kind: 'task', data });
  }

  done(text?: string): this {
    if (text !== undefined) this.artifact(text);
    return this.status('TASK_STATE_COMPLETED');
  }

  publish(event: AgentEvent): this {
    this.bus.publish(event);
    return this;
  }

  /** What no type would let through. */
  publishRaw(event: unknown): this {
    this.bus.publish(event as AgentEvent);
    return this;
  }

  aborted(): Promise<void> {
    const { signal } = this.context;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      else
        signal.addEventListener('abort', () => {
          resolve();
        });
    });
  }

  get #ids(): { taskId: string; contextId: string } {
    const { taskId, contextId } = this.context;
    return { taskId, contextId };
  }
}

const TIME = '2026-01-02T03:04:05.678Z';
let said = 0;
export const agentSays = (text: string): Message => ({
  messageId: `agent-${++said}`,
  role: 'ROLE_AGENT',
  parts: [{ text }],
});

export type Script = (act: Act) => void | Promise<void>;

/** An agent that does what a test says, and remembers who ran when. */
export class ScriptedAgent implements AgentExecutor {
  script: Script = (act) => {
    act.done(`did ${act.text}`);
  };
  resumable = false;
  onCancel: ((act: Act | undefined, bus: EventBus) => void | Promise<void>) | undefined;
  /** Texts in the order in which they were begun. */
  readonly begun: string[] = [];
  readonly acts: Act[] = [];
  /** Most executors at once on one task. */
  mostAtOnce = 0;
  readonly #atWork = new Map<string, number>();

  async execute(context: RequestContext, bus: EventBus): Promise<void> {
    const act = new Act(context, bus);
    this.begun.push(act.text);
    this.acts.push(act);
    const { taskId } = context;
    const now = (this.#atWork.get(taskId) ?? 0) + 1;
    this.#atWork.set(taskId, now);
    this.mostAtOnce = Math.max(this.mostAtOnce, now);
    try {
      await this.script(act);
    } finally {
      this.#atWork.set(taskId, (this.#atWork.get(taskId) ?? 1) - 1);
    }
  }

  async cancelTask(taskId: string, bus: EventBus): Promise<void> {
    await this.onCancel?.(
      this.acts.find(({ context }) => context.taskId === taskId),
      bus,
    );
  }

  act(text: string): Act {
    const found = this.acts.find((act) => act.text === text);
    if (found === undefined) throw new Error(`never asked: ${text}`);
    return found;
  }
}

/** Something that a script waits for and a test lets happen. */
export class Gate {
  open!: () => void;
  readonly passed = new Promise<void>((resolve) => (this.open = resolve));
}
