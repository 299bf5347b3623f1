/**
 * The internal model. It has the shape of A2A 1.0 JSON (a2a.proto v1.0.1, ProtoJSON names), so a record can be
 * stored as it will be sent; the 0.x dialects convert at the edge.
 */
import type { EpochMs, JsonObject, JsonValue } from './units.ts';
import type { TaskState } from './task-state.ts';

/** The A2A wire formats: 1.0, 0.3 and the original `tasks/send` (0.1). */
export type Dialect = 'v1' | 'v03' | 'v01';

export type Role = 'ROLE_USER' | 'ROLE_AGENT';

interface PartCommon {
  filename?: string;
  mediaType?: string;
  metadata?: JsonObject;
}
export type TextPart = PartCommon & { text: string };
/** `raw` is standard base64 with padding. */
export type RawPart = PartCommon & { raw: string };
export type UrlPart = PartCommon & { url: string };
/** `data: null` is a value, not an absence: test with `'data' in part`. */
export type DataPart = PartCommon & { data: JsonValue };
/** Exactly one of `text`, `raw`, `url`, `data`. a2a.proto `Part`. */
export type Part = TextPart | RawPart | UrlPart | DataPart;

/** a2a.proto `Message`. `contextId` and `taskId` are filled in when a message is shown. */
export interface Message {
  messageId: string;
  role: Role;
  parts: Part[];
  contextId?: string;
  taskId?: string;
  referenceTaskIds?: string[];
  extensions?: string[];
  metadata?: JsonObject;
}

/** a2a.proto `TaskStatus`. `timestamp` is RFC 3339, UTC, with `Z`. */
export interface TaskStatus {
  state: TaskState;
  message?: Message;
  timestamp: string;
}

/** a2a.proto `Artifact`. */
export interface Artifact {
  artifactId: string;
  name?: string;
  description?: string;
  parts: Part[];
  extensions?: string[];
  metadata?: JsonObject;
}

/** a2a.proto `Task`, as a client is shown it: `history` oldest first, `artifacts` in the order they first appeared. */
export interface Task {
  id: string;
  contextId: string;
  status: TaskStatus;
  artifacts: Artifact[];
  history: Message[];
  metadata?: JsonObject;
}

/** a2a.proto `TaskStatusUpdateEvent`. */
export interface TaskStatusUpdate {
  taskId: string;
  contextId: string;
  status: TaskStatus;
  metadata?: JsonObject;
}

/** a2a.proto `TaskArtifactUpdateEvent`: without `append` the artifact replaces the one of the same id. */
export interface TaskArtifactUpdate {
  taskId: string;
  contextId: string;
  artifact: Artifact;
  append?: boolean;
  lastChunk?: boolean;
  metadata?: JsonObject;
}

/** What a client gave for a webhook; stored and served by the push operations. */
export interface PushConfig {
  id?: string;
  url: string;
  token?: string;
  /** `schemes` as the 0.x dialects list them; 1.0 has exactly one. */
  authentication?: { schemes: string[]; credentials?: string };
}

/** Decoded parameters of a send, the same for all dialects. */
export interface SendParams {
  tenant?: string;
  message: Message;
  /** The client's own task id: v01 only, where it names the task to create or to continue. */
  clientTaskId?: string;
  /** Whether the answer waits for a terminal or interrupted state. */
  blocking: boolean;
  historyLength?: number;
  acceptedOutputModes?: string[];
  pushConfig?: PushConfig;
  metadata?: JsonObject;
}

/** Decoded parameters of a get. */
export interface GetTaskParams {
  tenant?: string;
  id: string;
  historyLength?: number;
}

/** Decoded parameters of a cancel. */
export interface CancelTaskParams {
  tenant?: string;
  id: string;
  metadata?: JsonObject;
}

/** A task to be shown, with what a dialect needs to show it as the client knows it. */
export interface TaskView {
  task: Task;
  /** The client's own task id, when the task was made by v01. */
  alias?: string;
  /** The dialect that made the task. */
  dialect: Dialect;
}

/** A send ends in a task, or in a bare message (never for v01). */
export type SendResult = { kind: 'task'; view: TaskView } | { kind: 'message'; message: Message };

/** What 0.x clients need to know of a task beside its ids. */
export type TaskNames = Pick<TaskView, 'alias' | 'dialect'>;

/**
 * One event of a stream or of a webhook, the same for all dialects. `final` says that the stream ends after it, which
 * 0.x writes on the wire and 1.0 shows by closing.
 */
export type StreamEvent =
  | { kind: 'task'; view: TaskView; final: boolean }
  | { kind: 'message'; message: Message }
  | { kind: 'statusUpdate'; update: TaskStatusUpdate; of: TaskNames; final: boolean }
  /** `index`: position among the artifacts of the task, by first appearance, from 0. */
  | { kind: 'artifactUpdate'; update: TaskArtifactUpdate; of: TaskNames; index: number };

/** Decoded parameters of a subscription. */
export interface SubscribeParams {
  tenant?: string;
  id: string;
}

/** Decoded parameters of a list. A2A 1.0 §3.1.4; only 1.0 has it. */
export interface ListTasksParams {
  tenant?: string;
  contextId?: string;
  /** Only tasks in this state. */
  state?: TaskState;
  /** Only tasks whose status is of this moment or later. */
  since?: EpochMs;
  /** 1 to 100; absent: 50. */
  pageSize?: number;
  pageToken?: string;
  historyLength?: number;
  includeArtifacts: boolean;
}

export interface TaskPage {
  tasks: readonly TaskView[];
  /** `''` on the last page. */
  nextPageToken: string;
  /** The one that was used. */
  pageSize: number;
  totalSize: number;
  /** Whether artifacts are shown, then also an empty list of them. */
  includeArtifacts: boolean;
}

/** Decoded parameters of the creation (or replacement) of a webhook. */
export interface CreatePushParams {
  tenant?: string;
  taskId: string;
  /** null: a 0.1 client takes its webhook away. */
  config: PushConfig | null;
}

/** Decoded parameters of a look at a webhook. Without `id`, which 0.3 allows and 0.1 does not have: the task's own. */
export interface GetPushParams {
  tenant?: string;
  taskId: string;
  id?: string;
}

export interface ListPushParams {
  tenant?: string;
  taskId: string;
  /** 1 to 100; absent: 50. */
  pageSize?: number;
  pageToken?: string;
}

export interface DeletePushParams {
  tenant?: string;
  taskId: string;
  id: string;
}

/** A webhook as its owner is shown it: with its id, without credentials. */
export interface PushConfigView {
  /** The task, as this caller knows it. */
  taskId: string;
  config: PushConfig & { id: string };
}

export interface PushConfigPage {
  configs: readonly PushConfigView[];
  /** `''` on the last page. */
  nextPageToken: string;
}
