/** What an embedded store (memory, LMDB) keeps, and the primitive operations that its rules are written in. */
import type { TaskState } from '../../../protocol/task-state.ts';
import type { Bytes, EpochMs } from '../../../protocol/units.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';

/** A session by its encoded ids: no two sessions share an address, and every part is short of surprises. */
export interface Address {
  readonly tenant: string;
  readonly session: string;
}

export function addressOf(ref: SessionRef): Address {
  return { tenant: encodeId(ref.tenant), session: encodeId(ref.sessionId) };
}

/** The head of a live session. Short names: one of these is written with every commit. */
export interface LiveEntry {
  /** Epoch. */
  readonly e: string;
  /** Number of the last record. */
  readonly v: number;
  /** Identity of the record at the head. */
  readonly w: string;
  /** Bytes of all records. */
  readonly b: Bytes;
  /** Expires at. */
  readonly x: EpochMs;
  /** Last seq stored, per instance. */
  readonly o: Readonly<Record<string, number>>;
  /** Answered user messages. */
  readonly m?: readonly number[];
  /** Derived session: who serves the message now. */
  readonly n?: string;
  /** Derived session: answered. */
  readonly a?: boolean;
  /** Epochs that were deleted under this id before it. */
  readonly g?: readonly string[];
}

/** What a removed session leaves behind. */
export interface DeadEntry {
  readonly e: string;
  /** Deleted at. */
  readonly d: EpochMs;
  readonly x: EpochMs;
  readonly g?: readonly string[];
}

export type Entry = LiveEntry | DeadEntry;

export interface StoredTask {
  readonly state: TaskState;
  readonly statusAt: EpochMs;
  readonly summary: string;
}

/** A task with its encoded id. */
export interface IndexedTask {
  readonly member: string;
  readonly task: StoredTask;
}

/** A place in the order of lists: newest first, then by encoded task id, descending. */
export interface TaskPlace {
  readonly statusAt: EpochMs;
  readonly member: string;
}

/** When an instance was last seen. */
export interface Beat {
  readonly at: EpochMs;
  /** It has said goodbye. */
  readonly left?: boolean;
}

/** Valid only inside the transaction it was handed out for. */
export interface Tables {
  /** @throws {SessionDamagedError} when there is one that cannot be read */
  entry(at: Address): Entry | undefined;
  putEntry(at: Address, entry: Entry): void;
  record(at: Address, n: number): string | undefined;
  putRecord(at: Address, n: number, json: string): void;
  dropRecord(at: Address, n: number): void;
  /** @param local encoded local part of the task id */
  putTask(at: Address, local: string, task: StoredTask): void;
  dropTask(at: Address, local: string): void;
  tasksOf(at: Address): IndexedTask[];
  countTasks(tenant: string, state: TaskState | undefined, since: EpochMs | undefined): number;
  /** The first of those behind a place in the order of lists; without a place from the beginning. */
  tasksBehind(
    tenant: string,
    state: TaskState | undefined,
    place: TaskPlace | undefined,
    limit: number,
  ): IndexedTask[];
  /** @returns the encoded task id */
  alias(tenant: string, field: string): string | undefined;
  putAlias(at: Address, field: string, taskId: string): void;
  /** The entry, records, tasks, outbox, and those aliases that still name a task of this session. */
  purge(at: Address): void;
  /** Sessions, tombstones among them, in the order of their encoded ids, behind one or from the first. */
  sessionsBehind(tenant: string, session: string | undefined, limit: number): Address[];
  /** Sessions and tombstones whose time has passed, oldest first. */
  expired(tenant: string, now: EpochMs, limit: number): Address[];
  /** Whether {@link expired} might find some. */
  hasExpired(tenant: string, now: EpochMs): boolean;
  /** When the webhooks of a session are due. */
  dueAt(at: Address): EpochMs | undefined;
  /** @param due undefined: nothing is due any more */
  putDue(at: Address, due: EpochMs | undefined): void;
  /** Sessions that are due, the longest overdue first. */
  allDue(tenant: string, now: EpochMs, limit: number): Address[];
  /** What holds for the whole store, by name. */
  setting(name: string): string | undefined;
  putSetting(name: string, value: string): void;
  /** Encoded tenants, and when they were noted. */
  tenants(): [string, EpochMs][];
  /** @param at undefined takes the tenant out */
  putTenant(tenant: string, at: EpochMs | undefined): void;
  /** Encoded instances. */
  beats(): [string, Beat][];
  /** @param beat undefined takes the instance out */
  putBeat(instance: string, beat: Beat | undefined): void;
  /** Encoded tenants that an encoded instance has noted. */
  running(instance: string): string[];
  putRunning(instance: string, tenant: string): void;
  dropRunning(instance: string): void;
}
