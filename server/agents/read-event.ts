import type { Artifact, Message, Part, TaskStatus } from '../../protocol/model.ts';
import type { TaskState } from '../../protocol/task-state.ts';
import type { AgentEvent } from './agent-executor.ts';
import { contentOf, openEvent, roleOf, stateOf } from './event-values.ts';
import { FieldReader, isSet, type Members, membersOf } from './field-reader.ts';
import { readPlainEvent } from './plain-event.ts';

/** An agent published something that is no event of A2A. `message` says what is wrong with it, and nothing of its content. */
export class InvalidAgentEventError extends Error {
  override readonly name = 'InvalidAgentEventError';
}

interface Ids {
  readonly taskId: string;
  readonly contextId: string;
}

/**
 * What an agent published, as the event that it is to be, whichever of the three forms it has. The result shares nothing
 * with what was given and is what comes back from the store: JSON. Agents may be plain JavaScript, so nothing is taken on
 * trust: a status that no reader knows would damage the session for good.
 *
 * The `history` of a task has what the agent itself says in it; the rest is the journal's own. The `timestamp` of a status
 * is as it was given, for telling an echo from news: when it is recorded is for the server to say.
 *
 * @throws {InvalidAgentEventError}
 */
export function readEvent(given: unknown, ids: Ids): AgentEvent {
  let plain: AgentEvent | undefined;
  try {
    plain = readPlainEvent(given, ids);
  } catch {
    // A member that throws when it is looked at: to be told as any fault.
  }
  return plain ?? readAnyEvent(given, ids);
}

/** Whatever is published. @throws {InvalidAgentEventError} */
export function readAnyEvent(given: unknown, ids: Ids): AgentEvent {
  const fields = new FieldReader();
  let kind = '';
  let event: AgentEvent | undefined;
  try {
    const opened = openEvent(membersOf(given) ?? {});
    if (opened !== undefined) {
      ({ kind } = opened);
      const data = fields.object('', opened.data);
      event = data && READERS[opened.kind](fields, data, ids);
    }
  } catch (error) {
    if (error instanceof InvalidAgentEventError) throw error;
    // A member that throws when it is looked at, a circle, a BigInt, or nested beyond the stack.
    throw new InvalidAgentEventError('it cannot be written as JSON');
  }
  if (kind === '') throw new InvalidAgentEventError('it is no event of a known kind');
  if (event === undefined || fields.faults.length > 0)
    throw new InvalidAgentEventError(`${kind}: ${fields.faults.join('; ')}`);
  return event;
}

type Read = (fields: FieldReader, data: Members, ids: Ids) => AgentEvent | undefined;

const READERS: Readonly<Record<AgentEvent['kind'], Read>> = {
  message(fields, data, ids) {
    checkHome(fields, data, 'taskId', ids);
    const message = readMessage(fields, '', data);
    return message && { kind: 'message', data: { ...message, ...ids } };
  },

  statusUpdate(fields, data, ids) {
    checkHome(fields, data, 'taskId', ids);
    const status = readStatus(fields, data['status']);
    const metadata = fields.jsonObject('metadata', data['metadata']);
    return status && { kind: 'statusUpdate', data: { ...ids, status, ...(metadata && { metadata }) } };
  },

  artifactUpdate(fields, data, ids) {
    checkHome(fields, data, 'taskId', ids);
    const append = fields.flag('append', data['append']);
    const lastChunk = fields.flag('lastChunk', data['lastChunk']);
    // A chunk that only says that it was the last has no parts.
    const artifact = readArtifact(fields, 'artifact', data['artifact'], append ? 0 : 1);
    const metadata = fields.jsonObject('metadata', data['metadata']);
    const chunk = {
      ...(append && { append }),
      ...(lastChunk && { lastChunk }),
      ...(metadata && { metadata }),
    };
    return artifact && { kind: 'artifactUpdate', data: { ...ids, artifact, ...chunk } };
  },

  task(fields, data, ids) {
    checkHome(fields, data, 'id', ids);
    const { taskId: id, contextId } = ids;
    const status = readStatus(fields, data['status']);
    const artifacts = fields.list('artifacts', data['artifacts'], Infinity, (path, one) =>
      readArtifact(fields, path, one, 1),
    );
    const history = fields.list('history', data['history'], Infinity, (path, one) => {
      const said = fields.object(path, one);
      return said && roleOf(said['role']) === 'ROLE_AGENT'
        ? readMessage(fields, `${path}.`, said)
        : undefined;
    });
    const metadata = fields.jsonObject('metadata', data['metadata']);
    const task = { id, contextId, artifacts, history, ...(metadata && { metadata }) };
    return status && { kind: 'task', data: { ...task, status } };
  },
};

function readStatus(fields: FieldReader, given: unknown): TaskStatus | undefined {
  const status = fields.object('status', given);
  if (status === undefined) return undefined;
  const { state: givenState, message: givenMessage, timestamp } = status;
  const state =
    stateOf(givenState) ?? fields.wrong<TaskState>('status.state', givenState, 'a state of a task');
  const said = isSet(givenMessage) ? fields.object('status.message', givenMessage) : undefined;
  const message = said && readMessage(fields, 'status.message.', said);
  const at = typeof timestamp === 'string' ? timestamp : '';
  return state && { state, timestamp: at, ...(message && { message }) };
}

