import { isInterrupted, isTerminal } from '../../protocol/task-state.ts';
import type { DurationMs, JsonValue } from '../../protocol/units.ts';
import type { AgentEvent, AgentExecutor, EventBus, RequestContext } from '../agents/agent-executor.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { A2ASessionManager } from '../sessions/session-manager.ts';
import type { Log } from '../observability/log-events.ts';
import type { Clock, TtlRefresh } from '../sessions/session-parts.ts';
import type { RecordBody, RunKey } from '../sessions/records.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import type { Session } from '../sessions/session.ts';
import type { MessageEntry, TaskFold } from '../sessions/task-fold.ts';
import { toRecords } from './event-records.ts';
import { agentMessage } from './message-identity.ts';

export interface TaskRunOptions {
  readonly agent: AgentExecutor;
  readonly sessions: A2ASessionManager;
  readonly clock: Clock;
  readonly log: Log;
  readonly ttlMs: DurationMs;
  readonly ttlRefresh: TtlRefresh;
  /** An executor that runs longer is aborted and its task failed. */
  readonly taskTimeoutMs: DurationMs;
}

/** One executor at work on one task, message after message until nothing is queued. */
export class TaskRun {
  readonly session: LiveSession;
  readonly local: string;
  isRevealed: boolean;
  readonly #options: TaskRunOptions;
  /** One per turn: an executor that ignores it can still not write, because its turn is not the task's any more. */
  #abort = new AbortController();
  #canceled = false;
  /** Why the server gives the task up, in words for the client. */
  #givenUp: string | undefined;
  #end!: () => void;
  readonly #ended = new Promise<void>((resolve) => (this.#end = resolve));
  #giveUpNow: () => void = () => undefined;
  readonly #gaveUp = new Promise<void>((resolve) => (this.#giveUpNow = resolve));

  constructor(options: TaskRunOptions, session: LiveSession, local: string) {
    this.#options = options;
    this.session = session;
    this.local = local;
    this.isRevealed = session.view.task(local)?.dialect === 'v01';
  }

