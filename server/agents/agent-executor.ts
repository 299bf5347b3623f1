import type { Message, Task, TaskArtifactUpdate, TaskStatusUpdate } from '../../protocol/model.ts';
import type { JsonValue } from '../../protocol/units.ts';

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

/** What an executor is given for one message. */
export interface RequestContext {
  readonly taskId: string;
  readonly contextId: string;
  readonly userMessage: Message;
  /** The task as it stood when the message arrived; undefined when this message made it. */
  readonly task: Task | undefined;
  /** Aborts when the task is canceled, times out, or the server gives it up. */
  readonly signal: AbortSignal;
  readonly session: SessionView;
  /** 1 for the first run of the task; goes up with every further run. */
  readonly attempt: number;
}

export type AgentEvent =
  | { kind: 'task'; data: Task }
  | { kind: 'message'; data: Message }
  | { kind: 'statusUpdate'; data: TaskStatusUpdate }
  | { kind: 'artifactUpdate'; data: TaskArtifactUpdate };

/** Where an executor publishes. Events are copied when they are published and ignored once the task has ended. */
export interface EventBus {
  publish(event: AgentEvent): void;
  /** Says that this run publishes nothing more. The end of `execute` says so too. */
  finished(): void;
}

/**
 * An agent. Structurally compatible with the executors of `@a2a-js/sdk` 1.x: `execute(context, bus)` and
 * `cancelTask(taskId, bus)`.
 */
export interface AgentExecutor {
  execute(context: RequestContext, bus: EventBus): Promise<void>;
  /** Called beside the abort of `context.signal`; may publish the canceled status itself. */
  cancelTask?(taskId: string, bus: EventBus): Promise<void>;
}
