/**
 * The facts of a session as they are stored: JSON, one per record, readable with HGETALL. A task is named by the local
 * part of its id, because the session is where the record lies.
 */
import type { Artifact, Dialect, Message } from '../../protocol/model.ts';
import { TASK_STATES, type TaskState } from '../../protocol/task-state.ts';
import type { Bytes, EpochMs, JsonObject, JsonValue } from '../../protocol/units.ts';

/** A message without what its place says: `contextId` is the session, `taskId` the record's task. */
export type StoredMessage = Omit<Message, 'contextId' | 'taskId'>;

/** `<instance>.<attempt>`: whose run of the task wrote a record. */
export type RunKey = string;

interface Stamp {
  /** ms, never before the session's previous record; order is by number, never by this. */
  at: EpochMs;
}
interface OfTask extends Stamp {
  task: string;
}

/** The session began. Always the first record of an epoch. */
export type CreatedRecord = Stamp & { t: 'created' };
/** A message of the client. */
export type MessageRecord = OfTask & { t: 'message'; message: StoredMessage };
/** A task was made, submitted, and given to a runner. */
export type TaskRecord = OfTask & {
  t: 'task';
  by: RunKey;
  /** Dialect that made it; absent means v1. */
  dialect?: Dialect;
  /** A v0.1 client's own id for it, and the subject for whom the id counts. */
  alias?: string;
  subject?: string;
  metadata?: JsonObject;
};
/** A runner took the task; it is working from here on. `next`: for the next message; else again, the last runner is gone. */
export type RunRecord = OfTask & { t: 'run'; by: RunKey; next?: true };
/** A status. `by` is absent when somebody else than its runner settled the task. */
export type StatusRecord = OfTask & {
  t: 'status';
  by?: RunKey;
  state: TaskState;
  message?: StoredMessage;
  metadata?: JsonObject;
};
/** An artifact, or with `append` more parts of one. */
export type ArtifactRecord = OfTask & {
  t: 'artifact';
  by?: RunKey;
  artifact: Artifact;
  append?: true;
  last?: boolean;
  /** Replaces all parts, written when a task has ended: right for every reader wherever it stood. */
  whole?: true;
  metadata?: JsonObject;
};
/** The agent answered with a bare message: the task it was to be is withdrawn. */
export type ReplyRecord = OfTask & { t: 'reply'; by: RunKey; message: StoredMessage };
/** A note of the agent about the session. */
export type StateRecord = OfTask & { t: 'state'; by: RunKey; key: string; value: JsonValue };
/** Acknowledged while the store was away, and no longer applicable when it came back. */
export type RefusedRecord = Stamp & { t: 'refused'; why: string; record: RecordBody };

export type RecordBody =
  | CreatedRecord
  | MessageRecord
  | TaskRecord
  | RunRecord
  | StatusRecord
  | ArtifactRecord
  | ReplyRecord
  | StateRecord
  | RefusedRecord;

export interface Identity {
  readonly instance: string;
  readonly seq: number;
}

/** A record that stands in a journal. `body` is undefined for a type that this release does not know. */
export interface JournalRecord {
  readonly n: number;
  readonly identity: Identity;
  readonly body: RecordBody | undefined;
  /** An unknown type that may be passed over. */
  readonly skippable: boolean;
  readonly bytes: Bytes;
}

export const formatIdentity = (identity: Identity): string => `${identity.instance}.${identity.seq}`;

export function parseIdentity(text: string): Identity | undefined {
  const dot = text.lastIndexOf('.');
  const seq = Number(text.slice(dot + 1));
  return dot > 0 && Number.isSafeInteger(seq) && seq > 0 ? { instance: text.slice(0, dot), seq } : undefined;
}

/** A record that has been decided and waits to be stored. Its JSON is made once. */
export interface DecidedRecord {
  readonly identity: Identity;
  readonly body: RecordBody;
  /** The body's JSON; where the identity has to be said it is added by {@link toStoredJson}. */
  readonly json: string;
  readonly bytes: Bytes;
}