/** @param at path of the message, with its dot */
function readMessage(fields: FieldReader, at: string, message: Members): Message | undefined {
  const messageId = fields.id(`${at}messageId`, message['messageId']);
  // Its messages are told from the client's by this alone.
  if (roleOf(message['role']) !== 'ROLE_AGENT') fields.fault(`${at}role`, 'must be ROLE_AGENT');
  const parts = readParts(fields, `${at}parts`, message['parts'], 1);
  const referenceTaskIds = fields.strings(`${at}referenceTaskIds`, message['referenceTaskIds']);
  const extensions = fields.strings(`${at}extensions`, message['extensions']);
  const metadata = fields.jsonObject(`${at}metadata`, message['metadata']);
  if (messageId === undefined || parts === undefined) return undefined;
  const read: Message = { messageId, role: 'ROLE_AGENT', parts };
  if (referenceTaskIds !== undefined) read.referenceTaskIds = referenceTaskIds;
  if (extensions !== undefined) read.extensions = extensions;
  if (metadata !== undefined) read.metadata = metadata;
  return read;
}

function readArtifact(
  fields: FieldReader,
  path: string,
  given: unknown,
  minParts: number,
): Artifact | undefined {
  const artifact = fields.object(path, given);
  if (artifact === undefined) return undefined;
  const artifactId = fields.id(`${path}.artifactId`, artifact['artifactId']);
  const name = fields.text(`${path}.name`, artifact['name']);
  const description = fields.text(`${path}.description`, artifact['description']);
  const parts = readParts(fields, `${path}.parts`, artifact['parts'], minParts);
  const extensions = fields.strings(`${path}.extensions`, artifact['extensions']);
  const metadata = fields.jsonObject(`${path}.metadata`, artifact['metadata']);
  if (artifactId === undefined || parts === undefined) return undefined;
  const read: Artifact = { artifactId, parts };
  if (name !== undefined) read.name = name;
  if (description !== undefined) read.description = description;
  if (extensions !== undefined) read.extensions = extensions;
  if (metadata !== undefined) read.metadata = metadata;
  return read;
}

function readParts(fields: FieldReader, path: string, given: unknown, min: number): Part[] | undefined {
  if (!Array.isArray(given)) return fields.wrong(path, given, 'a list');
  if (given.length < min) return fields.fault(path, 'must not be empty');
  return fields.each(path, given, (at, one) => readPart(fields, at, one));
}

function readPart(fields: FieldReader, path: string, given: unknown): Part | undefined {
  const part = fields.object(path, given);
  if (part === undefined) return undefined;
  const { text, raw, url, data, filename, mediaType } = contentOf(part);
  const json = data === undefined ? undefined : fields.json(`${path}.data`, data);
  const contents = [text, raw, url].filter(isSet).length + (json === undefined ? 0 : 1);
  const named = {
    filename: fields.text(`${path}.filename`, filename),
    mediaType: fields.text(`${path}.mediaType`, mediaType),
    metadata: fields.jsonObject(`${path}.metadata`, part['metadata']),
  };
  if (contents !== 1) return fields.fault(path, 'must have one of text, raw, url, data');
  let read: Part | undefined;
  if (isSet(text)) read = readText(fields, `${path}.text`, text);
  else if (isSet(raw)) read = readRaw(fields, `${path}.raw`, raw);
  else if (isSet(url)) read = readUrl(fields, `${path}.url`, url);
  else if (json !== undefined) read = { data: json };
  if (read === undefined) return undefined;
  if (named.filename !== undefined) read.filename = named.filename;
  if (named.mediaType !== undefined) read.mediaType = named.mediaType;
  if (named.metadata !== undefined) read.metadata = named.metadata;
  return read;
}

/** Half a surrogate pair is text here: an answer that is streamed may be cut anywhere, and JSON carries it. */
const readText = (fields: FieldReader, path: string, text: unknown): Part | undefined =>
  typeof text === 'string' ? { text } : fields.fault(path, 'must be a string');

function readRaw(fields: FieldReader, path: string, given: unknown): Part | undefined {
  const raw = fields.base64(path, given);
  return raw === undefined ? undefined : { raw };
}

function readUrl(fields: FieldReader, path: string, url: unknown): Part | undefined {
  if (typeof url !== 'string') return fields.fault(path, 'must be a string');
  return url === '' ? fields.fault(path, 'must not be empty') : { url };
}

/** An event of another task, published here by mistake, must not become part of this one. */
function checkHome(fields: FieldReader, data: Members, taskField: string, ids: Ids): void {
  const task = fields.text(taskField, data[taskField]);
  const context = fields.text('contextId', data['contextId']);
  if (task !== undefined && task !== ids.taskId)
    throw new InvalidAgentEventError(`${taskField} names another task`);
  if (context !== undefined && context !== ids.contextId)
    throw new InvalidAgentEventError('contextId names another task');
}
