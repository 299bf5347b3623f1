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

/** Valid only inside the transaction it was handed out for. */
export interface Tables {
  /** @throws {SessionDamagedError} when there is one that cannot be read */
  entry(at: Address): Entry | undefined;
  putEntry(at: Address, entry: Entry): void;
  record(at: Address, n: number): string | undefined;
  putRecord(at: Address, n: number, json: string): void;
  /** @param local encoded local part of the task id */
  putTask(at: Address, local: string, task: StoredTask): void;
  dropTask(at: Address, local: string): void;
  /** @returns the encoded task id */
  alias(tenant: string, field: string): string | undefined;
  putAlias(at: Address, field: string, taskId: string): void;
  /** The entry, records, tasks, and those aliases that still name a task of this session. */
  purge(at: Address): void;
  /** Sessions and tombstones whose time has passed, oldest first. */
  expired(tenant: string, now: EpochMs, limit: number): Address[];
  beatOf(instance: string): EpochMs | undefined;
  /** @param at undefined takes the instance out */
  putBeat(instance: string, at: EpochMs | undefined): void;
}