export function toDecided(identity: Identity, body: RecordBody): DecidedRecord {
  const json = JSON.stringify(body);
  return { identity, body, json, bytes: Buffer.byteLength(json) };
}

/**
 * The identity `o` is said by the first record of a commit and wherever it does not simply count on; the first also says
 * whom it follows (`p`), unless that is this instance's previous record.
 *
 * @param follows identity of the record at the expected head, or of the one before in the same commit
 */
export function toStoredJson(record: DecidedRecord, follows: Identity | undefined, first: boolean): string {
  const { instance, seq } = record.identity;
  const countsOn = follows !== undefined && follows.instance === instance && follows.seq === seq - 1;
  if (!first && countsOn) return record.json;
  let text = `${record.json.slice(0, -1)},"o":"${instance}.${seq}"`;
  if (first && follows !== undefined && !countsOn) text += `,"p":"${formatIdentity(follows)}"`;
  return `${text}}`;
}

const FIELDS: Readonly<Record<RecordBody['t'], readonly (readonly [string, 'string' | 'object' | 'any'])[]>> =
  {
    created: [],
    message: [
      ['task', 'string'],
      ['message', 'object'],
    ],
    task: [
      ['task', 'string'],
      ['by', 'string'],
    ],
    run: [
      ['task', 'string'],
      ['by', 'string'],
    ],
    status: [
      ['task', 'string'],
      ['state', 'string'],
    ],
    artifact: [
      ['task', 'string'],
      ['artifact', 'object'],
    ],
    reply: [
      ['task', 'string'],
      ['by', 'string'],
      ['message', 'object'],
    ],
    state: [
      ['task', 'string'],
      ['key', 'string'],
      ['value', 'any'],
    ],
    refused: [
      ['why', 'string'],
      ['record', 'object'],
    ],
  };

const STATES: ReadonlySet<unknown> = new Set(TASK_STATES);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isBody(value: Record<string, unknown>): boolean {
  const fields = FIELDS[value['t'] as RecordBody['t']];
  if (typeof value['at'] !== 'number') return false;
  if (value['t'] === 'status' && !STATES.has(value['state'])) return false;
  if (
    value['t'] === 'refused' &&
    !(isObject(value['record']) && knows(value['record']) && isBody(value['record']))
  )
    return false;
  if (isObject(value['message']) && !Array.isArray(value['message']['parts'])) return false;
  if (isObject(value['artifact']) && !Array.isArray(value['artifact']['parts'])) return false;
  return fields.every(([name, type]) =>
    type === 'any'
      ? name in value
      : type === 'object'
        ? isObject(value[name])
        : typeof value[name] === 'string',
  );
}

const knows = (value: Record<string, unknown>): boolean =>
  typeof value['t'] === 'string' && Object.hasOwn(FIELDS, value['t']) && (value['v'] ?? 1) === 1;

/**
 * @param before identity of the record in front of it
 * @returns undefined when the record is damaged: missing, not JSON, or not shaped as its type says
 */
export function fromStoredJson(
  n: number,
  json: string | null,
  before: Identity | undefined,
): JournalRecord | undefined {
  if (json === null) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isObject(value) || typeof value['t'] !== 'string') return undefined;
  const identity =
    typeof value['o'] === 'string'
      ? parseIdentity(value['o'])
      : before && { instance: before.instance, seq: before.seq + 1 };
  if (identity === undefined) return undefined;
  const bytes = Buffer.byteLength(json);
  if (!knows(value)) return { n, identity, body: undefined, skippable: value['skippable'] === true, bytes };
  if (!isBody(value)) return undefined;
  delete value['o'];
  delete value['p'];
  return { n, identity, body: value as unknown as RecordBody, skippable: false, bytes };
}
