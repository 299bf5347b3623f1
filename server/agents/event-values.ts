/**
 * The spellings in which executors write one value: 1.0 JSON (ours), the protobuf objects of `@a2a-js/sdk` 1.x, and the
 * 0.3 line of that SDK. They exclude each other, so a value is told by its shape alone.
 */
import type { Role } from '../../protocol/model.ts';
import type { TaskState } from '../../protocol/task-state.ts';

/** Numbers of a2a.proto; 0 is UNSPECIFIED in both, which nobody may publish. */
export const STATE_NUMBERS: Readonly<Record<TaskState, number>> = {
  TASK_STATE_SUBMITTED: 1,
  TASK_STATE_WORKING: 2,
  TASK_STATE_COMPLETED: 3,
  TASK_STATE_FAILED: 4,
  TASK_STATE_CANCELED: 5,
  TASK_STATE_INPUT_REQUIRED: 6,
  TASK_STATE_REJECTED: 7,
  TASK_STATE_AUTH_REQUIRED: 8,
};
export const ROLE_NUMBERS: Readonly<Record<Role, number>> = { ROLE_USER: 1, ROLE_AGENT: 2 };

/** A2A 0.3 §6.3. */
export const LEGACY_STATES: Readonly<Record<TaskState, string>> = {
  TASK_STATE_SUBMITTED: 'submitted',
  TASK_STATE_WORKING: 'working',
  TASK_STATE_COMPLETED: 'completed',
  TASK_STATE_FAILED: 'failed',
  TASK_STATE_CANCELED: 'canceled',
  TASK_STATE_INPUT_REQUIRED: 'input-required',
  TASK_STATE_REJECTED: 'rejected',
  TASK_STATE_AUTH_REQUIRED: 'auth-required',
};
export const LEGACY_ROLES: Readonly<Record<Role, string>> = { ROLE_USER: 'user', ROLE_AGENT: 'agent' };

const STATES: ReadonlyMap<unknown, TaskState> = bySpelling(STATE_NUMBERS, LEGACY_STATES);
const ROLES: ReadonlyMap<unknown, Role> = bySpelling(ROLE_NUMBERS, LEGACY_ROLES);

function bySpelling<T extends string>(
  numbers: Readonly<Record<T, number>>,
  legacy: Readonly<Record<T, string>>,
): ReadonlyMap<unknown, T> {
  const names = Object.keys(numbers) as T[];
  return new Map(names.flatMap((name) => [name, numbers[name], legacy[name]].map((spelt) => [spelt, name])));
}

export const stateOf = (value: unknown): TaskState | undefined => STATES.get(value);
export const roleOf = (value: unknown): Role | undefined => ROLES.get(value);

/** What a part says, in the names of 1.0 JSON. Nothing of it is checked. */
export type PartContent = Readonly<
  Partial<Record<'text' | 'raw' | 'url' | 'data' | 'filename' | 'mediaType', unknown>>
>;

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members => typeof value === 'object' && value !== null;
const OURS = ['text', 'raw', 'url', 'data'] as const;

export function contentOf(part: Members): PartContent {
  // Parts that were handed out can be read in every form: theirs is asked for only where ours says nothing.
  if (OURS.some((name) => part[name] !== undefined && part[name] !== null)) return part;
  return sdkPart(part) ?? legacyFilePart(part) ?? part;
}

/** A part of `@a2a-js/sdk` 1.x, whose content is a tagged union. */
function sdkPart({ content, filename, mediaType }: Members): PartContent | undefined {
  if (!isObject(content)) return undefined;
  const { $case: name, value } = content;
  switch (name) {
    case 'text':
    case 'raw':
    case 'url':
      return { [name]: value, filename, mediaType };
    case 'data':
      // Unset is how a protobuf object may say null.
      return { data: value ?? null, filename, mediaType };
    default:
      return undefined;
  }
}

/** A file of the 0.3 line; its other kinds of parts are spelt as ours. */
function legacyFilePart({ kind, file }: Members): PartContent | undefined {
  if (kind !== 'file' || !isObject(file)) return undefined;
  const { bytes, uri, name, mimeType } = file;
  return { raw: bytes, url: uri, filename: name, mediaType: mimeType };
}

/** What is published, by what it is called, in whichever line. */
const KINDS: ReadonlyMap<unknown, 'task' | 'message' | 'statusUpdate' | 'artifactUpdate'> = new Map([
  ['task', 'task'],
  ['message', 'message'],
  ['statusUpdate', 'statusUpdate'],
  ['artifactUpdate', 'artifactUpdate'],
]);
const LEGACY_KINDS: typeof KINDS = new Map([
  ['task', 'task'],
  ['message', 'message'],
  ['status-update', 'statusUpdate'],
  ['artifact-update', 'artifactUpdate'],
]);

/**
 * What an event is and where its content lies: in `data`, or, on the 0.3 line, in the event itself.
 *
 * @returns undefined when it is no event
 */
export function openEvent(
  event: Members,
): { kind: 'task' | 'message' | 'statusUpdate' | 'artifactUpdate'; data: unknown } | undefined {
  const { kind, data } = event;
  const wrapped = data === undefined ? undefined : KINDS.get(kind);
  if (wrapped !== undefined) return { kind: wrapped, data };
  const raw = LEGACY_KINDS.get(kind);
  return raw && { kind: raw, data: event };
}
