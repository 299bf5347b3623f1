/**
 * The facts of a session as they are stored: JSON, one per record, readable with HGETALL. A task is named by the local
 * part of its id, because the session is where the record lies.
 */
import type { Artifact, Dialect, Message, PushConfig } from '../../protocol/model.ts';
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
/** A client registered a webhook for the task, or replaced the one of this id. Its payloads are in this dialect for good. */
export type PushRecord = OfTask & {
  t: 'push';
  id: string;
  config: Omit<PushConfig, 'id'>;
  /** Absent means v1. */
  dialect?: Dialect;
};
/** A client removed a webhook. */
export type UnpushRecord = OfTask & { t: 'unpush'; id: string };
/** What became of an attempt to deliver to a webhook. */
export type ReceiptRecord = OfTask & {
  t: 'receipt';
  id: string;
  /** Every event up to this record number was delivered. */
  upTo?: number;
  /** Failed attempts in a row at the event that is due. */
  tries?: number;
  /** Not before this moment is it tried again. */
  next?: EpochMs;
  /** Given up: nothing more is sent until the webhook is registered anew. */
  parked?: true;
  /** Why it failed, in words for the operator; nothing of what the receiver said. */
  why?: string;
};
/** Records of an ended task between these numbers were superseded by whole artifacts and may be missing. */
export type CompactedRecord = OfTask & { t: 'compacted'; from: number; to: number };
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
  | PushRecord
  | UnpushRecord
  | ReceiptRecord
  | CompactedRecord
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
  /** Its identity stands in it: what is in front of it is not needed to know it. Absent on drafts. */
  readonly says?: boolean;
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

const countsOn = ({ instance, seq }: Identity, follows: Identity | undefined): boolean =>
  follows?.instance === instance && follows.seq === seq - 1;

/** Whether a record is more of the artifact that the one in front of it is a chunk of. */
const isNextChunk = (body: RecordBody, before: ArtifactRecord): boolean =>
  body.t === 'artifact' &&
  body.whole !== true &&
  body.task === before.task &&
  body.artifact.artifactId === before.artifact.artifactId;

/**
 * Whether a record says its identity `o`: the first of a commit, where it does not simply count on, and behind the chunks
 * of an artifact, which may be deleted one day: then nothing that stays may lean on them.
 *
 * @param before the record in front of it in the same commit; undefined for the first
 */
export function saysIdentity(record: DecidedRecord, before: DecidedRecord | undefined): boolean {
  if (before === undefined || !countsOn(record.identity, before.identity)) return true;
  return before.body.t === 'artifact' && !isNextChunk(record.body, before.body);
}

/**
 * The first record of a commit also says whom it follows (`p`), unless that is this instance's previous record.
 *
 * @param head identity of the record at the expected head
 * @param before the record in front of it in the same commit; undefined for the first
 */
export function toStoredJson(
  record: DecidedRecord,
  head: Identity | undefined,
  before: DecidedRecord | undefined,
): string {
  if (!saysIdentity(record, before)) return record.json;
  let text = `${record.json.slice(0, -1)},"o":"${formatIdentity(record.identity)}"`;
  if (before === undefined && head !== undefined && !countsOn(record.identity, head))
    text += `,"p":"${formatIdentity(head)}"`;
  return `${text}}`;
}

type FieldKind = 'string' | 'number' | 'object' | 'any';

const FIELDS: Readonly<Record<RecordBody['t'], readonly (readonly [string, FieldKind])[]>> = {
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
  push: [
    ['task', 'string'],
    ['id', 'string'],
    ['config', 'object'],
  ],
  unpush: [
    ['task', 'string'],
    ['id', 'string'],
  ],
  receipt: [
    ['task', 'string'],
    ['id', 'string'],
  ],
  compacted: [
    ['task', 'string'],
    ['from', 'number'],
    ['to', 'number'],
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
    type === 'any' ? name in value : type === 'object' ? isObject(value[name]) : typeof value[name] === type,
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
  const says = value['o'] !== undefined;
  if (!knows(value))
    return { n, identity, body: undefined, skippable: value['skippable'] === true, bytes, says };
  if (!isBody(value)) return undefined;
  delete value['o'];
  delete value['p'];
  return { n, identity, body: value as unknown as RecordBody, skippable: false, bytes, says };
}
