/**
 * The params that nearly every call has, read without a schema: a message of texts, the id of a task. A schema takes
 * 20 µs and 10 kB of garbage to find out that nothing is wrong with them, this takes 1 µs. It judges nothing: whatever
 * has a member it does not know, or anything odd about one that it knows, is left to the schema, which alone refuses.
 * A property test holds both to the same result.
 */
import type { GetTaskParams, Message, SendParams, TextPart } from '../model.ts';
import { findIdFault, MAX_COUNT, MAX_ID_BYTES, MAX_LIST, MAX_PARTS, MAX_TASK_ID_BYTES } from './fields.ts';
import { isWellFormed } from './json.ts';

/** How a dialect spells a plain send. */
export interface PlainSpelling {
  readonly role: string;
  /** Whether messages and text parts say what they are: `kind: 'message'`, `kind: 'text'`. */
  readonly kinds: boolean;
  /** Which member of the configuration asks for an answer at once, and by which value. */
  readonly atOnce: { readonly name: string; readonly value: boolean };
}

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string' && isWellFormed(value);
const isId = (value: unknown, maxBytes: number): value is string =>
  isText(value) && findIdFault(value, maxBytes) === undefined;
/** The schema also takes numbers in strings, and makes 0 of -0. */
const isCount = (value: unknown): value is number =>
  Number.isInteger(value) &&
  (value as number) >= 0 &&
  (value as number) <= MAX_COUNT &&
  !Object.is(value, -0);

/** @returns undefined when it is for the schema to say what this is */
export function readPlainSend(params: unknown, spelling: PlainSpelling): SendParams | undefined {
  if (!isObject(params)) return undefined;
  for (const name in params) if (name !== 'message' && name !== 'configuration') return undefined;
  const message = readMessage(params['message'], spelling);
  if (message === undefined) return undefined;
  const send: SendParams = { message, blocking: true };
  const { configuration } = params;
  return configuration === undefined || addConfiguration(send, configuration, spelling) ? send : undefined;
}

function readMessage(given: unknown, { role, kinds }: PlainSpelling): Message | undefined {
  if (!isObject(given) || given['role'] !== role) return undefined;
  if (kinds && given['kind'] !== 'message') return undefined;
  const { messageId, parts: givenParts, contextId, taskId } = given;
  if (!isId(messageId, MAX_ID_BYTES)) return undefined;
  const parts = readParts(givenParts, kinds ? 'kind' : undefined);
  if (parts === undefined) return undefined;
  const message: Message = { messageId, role: 'ROLE_USER', parts };
  for (const name in given) {
    switch (name) {
      case 'messageId':
      case 'role':
      case 'parts':
        break;
      case 'kind':
        if (!kinds) return undefined;
        break;
      case 'contextId':
        if (!isId(contextId, MAX_ID_BYTES)) return undefined;
        message.contextId = contextId;
        break;
      case 'taskId':
        if (!isId(taskId, MAX_TASK_ID_BYTES)) return undefined;
        message.taskId = taskId;
        break;
      default:
        return undefined;
    }
  }
  return message;
}

/** @param tag the member that says `text`, where there is one */
function readParts(given: unknown, tag: 'kind' | 'type' | undefined): TextPart[] | undefined {
  if (!Array.isArray(given) || given.length === 0 || given.length > MAX_PARTS) return undefined;
  const parts: TextPart[] = [];
  for (const part of given as unknown[]) {
    if (!isObject(part) || !isText(part['text'])) return undefined;
    if (tag !== undefined && part[tag] !== 'text') return undefined;
    for (const name in part) if (name !== 'text' && name !== tag) return undefined;
    parts.push({ text: part['text'] });
  }
  // what grew in place has room for 16 more, and stays in memory as long as the session
  return parts.slice();
}

/** @returns false when it is for the schema to say what this is */
function addConfiguration(send: SendParams, given: unknown, { atOnce }: PlainSpelling): boolean {
  if (!isObject(given)) return false;
  for (const name in given) {
    const value = given[name];
    if (name === atOnce.name) {
      if (typeof value !== 'boolean') return false;
      send.blocking = value !== atOnce.value;
    } else if (name === 'historyLength') {
      if (!isCount(value)) return false;
      send.historyLength = value;
    } else if (name === 'acceptedOutputModes') {
      if (!Array.isArray(value) || value.length > MAX_LIST || !value.every(isText)) return false;
      if (value.length > 0) send.acceptedOutputModes = value;
    } else return false;
  }
  return true;
}

/**
 * `tasks/send` of 0.1, whose messages have no ids: who stores one makes it.
 *
 * @returns undefined when it is for the schema to say what this is
 */
export function readPlainTaskSend(params: unknown): SendParams | undefined {
  if (!isObject(params)) return undefined;
  const { id, sessionId, message: given, historyLength = 0 } = params;
  for (const name in params) {
    if (name !== 'id' && name !== 'sessionId' && name !== 'message' && name !== 'historyLength')
      return undefined;
  }
  if (!isId(id, MAX_ID_BYTES) || !isCount(historyLength)) return undefined;
  if (!isObject(given) || given['role'] !== 'user') return undefined;
  for (const name in given) if (name !== 'role' && name !== 'parts') return undefined;
  const parts = readParts(given['parts'], 'type');
  if (parts === undefined) return undefined;
  const message: Message = { messageId: '', role: 'ROLE_USER', parts };
  if (sessionId !== undefined) {
    if (!isId(sessionId, MAX_ID_BYTES)) return undefined;
    message.contextId = sessionId;
  }
  return { message, clientTaskId: id, blocking: true, historyLength };
}

/** @returns undefined when it is for the schema to say what this is */
export function readPlainGet(params: unknown): GetTaskParams | undefined {
  if (!isObject(params)) return undefined;
  const { id, historyLength } = params;
  for (const name in params) if (name !== 'id' && name !== 'historyLength') return undefined;
  if (!isId(id, MAX_TASK_ID_BYTES)) return undefined;
  if (historyLength === undefined) return { id };
  return isCount(historyLength) ? { id, historyLength } : undefined;
}
