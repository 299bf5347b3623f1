/** What 0.1 clients are shown: nothing but tasks, their statuses and their artifacts by position. */
import type {
  Artifact,
  Message,
  Role,
  SendResult,
  StreamEvent,
  TaskArtifactUpdate,
  TaskStatus,
  TaskView,
} from '../model.ts';
import type { TaskState } from '../task-state.ts';
import type { JsonObject } from '../units.ts';
import { type LegacyPartRules, toLegacyPart } from './legacy-parts.ts';
import { present, unlessEmpty } from './present.ts';

export const PARTS: LegacyPartRules = { tag: 'type', tagOptional: true, bareFiles: true, dataLists: true };

/** A2A 0.1 §6.3. The last two states came later: a client of 0.1 is told the nearest one it knows. */
const STATES: Readonly<Record<TaskState, string>> = {
  TASK_STATE_SUBMITTED: 'submitted',
  TASK_STATE_WORKING: 'working',
  TASK_STATE_COMPLETED: 'completed',
  TASK_STATE_FAILED: 'failed',
  TASK_STATE_CANCELED: 'canceled',
  TASK_STATE_INPUT_REQUIRED: 'input-required',
  TASK_STATE_REJECTED: 'failed',
  TASK_STATE_AUTH_REQUIRED: 'input-required',
};

const ROLES: Readonly<Record<Role, string>> = { ROLE_USER: 'user', ROLE_AGENT: 'agent' };

function toMessage(shown: Message): JsonObject {
  return present({
    role: ROLES[shown.role],
    parts: shown.parts.map((part) => toLegacyPart(part, PARTS)),
    metadata: unlessEmpty(shown.metadata),
  });
}

/** Positions are stable because artifacts are kept in the order in which they first appeared. */
function toArtifact(
  artifact: Artifact,
  index: number,
  chunk: { append?: boolean; lastChunk?: boolean } = {},
) {
  return present({
    name: artifact.name,
    description: artifact.description,
    parts: artifact.parts.map((part) => toLegacyPart(part, PARTS)),
    index,
    append: chunk.append,
    lastChunk: chunk.lastChunk,
    metadata: unlessEmpty(artifact.metadata),
  });
}

function toStatus({ state, message, timestamp }: TaskStatus): JsonObject {
  return present({ state: STATES[state], message: message && toMessage(message), timestamp });
}

export function toTask({ task, alias }: TaskView): JsonObject {
  return present({
    id: alias ?? task.id,
    sessionId: task.contextId,
    status: toStatus(task.status),
    artifacts: unlessEmpty(task.artifacts.map((artifact, index) => toArtifact(artifact, index))),
    history: unlessEmpty(task.history.map(toMessage)),
    metadata: unlessEmpty(task.metadata),
  });
}

/** A send is always answered with a task (A2A 0.1 §7.1), so a bare message is told as one that has completed with it. */
export function toSendAnswer(result: SendResult): JsonObject {
  if (result.kind === 'task') return toTask(result.view);
  const { message } = result;
  return present({ ...toReply(message), sessionId: message.contextId });
}

/** Agents may answer without a task. 0.1 knows nothing but tasks. */
function toReply(message: Message): { id: string; status: JsonObject } {
  return {
    id: message.taskId ?? message.messageId,
    status: { state: STATES.TASK_STATE_COMPLETED, message: toMessage(message) },
  };
}

/** A2A 0.1 §7.2.3: which artifact, and whether a chunk of it, is said inside the artifact. */
function toArtifactUpdate(id: string, update: TaskArtifactUpdate, index: number): JsonObject {
  const chunk = { append: update.append ?? false, lastChunk: update.lastChunk ?? false };
  return present({
    id,
    artifact: toArtifact(update.artifact, index, chunk),
    metadata: unlessEmpty(update.metadata),
  });
}

/** A task has no event of its own in 0.1: its artifacts are told whole, one by one, and then its status. */
function toTaskFrames({ task, alias }: TaskView, final: boolean): JsonObject[] {
  const id = alias ?? task.id;
  const whole = { append: false, lastChunk: true };
  return [
    ...task.artifacts.map((artifact, index) => ({ id, artifact: toArtifact(artifact, index, whole) })),
    { id, status: toStatus(task.status), final },
  ];
}

/** A2A 0.1 §7.2.2, §7.2.3. `final` says that the stream ends here, whatever the state. */
export function toFrames(event: StreamEvent): JsonObject[] {
  switch (event.kind) {
    case 'task':
      return toTaskFrames(event.view, event.final);
    case 'message':
      return [{ ...toReply(event.message), final: true }];
    case 'statusUpdate': {
      const { update, of, final } = event;
      const metadata = unlessEmpty(update.metadata);
      return [present({ id: of.alias ?? update.taskId, status: toStatus(update.status), final, metadata })];
    }
    case 'artifactUpdate': {
      const { update, of, index } = event;
      return [toArtifactUpdate(of.alias ?? update.taskId, update, index)];
    }
  }
}
