import { ProtocolError } from '../../protocol/errors.ts';
import type { Task } from '../../protocol/model.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { Bytes, JsonValue } from '../../protocol/units.ts';
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
import type { Decide } from '../sessions/change.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { RunKey } from '../sessions/records.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import type { Session } from '../sessions/session.ts';
import type { MessageEntry, TaskFold } from '../sessions/task-fold.ts';
import { takeCallFacts } from './call-facts.ts';
import { toRecords } from './event-records.ts';

const STATE_MAX_BYTES: Bytes = 64 * 1024;

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
  readonly #underWay = new Set<Promise<void>>();
  readonly #listeners: BusListeners;
  /** The task as the executor is given it: undefined on its first message. */
  readonly #given: Task | undefined;
  #isOpen = true;
  /** The task goes on elsewhere: what the executor says of its end now is about its being stopped. */
  #isLeaving = false;

  constructor(owner: TurnOwner, task: TaskFold, log: Log) {
    this.#owner = owner;
    this.#log = log;
    this.#task = task;
    this.#entry = task.turn;
    this.by = task.by;
    const isFirst = this.#entry === undefined || this.#entry.n === task.firstMessage;
    // Begun again it has to know what was published before.
    const isNew = isFirst && (!task.isResumed || task.pristine);
    this.#given = isNew ? undefined : taskBefore(task, owner.session.ref.sessionId);
    this.#listeners = new BusListeners((error) => {
      log('agent_listener_failed', { ...owner.session.ref, task: owner.local }, error);
    });
  }

  get isAborted(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Undefined when the message is not there: then there is nothing to run. */
  get referenceTaskIds(): readonly string[] | undefined {
    return this.#entry && (this.#entry.message.referenceTaskIds ?? []);
  }

  abort(why: string): void {
    if (!this.#abort.signal.aborted) this.#abort.abort(new Error(why));
  }

  /** Aborts the executor of a task that goes on elsewhere; what it notes at once still counts. */
  leave(why: string): void {
    this.#isLeaving = true;
    this.abort(why);
  }

  /** Never throws: an agent that publishes nonsense is told by its task, which fails. */
  publish(given: AgentEvent): void {
    this.#take(given);
    this.#listeners.tell(this, 'event', given);
  }

  /** The end of `execute` says so too, and nothing waits for either. */
  finished(): void {
    this.#listeners.tell(this, 'finished');
  }

  on(name: EventName, listener: BusListener): this {
    this.#listeners.on(name, listener);
    return this;
  }

  once(name: EventName, listener: BusListener): this {
    this.#listeners.once(name, listener);
    return this;
  }

  off(name: EventName, listener: BusListener): this {
    this.#listeners.off(name, listener);
    return this;
  }

  removeAllListeners(name?: EventName): this {
    this.#listeners.removeAll(name);
    return this;
  }

  #take(published: AgentEvent): void {
    const { session, local } = this.#owner;
    const { sessionId: contextId } = session.ref;
    let event: AgentEvent;
    try {
      if (!this.#isOpen) throw new Error('the run is over');
      event = readEvent(published, { taskId: joinTaskId(contextId, local), contextId });
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
    const { by } = this;
    const given = this.#given;
    this.#change((draft, at) =>
      toRecords(event, { local, by, given, isRevealed: this.#owner.isRevealed }, draft, at),
    );
  }

  /** Nothing is taken any more. @returns when all that was published before has met its fate */
  async close(): Promise<void> {
    this.#isOpen = false;
    await Promise.all([...this.#underWay]);
  }

  /** What the executor is given, once. @param referenceTasks those it may see; undefined when the message names none */
  context(format: AgentFormat, referenceTasks: readonly Task[] | undefined): RequestContext | undefined {
    const { session, local } = this.#owner;
    const { tenant, sessionId: contextId } = session.ref;
    const entry = this.#entry;
    if (entry === undefined) return undefined;
    const taskId = joinTaskId(contextId, local);
    const shown = (said: MessageEntry) => ({
      ...said.message,
      contextId,
      taskId: joinTaskId(contextId, said.task),
    });
    const facts = {
      tenant,
      taskId,
      contextId,
      userMessage: shown(entry),
      task: this.#given,
      referenceTasks,
      call: takeCallFacts(entry.message),
      signal: this.#abort.signal,
      attempt: this.#task.attempt,
      resumed: this.#task.isResumed,
      messages: () => messagesUpTo(session.view, entry).map(shown),
      state: {
        get: (key: string) => structuredClone(session.draft.agentState(key)),
        set: (key: string, value: JsonValue) => {
          this.#setState(key, value);
        },
      },
    };
    return createRequestContext(facts, format);
  }

  #setState(key: string, value: JsonValue): void {
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined) throw new TypeError(`state ${key}: not JSON`);
    if (Buffer.byteLength(json) > STATE_MAX_BYTES)
      throw new RangeError(`state ${key}: more than ${STATE_MAX_BYTES} bytes of JSON`);
    if (!this.#isOpen) {
      this.#refused(new Error('the run is over'));
      return;
    }
    const copy = JSON.parse(json) as JsonValue;
    const { local } = this.#owner;
    const { by } = this;
    this.#change((draft, at) =>
      draft.task(local)?.by === by ? [{ t: 'state', at, task: local, by, key, value: copy }] : [],
    );
  }

  #change(decide: Decide): void {
    let wasTold = false;
    const onRefused = (error: unknown): void => {
      wasTold = true;
      this.#refused(error);
    };
    const underWay = this.#owner.session.change(decide, { onRefused }).then(
      () => undefined,
      (error: unknown) => {
        if (!wasTold) this.#refused(error);
      },
    );
    this.#underWay.add(underWay);
    void underWay.then(() => this.#underWay.delete(underWay));
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

/** A copy of the conversation that ends with one message, which may have been renumbered since. */
function messagesUpTo(session: Session, last: MessageEntry): MessageEntry[] {
  const all = [...session.messages];
  const index = all.findLastIndex(({ message, n }) => message === last.message || n === last.n);
  return all.slice(0, index + 1);
}
