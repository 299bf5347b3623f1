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
import { unlessEmpty } from './present.ts';

/** The task that a message belongs to. */
interface Home {
  contextId: string;
  taskId: string;
}

// A literal of what is always there and an assignment for each of the others: every answer goes through here, and
// spreads or lists of entries cost several times as much.

/** The model's parts have this shape already, but for metadata that says nothing. */
function toPart(part: Part): JsonObject {
  // Nearly every one is a text and nothing else; written out, all of those have one shape.
  if (
    'text' in part &&
    part.filename === undefined &&
    part.mediaType === undefined &&
    part.metadata === undefined
  )
    return { text: part.text };
  const shown: JsonObject = { ...part };
  if (part.metadata !== undefined && unlessEmpty(part.metadata) === undefined) delete shown['metadata'];
  return shown;
}

export function toMessage(message: Message, home?: Home): JsonObject {
  const shown: JsonObject = {
    messageId: message.messageId,
    role: message.role,
    parts: message.parts.map(toPart),
  };
  const contextId = message.contextId ?? home?.contextId;
  if (contextId !== undefined) shown['contextId'] = contextId;
  const taskId = message.taskId ?? home?.taskId;
  if (taskId !== undefined) shown['taskId'] = taskId;
  addExtras(shown, message);
  const referenceTaskIds = unlessEmpty(message.referenceTaskIds);
  if (referenceTaskIds !== undefined) shown['referenceTaskIds'] = referenceTaskIds;
  return shown;
}

/** What messages and artifacts may have in common. */
function addExtras(
  shown: JsonObject,
  { metadata, extensions }: Pick<Message, 'metadata' | 'extensions'>,
): void {
  const saying = unlessEmpty(metadata);
  if (saying !== undefined) shown['metadata'] = saying;
  const named = unlessEmpty(extensions);
  if (named !== undefined) shown['extensions'] = named;
}

function toStatus({ state, message, timestamp }: TaskStatus, home: Home): JsonObject {
  if (message === undefined) return { state, timestamp };
  return { state, message: toMessage(message, home), timestamp };
}

function toArtifact(artifact: Artifact): JsonObject {
  const shown: JsonObject = { artifactId: artifact.artifactId, parts: artifact.parts.map(toPart) };
  if (artifact.name !== undefined) shown['name'] = artifact.name;
  if (artifact.description !== undefined) shown['description'] = artifact.description;
  addExtras(shown, artifact);
  return shown;
}

export function toTask(task: Task): JsonObject {
  const home: Home = { contextId: task.contextId, taskId: task.id };
  const shown: JsonObject = {
    id: task.id,
    contextId: task.contextId,
    status: toStatus(task.status, home),
  };
  if (task.artifacts.length > 0) shown['artifacts'] = task.artifacts.map(toArtifact);
  if (task.history.length > 0) shown['history'] = task.history.map((message) => toMessage(message, home));
  const metadata = unlessEmpty(task.metadata);
  if (metadata !== undefined) shown['metadata'] = metadata;
  return shown;
}

/** A list tells of artifacts only when asked to, and then also that there are none. A2A 1.0 §3.1.4. */
export function toListedTask(task: Task, includeArtifacts: boolean): JsonObject {
  const { artifacts = [], ...rest } = toTask(task);
  return includeArtifacts ? { ...rest, artifacts } : rest;
}

function toStatusUpdate({ taskId, contextId, status, metadata }: TaskStatusUpdate): JsonObject {
  const shown: JsonObject = { taskId, contextId, status: toStatus(status, { contextId, taskId }) };
  const saying = unlessEmpty(metadata);
  if (saying !== undefined) shown['metadata'] = saying;
  return shown;
}

function toArtifactUpdate(update: TaskArtifactUpdate): JsonObject {
  const shown: JsonObject = {
    taskId: update.taskId,
    contextId: update.contextId,
    artifact: toArtifact(update.artifact),
  };
  if (update.append === true) shown['append'] = true;
  if (update.lastChunk === true) shown['lastChunk'] = true;
  const metadata = unlessEmpty(update.metadata);
  if (metadata !== undefined) shown['metadata'] = metadata;
  return shown;
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
