import { ProtocolError } from '../../protocol/errors.ts';
import type { Task } from '../../protocol/model.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { JsonValue } from '../../protocol/units.ts';
import type {
  AgentEvent,
  BusListener,
  EventBus,
  EventName,
  RequestContext,
} from '../agents/agent-executor.ts';
import type { AgentFormat } from '../agents/agent-format.ts';
import { BusListeners } from '../agents/bus-listeners.ts';
import { InvalidAgentEventError, readEvent } from '../agents/read-event.ts';
import { createRequestContext } from '../agents/request-context.ts';
import type { Log } from '../observability/log-events.ts';
import type { ChangeOptions, Decide } from '../sessions/change.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { RunKey } from '../sessions/records.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import type { MessageEntry } from '../sessions/task-content.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import { type RunFacts, toRecords } from './event-records.ts';
import { TurnFacts } from './turn-facts.ts';

/** The run whose turn it is. */
export interface TurnOwner {
  readonly session: LiveSession;
  readonly local: string;
  /** A client has been told of the task, or the agent itself has begun one. */
  isRevealed: boolean;
  /** Aborts the executor and fails the task. */
  giveUp(why: string): void;
}

/** One message being worked on: what the executor is given, and where it publishes until the turn is over. */
export class Turn implements EventBus {
  readonly by: RunKey;
  /** The executor has published the end of the task. */
  hasEnded = false;
  readonly #owner: TurnOwner;
  readonly #log: Log;
  readonly #abort = new AbortController();
  readonly #entry: MessageEntry | undefined;
  readonly #task: TaskFold;
  readonly #ids: { readonly taskId: string; readonly contextId: string };
  readonly #facts: RunFacts;
  /** Made when somebody listens: most agents only publish. */
  #listeners: BusListeners | undefined;
  /** What was published and has not met its fate. */
  #underWay = 0;
  #whenSettled: (() => void) | undefined;
  /** Errors that were told of as they came up, and of which the change itself is still to say so. */
  #told: Set<unknown> | undefined;
  #isAborted = false;
  #isOpen = true;
  /** The task goes on elsewhere: what the executor says of its end now is about its being stopped. */
  #isLeaving = false;

  /** Shared by all changes of the turn. */
  readonly #options: ChangeOptions;

  constructor(owner: TurnOwner, task: TaskFold, log: Log) {
    this.#owner = owner;
    this.#log = log;
    this.#task = task;
    this.#entry = task.turn;
    this.by = task.by;
    const isFirst = this.#entry === undefined || this.#entry.n === task.firstMessage;
    // Begun again it has to know what was published before.
    const isNew = isFirst && (!task.isResumed || task.pristine);
    const { sessionId: contextId } = owner.session.ref;
    const given = isNew ? undefined : taskBefore(task, contextId);
    this.#ids = { taskId: joinTaskId(contextId, owner.local), contextId };
    this.#options = {
      quota: owner.session.agentQuota,
      onRefused: (error) => {
        (this.#told ??= new Set()).add(error);
        this.#refused(error);
      },
    };
    this.#facts = { local: owner.local, by: task.by, given, isRevealed: false };
  }

  get isAborted(): boolean {
    return this.#isAborted;
  }

  /** Undefined when the message is not there: then there is nothing to run. */
  get referenceTaskIds(): readonly string[] | undefined {
    return this.#entry && (this.#entry.message.referenceTaskIds ?? []);
  }

