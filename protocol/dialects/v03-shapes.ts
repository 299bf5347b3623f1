/** What 0.3 clients are shown: the data model of its types.ts, with `kind` on everything. */
import type {
  Artifact,
  Message,
  Role,
  StreamEvent,
  TaskArtifactUpdate,
  TaskNames,
  TaskStatus,
  TaskStatusUpdate,
  TaskView,
} from '../model.ts';
import type { TaskState } from '../task-state.ts';
import type { JsonObject } from '../units.ts';
import { type LegacyPartRules, toLegacyPart } from './legacy-parts.ts';
import { present, unlessEmpty } from './present.ts';

export const PARTS: LegacyPartRules = {
  tag: 'kind',
  tagOptional: false,
  bareFiles: false,
  dataLists: false,
};

/** A2A 0.3 §6.3. */
const STATES: Readonly<Record<TaskState, string>> = {
  TASK_STATE_SUBMITTED: 'submitted',
  TASK_STATE_WORKING: 'working',
  TASK_STATE_COMPLETED: 'completed',
  TASK_STATE_FAILED: 'failed',
  TASK_STATE_CANCELED: 'canceled',
  TASK_STATE_INPUT_REQUIRED: 'input-required',
  TASK_STATE_REJECTED: 'rejected',
  TASK_STATE_AUTH_REQUIRED: 'auth-required',
};

const ROLES: Readonly<Record<Role, string>> = { ROLE_USER: 'user', ROLE_AGENT: 'agent' };

/** The ids of the task that a message belongs to, as its client knows them. */
interface Home {
  contextId: string;
  /** The task's own id, and the one it is shown under. */
  taskId: string;
  shownId: string;
}

function homeOf(task: { id: string; contextId: string }, { alias }: Pick<TaskNames, 'alias'>): Home {
  return { contextId: task.contextId, taskId: task.id, shownId: alias ?? task.id };
}

export function toMessage(shown: Message, home?: Home): JsonObject {
  const taskId = shown.taskId ?? home?.taskId;
  return present({
    kind: 'message',
    messageId: shown.messageId,
    contextId: shown.contextId ?? home?.contextId,
    taskId: taskId === home?.taskId ? home?.shownId : taskId,
    role: ROLES[shown.role],
    parts: shown.parts.map((part) => toLegacyPart(part, PARTS)),
    referenceTaskIds: unlessEmpty(shown.referenceTaskIds),
    extensions: unlessEmpty(shown.extensions),
    metadata: unlessEmpty(shown.metadata),
  });
}

function toArtifact(artifact: Artifact): JsonObject {
  return present({
    artifactId: artifact.artifactId,
    name: artifact.name,
    description: artifact.description,
    parts: artifact.parts.map((part) => toLegacyPart(part, PARTS)),
    extensions: unlessEmpty(artifact.extensions),
    metadata: unlessEmpty(artifact.metadata),
  });
}

function toStatus({ state, message, timestamp }: TaskStatus, home: Home): JsonObject {
  return present({ state: STATES[state], message: message && toMessage(message, home), timestamp });
}

export function toTask(view: TaskView): JsonObject {
  const { task } = view;
  const home = homeOf(task, view);
  return present({
    kind: 'task',
    id: home.shownId,
    contextId: task.contextId,
    status: toStatus(task.status, home),
    artifacts: unlessEmpty(task.artifacts.map(toArtifact)),
    history: unlessEmpty(task.history.map((shown) => toMessage(shown, home))),
    metadata: unlessEmpty(task.metadata),
  });
}

/** A2A 0.3 §7.2.2. `final` is required, and says that the stream ends here, whatever the state. */
function toStatusUpdate(update: TaskStatusUpdate, of: TaskNames, final: boolean): JsonObject {
  const home = homeOf({ id: update.taskId, contextId: update.contextId }, of);
  return present({
    kind: 'status-update',
    taskId: home.shownId,
    contextId: home.contextId,
    status: toStatus(update.status, home),
    final,
    metadata: unlessEmpty(update.metadata),
  });
}

/** A2A 0.3 §7.2.3. */
function toArtifactUpdate(update: TaskArtifactUpdate, of: TaskNames): JsonObject {
  return present({
    kind: 'artifact-update',
    taskId: of.alias ?? update.taskId,
    contextId: update.contextId,
    artifact: toArtifact(update.artifact),
    append: update.append ?? false,
    lastChunk: update.lastChunk ?? false,
    metadata: unlessEmpty(update.metadata),
  });
}

/** A2A 0.3 §7.2.1: bare, told apart by `kind`. */
export function toStreamEvent(event: StreamEvent): JsonObject {
  switch (event.kind) {
    case 'task':
      return toTask(event.view);
    case 'message':
      return toMessage(event.message);
    case 'statusUpdate':
      return toStatusUpdate(event.update, event.of, event.final);
    case 'artifactUpdate':
      return toArtifactUpdate(event.update, event.of);
  }
}
