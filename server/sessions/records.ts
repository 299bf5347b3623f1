/**
 * The facts of a session as they are stored: JSON, one per record, readable with HGETALL. A task is named by the local
 * part of its id, because the session is where the record lies.
 */
import type { Artifact, Dialect, Message, PushConfig } from '../../protocol/model.ts';
import type { TaskState } from '../../protocol/task-state.ts';
import type { Bytes, EpochMs, JsonObject, JsonValue } from '../../protocol/units.ts';
import { fromCreated, fromStatus, fromTask } from './plain-json.ts';
import { toChunkJson } from './stored-chunk.ts';

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
export type CreatedRecord = Stamp & {
  t: 'created';
  /** Who began it, where sessions are a tenant's and callers have credentials. */
  subject?: string;
};
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
  /** Of a canceled task: its executor has stopped, or was not waited for any longer. */
  cancel?: 'stopped' | 'forced';
};
/** A client asked for the task to be canceled; with `by` its runner has heard of it and told the executor. */
export type CancelRecord = OfTask & { t: 'cancel'; by?: RunKey };
/** The runner stops and leaves the task to whoever takes it next with a `run` record: from here on nobody runs it. */
export type HandoverRecord = OfTask & { t: 'handover'; by: RunKey };
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
  | CancelRecord
  | HandoverRecord
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
  /** The body's JSON, of a plain chunk its short form; where the identity has to be said it is added by `toStoredJson`. */
  readonly json: string;
  readonly bytes: Bytes;
}

function toShortJson(body: RecordBody, instance: string): string | undefined {
  switch (body.t) {
    case 'created':
      return fromCreated(body);
    case 'task':
      return fromTask(body);
    case 'status':
      return fromStatus(body);
    case 'artifact':
      return toChunkJson(instance, body);
    default:
      return undefined;
  }
}

export function toDecided(identity: Identity, body: RecordBody): DecidedRecord {
  const json = toShortJson(body, identity.instance) ?? JSON.stringify(body);
  return { identity, body, json, bytes: Buffer.byteLength(json) };
}