  /** Never rejects. */
  async execute(): Promise<void> {
    const stop = this.session.observe(() => {
      if (this.#mine() === undefined) this.abort('the task is no longer ours');
    });
    try {
      let more = true;
      while (more) {
        const task = this.#mine();
        if (task === undefined) break;
        const failure = await this.#turn(task);
        more = await this.#endTurn(failure);
        // The next message is another turn of a task that the client knows.
        this.isRevealed = true;
        this.#abort = new AbortController();
      }
    } catch (err) {
      this.#options.log('task_run_failed', { ...this.session.ref, task: this.local }, err);
    } finally {
      stop();
      this.#end();
    }
  }

  abort(why: string): void {
    if (!this.#abort.signal.aborted) this.#abort.abort(new Error(why));
  }

  /** Aborts the executor and fails the task, whether the executor stops or not. */
  giveUp(why: string): void {
    this.#givenUp ??= why;
    this.abort(why);
    this.#giveUpNow();
  }

  async cancel(graceMs: DurationMs): Promise<void> {
    this.#canceled = true;
    const task = this.#mine();
    if (task !== undefined && !isTerminal(task.state)) {
      const bus = this.#busFor(task.by);
      // The executor's own way to cancel is a courtesy: its failure changes nothing.
      void Promise.resolve()
        .then(() => this.#options.agent.cancelTask?.(joinTaskId(this.session.ref.sessionId, this.local), bus))
        .catch((err: unknown) => {
          this.#options.log('agent_failed', { ...this.session.ref, task: this.local }, err);
        });
    }
    this.abort('canceled');
    const timer = setTimeout(this.#giveUpNow, graceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  /** The task, while it is this run's. */
  #mine(): TaskFold | undefined {
    const task = this.session.view.task(this.local) ?? this.session.draft.task(this.local);
    return task === undefined || task.runner !== this.#options.sessions.instance ? undefined : task;
  }

  /** @returns what the client is told when the executor failed */
  async #turn(task: TaskFold): Promise<string | undefined> {
    const { agent, log, taskTimeoutMs } = this.#options;
    const turn = this.#contextFor(task);
    if (turn === undefined) return 'The message of this task was not found.';
    const timer = setTimeout(() => {
      this.giveUp(`The task took longer than ${taskTimeoutMs / 1000} s.`);
    }, taskTimeoutMs);
    const executed = (async () => {
      await agent.execute(turn.context, turn.bus);
    })();
    try {
      await Promise.race([executed, this.#gaveUp]);
      return this.#givenUp;
    } catch (err) {
      if (!this.#canceled && this.#givenUp === undefined) {
        log('agent_failed', { ...this.session.ref, task: this.local }, err);
      }
      return this.#givenUp ?? 'The agent failed.';
    } finally {
      clearTimeout(timer);
      // Given up: whatever it still rejects with is nobody's any more.
      executed.catch(() => undefined);
    }
  }

  /** One commit that settles the turn and looks at the queue. @returns whether there is another turn */
  async #endTurn(failure: string | undefined): Promise<boolean> {
    const { instance } = this.#options.sessions;
    let more = false;
    await this.session.change((draft, at): RecordBody[] => {
      more = false;
      const task = draft.task(this.local);
      if (task === undefined || task.runner !== instance || isTerminal(task.state) || task.withdrawn)
        return [];
      const { local, by } = task;
      if (this.#canceled) return [{ t: 'status', at, task: local, by, state: 'TASK_STATE_CANCELED' }];
      const failed = (text: string): RecordBody[] => [
        { t: 'status', at, task: local, by, state: 'TASK_STATE_FAILED', message: agentMessage(text) },
      ];
      if (failure !== undefined) return failed(failure);
      if (task.queued > 0) {
        more = true;
        return [{ t: 'run', at, task: local, by: `${instance}.${task.attempt + 1}`, next: true }];
      }
      return isInterrupted(task.state) ? [] : failed('The agent stopped without ending the task.');
    });
    return more;
  }

  #busFor(by: RunKey): EventBus {
    return {
      publish: (event) => {
        this.#publish(event, by);
      },
      finished: () => undefined,
    };
  }

  #publish(event: AgentEvent, by: RunKey): void {
    const copy = structuredClone(event);
    const { local } = this;
    const ignored = (err: unknown): void => {
      this.#options.log('agent_event_ignored', { ...this.session.ref, task: local, kind: event.kind }, err);
      // A session that is full takes no more of this task: better said than silently cut.
      if (this.#isStillRunning(by)) this.giveUp('The agent produced something that cannot be stored.');
    };
    this.session
      .change((draft, at) => toRecords(copy, { local, by, isRevealed: this.isRevealed }, draft, at))
      .catch(ignored);
  }

  #isStillRunning(by: RunKey): boolean {
    const task = this.session.draft.task(this.local);
    return task?.by === by && !isTerminal(task.state) && !task.withdrawn;
  }

  #contextFor(task: TaskFold): { context: RequestContext; bus: EventBus } | undefined {
    const { session, local } = this;
    const { sessionId: contextId } = session.ref;
    const entry = task.turn;
    if (entry === undefined) return undefined;
    const { by } = task;
    const taskId = joinTaskId(contextId, local);
    const pendingState = (key: string): JsonValue | undefined => session.draft.agentState(key);
    const setState = (key: string, value: JsonValue): void => {
      const copy = structuredClone(value);
      session
        .change((draft, at) =>
          draft.task(local)?.by === by ? [{ t: 'state', at, task: local, by, key, value: copy }] : [],
        )
        .catch((err: unknown) => {
          this.#options.log('agent_event_ignored', { ...session.ref, task: local, kind: 'state' }, err);
        });
    };
    const context: RequestContext = {
      taskId,
      contextId,
      userMessage: { ...structuredClone(entry.message), contextId, taskId },
      task: task.history.length > 1 ? structuredClone(task.toTask(contextId)) : undefined,
      signal: this.#abort.signal,
      attempt: task.attempt,
      session: {
        id: contextId,
        get messages() {
          return messagesUpTo(session.view, entry).map((said) => ({
            ...structuredClone(said.message),
            contextId,
            taskId: joinTaskId(contextId, said.task),
          }));
        },
        state: { get: pendingState, set: setState },
      },
    };
    return { context, bus: this.#busFor(by) };
  }
}

/** A copy of the conversation that ends with one message, which may have been renumbered since. */
function messagesUpTo(session: Session, last: MessageEntry): MessageEntry[] {
  const all = [...session.messages];
  const index = all.findLastIndex(({ message, n }) => message === last.message || n === last.n);
  return all.slice(0, index + 1);
}
