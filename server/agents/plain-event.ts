/**
 * The events that most agents publish: 1.0 JSON with text in it and nothing rare. They are read without a reader of
 * fields, which took three times as long. Whatever is not exactly so is for {@link readEvent}, which says what is wrong.
 */
import type { Artifact, Message, Part, Task, TaskStatus } from '../../protocol/model.ts';
import type { AgentEvent } from './agent-executor.ts';
import { roleOf, stateOf } from './event-values.ts';
import { isPlainId, isSet, type Members } from './field-reader.ts';

interface Ids {
  readonly taskId: string;
  readonly contextId: string;
}

/** @returns what `readEvent` would; undefined when it is not that plain */
export function readPlainEvent(given: unknown, ids: Ids): AgentEvent | undefined {
  if (!isPlainObject(given)) return undefined;
  const { kind, data } = given;
  if (!isPlainObject(data)) return undefined;
  const home = data[kind === 'task' ? 'id' : 'taskId'];
  if (home !== undefined && home !== ids.taskId) return undefined;
  if (data['contextId'] !== undefined && data['contextId'] !== ids.contextId) return undefined;
  // JSON of any kind is for the one that copies it.
  if (isSet(data['metadata'])) return undefined;
  switch (kind) {
    case 'statusUpdate':
      return toStatusUpdate(data, ids);
    case 'artifactUpdate':
      return toArtifactUpdate(data, ids);
    case 'task':
      return toTask(data, ids);
    case 'message': {
      const message = toMessage(data);
      return message && { kind, data: { ...message, ...ids } };
    }
    default:
      return undefined;
  }
}

/** An object that JSON takes for what it is. */
const isPlainObject = (value: unknown): value is Members =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  typeof (value as Members)['toJSON'] !== 'function';

/** Text that may be left out. */
const isText = (value: unknown): value is string | null | undefined =>
  typeof value === 'string' || !isSet(value);
const isFlag = (value: unknown): value is boolean | null | undefined =>
  typeof value === 'boolean' || !isSet(value);
const isEmpty = (value: unknown): boolean => !isSet(value) || (Array.isArray(value) && value.length === 0);

function toStatusUpdate(data: Members, { taskId, contextId }: Ids): AgentEvent | undefined {
  const status = toStatus(data['status']);
  return status && { kind: 'statusUpdate', data: { taskId, contextId, status } };
}

function toArtifactUpdate(data: Members, { taskId, contextId }: Ids): AgentEvent | undefined {
  const { append, lastChunk } = data;
  if (!isFlag(append) || !isFlag(lastChunk)) return undefined;
  const artifact = toArtifact(data['artifact'], append === true ? 0 : 1);
  if (artifact === undefined) return undefined;
  const event: AgentEvent = { kind: 'artifactUpdate', data: { taskId, contextId, artifact } };
  if (append === true) event.data.append = true;
  if (lastChunk === true) event.data.lastChunk = true;
  return event;
}

function toTask(data: Members, { taskId: id, contextId }: Ids): AgentEvent | undefined {
  const { artifacts, history } = data;
  if (!isEmpty(artifacts) || !isOthers(history)) return undefined;
  const status = toStatus(data['status']);
  if (status === undefined) return undefined;
  const task: Task = { id, contextId, status, artifacts: [], history: [] };
  return { kind: 'task', data: task };
}

/** Whether nothing in a history was said by the agent: the rest of it is the journal's own. */
function isOthers(history: unknown): boolean {
  if (!isSet(history)) return true;
  if (!Array.isArray(history)) return false;
  const list: readonly unknown[] = history;
  return list.every((said) => isPlainObject(said) && roleOf(said['role']) !== 'ROLE_AGENT');
}

function toStatus(given: unknown): TaskStatus | undefined {
  if (!isPlainObject(given)) return undefined;
  const { state: givenState, timestamp, message: said } = given;
  const state = stateOf(givenState);
  if (state === undefined) return undefined;
  const status: TaskStatus = { state, timestamp: typeof timestamp === 'string' ? timestamp : '' };
  if (!isSet(said)) return status;
  const message = isPlainObject(said) ? toMessage(said) : undefined;
  if (message === undefined) return undefined;
  status.message = message;
  return status;
}

function toMessage(given: Members): Message | undefined {
  const { messageId, role } = given;
  if (typeof messageId !== 'string' || !isPlainId(messageId) || roleOf(role) !== 'ROLE_AGENT')
    return undefined;
  if (!isEmpty(given['referenceTaskIds']) || !isEmpty(given['extensions']) || isSet(given['metadata']))
    return undefined;
  const parts = toParts(given['parts'], 1);
  return parts && { messageId, role: 'ROLE_AGENT', parts };
}

function toArtifact(given: unknown, minParts: number): Artifact | undefined {
  if (!isPlainObject(given)) return undefined;
  const { artifactId, name, description } = given;
  if (typeof artifactId !== 'string' || !isPlainId(artifactId)) return undefined;
  if (!isText(name) || !isText(description)) return undefined;
  if (!isEmpty(given['extensions']) || isSet(given['metadata'])) return undefined;
  const parts = toParts(given['parts'], minParts);
  if (parts === undefined) return undefined;
  const artifact: Artifact = { artifactId, parts };
  if (isSaid(name)) artifact.name = name;
  if (isSaid(description)) artifact.description = description;
  return artifact;
}

function toParts(given: unknown, min: number): Part[] | undefined {
  if (!Array.isArray(given) || given.length < min) return undefined;
  const list: readonly unknown[] = given;
  const parts: Part[] = [];
  for (let i = 0; i < list.length; i += 1) {
    const part = toPart(list[i]);
    if (part === undefined) return undefined;
    // They are kept for as long as their session: without the room to grow that pushing leaves.
    if (list.length === 1) return [part];
    parts.push(part);
  }
  return parts.slice();
}

function toPart(given: unknown): Part | undefined {
  if (!isPlainObject(given)) return undefined;
  const { text, filename, mediaType } = given;
  if (typeof text !== 'string' || !isText(filename) || !isText(mediaType)) return undefined;
  // `data: null` is a value.
  if (isSet(given['raw']) || isSet(given['url']) || given['data'] !== undefined || isSet(given['metadata']))
    return undefined;
  const part: Part = { text };
  if (isSaid(filename)) part.filename = filename;
  if (isSaid(mediaType)) part.mediaType = mediaType;
  return part;
}

/** An empty text says what one that is left out says. */
const isSaid = (text: string | null | undefined): text is string => typeof text === 'string' && text !== '';