  abort(why: string): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#abort.abort(new Error(why));
  }

  /** Aborts the executor of a task that goes on elsewhere; what it notes at once still counts. */
  leave(why: string): void {
    this.#isLeaving = true;
    this.abort(why);
  }

  /** Never throws: an agent that publishes nonsense is told by its task, which fails. */
  publish(given: AgentEvent): void {
    this.#take(given);
    this.#listeners?.tell(this, 'event', given);
  }

  /** The end of `execute` says so too, and nothing waits for either. */
  finished(): void {
    this.#listeners?.tell(this, 'finished');
  }

  on(name: EventName, listener: BusListener): this {
    this.#bus.on(name, listener);
    return this;
  }

  once(name: EventName, listener: BusListener): this {
    this.#bus.once(name, listener);
    return this;
  }

  off(name: EventName, listener: BusListener): this {
    this.#listeners?.off(name, listener);
    return this;
  }

  removeAllListeners(name?: EventName): this {
    this.#listeners?.removeAll(name);
    return this;
  }

  get #bus(): BusListeners {
    const { session, local } = this.#owner;
    return (this.#listeners ??= new BusListeners((error) => {
      this.#log('agent_listener_failed', { ...session.ref, task: local }, error);
    }));
  }

  #take(published: AgentEvent): void {
    let event: AgentEvent;
    try {
      if (!this.#isOpen) throw new Error('the run is over');
      event = readEvent(published, this.#ids);
      if (this.#isLeaving && givesUp(event)) throw new Error('the task goes on on another instance');
    } catch (error) {
      this.#refused(error);
      return;
    }
    if (event.kind === 'message') this.hasEnded = true;
    else {
      // What has been begun as a task ends as one.
      this.#owner.isRevealed = true;
      if (event.kind !== 'artifactUpdate' && isTerminal(event.data.status.state)) this.hasEnded = true;
    }
    this.#change((draft, at) => {
      this.#facts.isRevealed = this.#owner.isRevealed;
      return toRecords(event, this.#facts, draft, at);
    });
  }

  /** Nothing is taken any more. @returns when all that was published before has met its fate; undefined when it has */
  close(): Promise<void> | undefined {
    this.#isOpen = false;
    if (this.#underWay === 0) return undefined;
    return new Promise<void>((resolve) => {
      this.#whenSettled = resolve;
    });
  }

  /** What the executor is given, once. @param referenceTasks those it may see; undefined when the message names none */
  context(format: AgentFormat, referenceTasks: readonly Task[] | undefined): RequestContext | undefined {
    const { session } = this.#owner;
    const entry = this.#entry;
    if (entry === undefined) return undefined;
    const { taskId } = this.#ids;
    const task = this.#task;
    const given = this.#facts.given;
    const abort = this.#abort;
    const setState = (key: string, value: JsonValue): void => {
      this.#setState(key, value);
    };
    const source = { session, task, entry, taskId, given, referenceTasks, abort, setState };
    return createRequestContext(new TurnFacts(source), format);
  }

  #setState(key: string, value: JsonValue): void {
    if (!this.#isOpen) {
      this.#refused(new Error('the run is over'));
      return;
    }
    const { local } = this.#owner;
    const { by } = this;
    this.#change((draft, at) =>
      draft.task(local)?.by === by ? [{ t: 'state', at, task: local, by, key, value }] : [],
    );
  }

  #change(decide: Decide): void {
    this.#underWay += 1;
    let isUnderWay = true;
    const settle = (): void => {
      if (isUnderWay) this.#settled();
      isUnderWay = false;
    };
    const fail = (error: unknown): void => {
      if (!isUnderWay) return;
      isUnderWay = false;
      // What is done about it is not to be done in the middle of the changes that it failed with.
      queueMicrotask(() => {
        this.#failed(error);
      });
    };
    try {
      this.#owner.session.changeUnawaited(decide, this.#options, { settle, fail });
    } catch (error) {
      fail(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#told?.delete(error) !== true) this.#refused(error);
    this.#settled();
  }

  #settled(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#whenSettled?.();
  }

  #refused(error: unknown): void {
    const { session, local } = this.#owner;
    this.#log('agent_event_ignored', { ...session.ref, task: local }, error);
    // A state that the task may not take is passed over; so is what comes when the task is not this turn's any more.
    if (error instanceof ProtocolError && error.reason === 'UNSUPPORTED_OPERATION') return;
    const task = session.draft.task(local);
    if (!this.#isOpen || task?.by !== this.by || isTerminal(task.state) || task.withdrawn) return;
    // Better said than silently cut: nothing that follows may complete the task without it.
    this.#isOpen = false;
    this.#owner.giveUp(whyGivenUp(error));
  }
}

/** Most executors say that they failed, or were canceled, when their signal aborts. */
function givesUp(event: AgentEvent): boolean {
  if (event.kind !== 'statusUpdate' && event.kind !== 'task') return false;
  const { state } = event.data.status;
  return isTerminal(state) && state !== 'TASK_STATE_COMPLETED';
}

function whyGivenUp(error: unknown): string {
  if (error instanceof InvalidAgentEventError) return `The agent gave an invalid response: ${error.message}.`;
  const why = error instanceof ProtocolError ? `: ${error.message}` : '';
  return `The agent produced something that cannot be stored${why}.`;
}

/** The task as it stood when the message arrived, with the message; what is queued behind it is not said yet. */
function taskBefore(task: TaskFold, contextId: string): Task {
  const { history, status, ...rest } = task.toTask(contextId);
  let queued = Math.max(0, task.queued);
  const said = history.reverse().filter(({ role }) => role !== 'ROLE_USER' || queued-- <= 0);
  return { ...rest, status: { ...status, state: task.stateBefore }, history: said.reverse() };
}
