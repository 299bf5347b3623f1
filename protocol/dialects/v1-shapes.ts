/** What 1.0 clients are shown: a2a.proto as ProtoJSON writes it, REQUIRED fields always, other defaults never (§5.7). */
import type {
  Artifact,
  Message,
  Part,
  StreamEvent,
  Task,
  TaskArtifactUpdate,
  TaskStatus,
  TaskStatusUpdate,
} from '../model.ts';
import type { JsonObject } from '../units.ts';
import { present, unlessEmpty } from './present.ts';

/** The task that a message belongs to. */
interface Home {
  contextId: string;
  taskId: string;
}

function toPart({ metadata, ...rest }: Part): JsonObject {
  return present({ ...rest, metadata: unlessEmpty(metadata) });
}

export function toMessage(shown: Message, home?: Home): JsonObject {
  return present({
    messageId: shown.messageId,
    contextId: shown.contextId ?? home?.contextId,
    taskId: shown.taskId ?? home?.taskId,
    role: shown.role,
    parts: shown.parts.map(toPart),
    metadata: unlessEmpty(shown.metadata),
    extensions: unlessEmpty(shown.extensions),
    referenceTaskIds: unlessEmpty(shown.referenceTaskIds),
  });
}

function toStatus(status: TaskStatus, home: Home): JsonObject {
  return present({
    state: status.state,
    message: status.message && toMessage(status.message, home),
    timestamp: status.timestamp,
  });
}

function toArtifact(artifact: Artifact): JsonObject {
  return present({
    artifactId: artifact.artifactId,
    name: artifact.name,
    description: artifact.description,
    parts: artifact.parts.map(toPart),
    metadata: unlessEmpty(artifact.metadata),
    extensions: unlessEmpty(artifact.extensions),
  });
}

export function toTask(task: Task): JsonObject {
  const home: Home = { contextId: task.contextId, taskId: task.id };
  return present({
    id: task.id,
    contextId: task.contextId,
    status: toStatus(task.status, home),
    artifacts: unlessEmpty(task.artifacts.map(toArtifact)),
    history: unlessEmpty(task.history.map((shown) => toMessage(shown, home))),
    metadata: unlessEmpty(task.metadata),
  });
}

/** A list tells of artifacts only when asked to, and then also that there are none. A2A 1.0 §3.1.4. */
export function toListedTask(task: Task, includeArtifacts: boolean): JsonObject {
  const { artifacts = [], ...rest } = toTask(task);
  return includeArtifacts ? { ...rest, artifacts } : rest;
}

function toStatusUpdate({ taskId, contextId, status, metadata }: TaskStatusUpdate): JsonObject {
  return present({
    taskId,
    contextId,
    status: toStatus(status, { contextId, taskId }),
    metadata: unlessEmpty(metadata),
  });
}

function toArtifactUpdate(update: TaskArtifactUpdate): JsonObject {
  return present({
    taskId: update.taskId,
    contextId: update.contextId,
    artifact: toArtifact(update.artifact),
    append: update.append === true ? true : undefined,
    lastChunk: update.lastChunk === true ? true : undefined,
    metadata: unlessEmpty(update.metadata),
  });
}

/** a2a.proto `StreamResponse`: exactly one member. Which event is the last one is told by closing the stream. */
export function toStreamResponse(event: StreamEvent): JsonObject {
  switch (event.kind) {
    case 'task':
      return { task: toTask(event.view.task) };
    case 'message':
      return { message: toMessage(event.message) };
    case 'statusUpdate':
      return { statusUpdate: toStatusUpdate(event.update) };
    case 'artifactUpdate':
      return { artifactUpdate: toArtifactUpdate(event.update) };
  }
}
