import type { Message, Task, TaskArtifactUpdate, TaskStatusUpdate } from '../../protocol/model.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import type { AgentFormat } from './agent-format.ts';

/** The part of a session that an agent sees. */
export interface SessionView {
  /** `contextId` of A2A 1.0 and 0.3, `sessionId` of 0.1. */
  readonly id: string;
  /** The conversation, oldest first, up to and including the message being answered. A copy. */
  readonly messages: readonly Message[];
  /** The agent's own durable notes about this session; a value is JSON of at most 64 KiB. */
  readonly state: {
    get(key: string): JsonValue | undefined;
    /** Persisted with the next events of this run. */
    set(key: string, value: JsonValue): void;
  };
}

/** The request, as far as it is known: only the instance that took it knows, and only until the first run has begun. */
export interface SendRequest {
  readonly tenant: string;
  /** The same object as `userMessage`. */
  readonly message: Message;
  readonly configuration:
    | {
        readonly acceptedOutputModes: readonly string[];
        readonly historyLength: number | undefined;
        readonly returnImmediately: boolean;
        readonly taskPushNotificationConfig: undefined;
      }
    | undefined;
  readonly metadata: JsonObject | undefined;
}

/** Who called and how, in the words of `@a2a-js/sdk`. Undefined is what is not known: see {@link SendRequest}. */
export interface CallView {
  readonly tenant: string;
  readonly user: { readonly isAuthenticated: boolean; readonly userName: string } | undefined;
  /** `1.0`, `0.3` or `0.1`. */
  readonly requestedVersion: string | undefined;
  /** URIs of the extensions that the client asked for and the agent card offers. */
  readonly requestedExtensions: readonly string[] | undefined;
  readonly activatedExtensions: readonly string[] | undefined;
  addActivatedExtension(uri: string): void;
  /** For what an agent's own layers tell each other during one run. */
  readonly state: Map<string, unknown>;
}

/**
 * What an executor is given for one message. A superset of what both lines of `@a2a-js/sdk` give. Messages and tasks are
 * in the agent's format, of which these types are the JSON one.
 */
export interface RequestContext {
  readonly taskId: string;
  readonly contextId: string;
  readonly userMessage: Message;
  /**
   * The task as it stood when the message arrived, or when the run was begun again, with what was published by then.
   * Undefined when this message made it and nothing was published yet.
   */
  readonly task: Task | undefined;
  /** The tasks that the message refers to, as far as its sender may see them; undefined when it refers to none. */
  readonly referenceTasks: readonly Task[] | undefined;
  readonly request: SendRequest;
  readonly context: CallView;
  /** Aborts when the task is canceled, times out, or the server gives it up. */
  readonly signal: AbortSignal;
  readonly session: SessionView;
  /** 1 for the first run of the task; goes up with every further run. */
  readonly attempt: number;
  /** An earlier run for this very message was broken off, because its instance died or was stopped: this one goes on. */
  readonly resumed: boolean;
}

export type AgentEvent =
  | { kind: 'task'; data: Task }
  | { kind: 'message'; data: Message }
  | { kind: 'statusUpdate'; data: TaskStatusUpdate }
  | { kind: 'artifactUpdate'; data: TaskArtifactUpdate };

export type EventName = 'event' | 'finished';
/** What listens on a bus; only `event` brings the event, as it was published. */
export type BusListener = (event?: AgentEvent) => void;

/**
 * Where an executor publishes. Events are copied when they are published and ignored once the task has ended. Besides
 * {@link AgentEvent} it takes those of both lines of `@a2a-js/sdk`, told by their shape.
 */
export interface EventBus {
  /** Never throws and has nothing to wait for. */
  publish(event: AgentEvent): void;
  /** Says that this run publishes nothing more. The end of `execute` says so too. */
  finished(): void;
  on(name: EventName, listener: BusListener): this;
  once(name: EventName, listener: BusListener): this;
  off(name: EventName, listener: BusListener): this;
  removeAllListeners(name?: EventName): this;
}

/**
 * An agent. Executors of `@a2a-js/sdk` have the same two methods, and run here as they are: see {@link AgentFormat} for
 * how they read what they are given.
 */
export interface AgentExecutor {
  /** Absent: JSON, unless A2A_AGENT_FORMAT or the SDK beside the agent's module says otherwise. */
  readonly format?: AgentFormat;
  /**
   * A run that was broken off, because its instance died or was stopped, may be begun again by another one: with
   * `attempt` one higher, the durable `session.state`, and in `task` what was published before. Default false: the task
   * fails and says why.
   */
  readonly resumable?: boolean;
  execute(context: RequestContext, bus: EventBus): Promise<void>;
  /** Called beside the abort of `context.signal`; may publish the canceled status itself. */
  cancelTask?(taskId: string, bus: EventBus): Promise<void>;
}

/** An executor with the types of `@a2a-js/sdk`, whichever line: to be handed in with the format that it reads. */
export interface ForeignExecutor {
  execute(context: never, bus: never): Promise<void>;
  cancelTask?(taskId: string, bus: never): Promise<void>;
}
