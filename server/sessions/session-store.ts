/**
 * Journals outside this process: what survives a restart and is shared by instances. The sessions own this interface,
 * `server/stores` implements it; one contract suite (tests/contract) holds all implementations to it.
 *
 * Every method throws {@link StoreUnavailableError} when the store did not answer within its command timeout; it never
 * hangs and never invents a miss.
 */
import type { TaskState } from '../../protocol/task-state.ts';
import type { Bytes, DurationMs, EpochMs } from '../../protocol/units.ts';
import type { ErasureStore } from './erasure-store.ts';
import type { InstanceStore } from './instance-store.ts';
import type { RewriteStore } from './rewrite-store.ts';
import type { SessionLister } from './session-list.ts';
import type { SessionRef } from './session-ref.ts';
import type { TaskList, TaskQuery } from './task-list.ts';
import type { TenantCounts, TenantLimits } from './tenant-counts.ts';

export type { InstanceSeen, RunningTask, RunningTasks, StoreWarning, Unwatch } from './instance-store.ts';
export type { ListedTask, ListPosition, TaskList, TaskQuery } from './task-list.ts';

/** The store did not answer, or cannot take writes now. Whether a commit happened is then unknown. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  /** Whether this failure says something about the health of the store. A breaker that rejects says nothing new. */
  readonly counts: boolean;
  /** The store itself says that it cannot take writes now: asking again at once is of no use. */
  readonly decisive: boolean;

  constructor(message: string, options: { cause?: unknown; counts?: boolean; decisive?: boolean } = {}) {
    super(message, { cause: options.cause });
    this.counts = options.counts ?? true;
    this.decisive = options.decisive ?? false;
  }
}

/** The session is there but its head cannot be read, or its key has another type. Nothing is ever written to it. */
export class SessionDamagedError extends Error {
  override readonly name = 'SessionDamagedError';
  readonly key: string;
  readonly field: string;

  constructor(key: string, field: string, options: { cause?: unknown } = {}) {
    super(`session is damaged: ${key} ${field}`, options);
    this.key = key;
    this.field = field;
  }
}

/** Where a reader stands in a journal. */
export interface Cursor {
  /** 96 random bits per creation of the session, base64url; `''` before the first. */
  readonly epoch: string;
  /** Number of the last record; records are numbered from 1. */
  readonly head: number;
  /**
   * Identity `<instance>.<seq>` of the record at the head, and what sessions add to tell journals apart that end in the
   * same record; `''` at head 0. Stores compare it as it is.
   */
  readonly w: string;
}

/** A record as the store holds it. `json` is null when its field is missing. */
export interface StoredRecord {
  readonly n: number;
  readonly json: string | null;
}

/** Records in ascending order, at most {@link TAIL_MAX_RECORDS} or about {@link TAIL_MAX_BYTES} (always at least one when there is one). */
export interface JournalTail {
  readonly records: readonly StoredRecord[];
  /** There are later records: read again after the last of these. */
  readonly more: boolean;
}

export const TAIL_MAX_RECORDS = 500;
export const TAIL_MAX_BYTES: Bytes = 1_048_576;

/** What a removed session leaves behind, so that nobody revives it from memory. */
export interface Tombstone {
  readonly epoch: string;
  /** How long ago by store time. */
  readonly deletedAgoMs: DurationMs;
}

/** A live session as the store answered it. */
export interface JournalSnapshot {
  readonly cursor: Cursor;
  /** Remaining life by store time. Above 0. */
  readonly remainingMs: DurationMs;
  /** UTF-8 bytes of all records. */
  readonly bytes: Bytes;
  /** Numbers of the user messages, at most the last 100 of them, whose answer was delivered. */
  readonly answered: readonly number[];
  /** For a session whose id was derived from a message: who serves this message now. */
  readonly derived: DerivedState;
}

/** See journal.md, "Idempotent sends": two fields beside the journal of a derived session. */
export interface DerivedState {
  /** Session id that serves the message now; `''` while it is the derived session itself. */
  readonly serves: string;
  /** Whether that session's answer was handed to the client. */
  readonly answered: boolean;
}

export type JournalRead =
  | ({
      readonly found: true;
      /**
       * The records come after this number: the reader's head, or 0 when its cursor does not fit (another epoch, a head
       * before the reader's, the same head with another identity).
       */
      readonly after: number;
      readonly tail: JournalTail;
    } & JournalSnapshot)
  | { readonly found: false; readonly tombstone?: Tombstone };

/** What happens to the life of the session with a commit. */
export type Expiry =
  /** A client's write: the session now lives this long. */
  | { readonly kind: 'slide'; readonly ttlMs: DurationMs }
  /** Replays: never shortens, and never below what is left. */
  | { readonly kind: 'lengthen'; readonly ttlMs: DurationMs }
  /** Receipts, reaper, compaction, fixed TTL. */
  | { readonly kind: 'keep' };

/** What became known of one session: that its answers were delivered. */
export interface AnsweredMark {
  readonly ref: SessionRef;
  readonly epoch: string;
  /** Record numbers of the user messages answered; may be empty. */
  readonly messages: readonly number[];
  /** Of a derived session: who answered, as read. Nothing is noted of it when that has changed. Absent: not this. */
  readonly serves?: string | undefined;
}

/** How a commit changes one task in the indexes. */
export interface TaskIndexEntry {
  /** Local part of the task id. */
  readonly local: string;
  /** State after the commit; null takes the task out of every index and drops its summary. */
  readonly state: TaskState | null;
  /** State at the expected head; null when the task is new (or was out of the indexes). */
  readonly previous: TaskState | null;
  /** Score in `tasks` and `tasks:<state>`: the status time as shown to clients. */
  readonly statusAt: EpochMs;
  /** JSON for the hash field `t:<taskId>`, from which lists answer. */
  readonly summary: string;
}

/** A client's own task id (v0.1) -> task id. */
export interface AliasEntry {
  readonly subject: string;
  readonly clientTaskId: string;
  /** Local part of the id of the task that the alias shall name; its session is the one committed to. */
  readonly local: string;
  /** Full id of the task that the alias is known to name now; null when it is thought to be free. */
  readonly expected: string | null;
}

/** A new record. Its JSON carries its identity where it needs one; the store only writes it. */
export interface NewRecord {
  /** Counts this instance's records in this session; ascending within a commit. */
  readonly seq: number;
  readonly json: string;
}

export interface CommitRequest {
  /** Where the records were decided. For a create: head 0, and as epoch the tombstone that was read, or `''`. */
  readonly expected: Cursor;
  /** Set to create the session with this epoch. Without it a missing session is `gone`. */
  readonly createEpoch?: string;
  /** What a create that meets a live session wants to see of it: its records from 1, or none. Default `tail`. */
  readonly onExists?: 'tail' | 'head';
  /** Who writes: random per process start. All records of a commit are one instance's. */
  readonly instance: string;
  /** At most 500, about 1 MB (or one bigger one). May be empty: then only the expiry changes. */
  readonly records: readonly NewRecord[];
  /** `w` of the cursor behind the records. Absent: the identity of the last. */
  readonly w?: string;
  readonly expiry: Expiry;
  readonly tasks: readonly TaskIndexEntry[];
  readonly aliases: readonly AliasEntry[];
  /** When webhooks of this session are due, from now by store time; null: nothing is due any more. Absent: as before. */
  readonly outboxInMs?: DurationMs | null;
  /** Absent: it is never refused, and nothing is counted. */
  readonly limits?: TenantLimits;
}

export type CommitResult =
  /** All records stand behind the expected head. */
  | { readonly outcome: 'ok'; readonly counts?: TenantCounts }
  /**
   * An earlier attempt had stored this instance's records up to seq `upTo`: drop those; the tail holds everything after
   * the expected head. The rest of the batch was not stored.
   */
  | ({ readonly outcome: 'stored'; readonly upTo: number; readonly tail: JournalTail } & JournalSnapshot)
  /** Nothing was stored; the tail holds what was missed, at least one record. */
  | ({ readonly outcome: 'moved'; readonly tail: JournalTail } & JournalSnapshot)
  /** A create met a live session. */
  | ({ readonly outcome: 'exists'; readonly tail: JournalTail } & JournalSnapshot)
  /**
   * The session has another epoch, is missing, or was removed. Nothing was stored. To a create whose own epoch was begun
   * by an earlier attempt and deleted since, the tombstone names that epoch, whoever lives under the id now.
   */
  | { readonly outcome: 'gone'; readonly tombstone?: Tombstone }
  /** The store went back: its head is behind the expected one, or another record stands at it. Nothing was stored. */
  | { readonly outcome: 'diverged' }
  /** The alias names another task already. Nothing was stored. */
  | { readonly outcome: 'aliased'; readonly clientTaskId: string; readonly taskId: string }
  /** The tenant has as much as it may. Nothing was stored. */
  | { readonly outcome: 'refused'; readonly limit: keyof TenantLimits };

export type RemoveResult = 'removed' | 'missing' | 'moved';

export interface SessionStore extends InstanceStore, SessionLister, ErasureStore, RewriteStore {
  /** `redis`, `lmdb` or `memory`. */
  readonly kind: string;
  /** Where it is, for logs and the banner. Never contains a password. */
  readonly location: string;
  /** True when no other process can have the store open: caches need no catch-up read, and every other runner is dead. */
  readonly exclusive: boolean;

  /** Under what an operator finds a session in the store, for logs. */
  keyOf(ref: SessionRef): string;

  /**
   * One round trip.
   *
   * @param after the reader's cursor; only later records come back. Absent: from the first.
   * @param renewTtlMs `access` expiry: also set the remaining life to this. Absent: reading writes nothing.
   * @throws {SessionDamagedError} when the head cannot be read or the key has another type
   */
  read(ref: SessionRef, after?: Cursor, renewTtlMs?: DurationMs): Promise<JournalRead>;

  /**
   * Appends at an expected head, with all index entries, atomically, in one round trip. May be sent again, grown or
   * not, after any failure: what an earlier attempt stored is found by `(instance, seq)` and answered as `stored`.
   * Order of the checks: damaged, epoch (`gone`, `exists`), identity (`stored`), head (`moved`, `diverged`), aliases, limits.
   *
   * @throws {SessionDamagedError} as for `read`; nothing was written
   */
  commit(ref: SessionRef, request: CommitRequest): Promise<CommitResult>;

  /**
   * Deletes a session and all its index entries; leaves a tombstone without content for `tombstoneTtlMs`.
   *
   * @param expected only when the head is still this one; absent: whatever it is
   */
  remove(ref: SessionRef, tombstoneTtlMs: DurationMs, expected?: Cursor): Promise<RemoveResult>;

  /**
   * Beside the journals, no head, no TTL: notes that answers were delivered, in many sessions at once. Silently does
   * nothing in a session that is gone or has another epoch. May be repeated.
   *
   * @throws {SessionDamagedError} one of them is damaged; all others are marked
   */
  markAnswered(marks: readonly AnsweredMark[]): Promise<void>;

  /**
   * An answered message is sent anew: hands it to session `next`, if `seen` still serves it and is answered.
   *
   * @returns who serves it now: `next`, or whoever was faster; undefined when the session is gone
   */
  claimDerived(ref: SessionRef, epoch: string, seen: string, next: string): Promise<string | undefined>;

  /** @returns the full id of the task that a v0.1 client's own id names for this subject */
  resolveAlias(tenant: string, subject: string, clientTaskId: string): Promise<string | undefined>;

  /**
   * From the indexes, without reading a session. Expired sessions are retired before it answers.
   *
   * @returns tasks in the order of {@link ListPosition}
   */
  listTasks(tenant: string, query: TaskQuery): Promise<TaskList>;

  /**
   * Deletes the content of records that a `compacted` record in the journal covers, and takes their size off the
   * session. Silently does nothing on another epoch. May be repeated.
   *
   * @param ranges first and last number of each run of records
   */
  compact(ref: SessionRef, epoch: string, ranges: readonly (readonly [number, number])[]): Promise<void>;

  /**
   * Takes up to `limit` sessions of a tenant whose webhooks are due, each for `holdMs`: until then nobody else is given
   * it, unless a commit or {@link holdDue} moves its time.
   *
   * @param only just this session, if it is due
   */
  claimDue(tenant: string, limit: number, holdMs: DurationMs, only?: string): Promise<readonly string[]>;
  /** The holder goes on holding. Silently does nothing when nothing of the session is due any more. */
  holdDue(ref: SessionRef, holdMs: DurationMs): Promise<void>;

  /** Takes up to 50 expired sessions of a tenant out of all its indexes (and out of the store, where that does not do it by itself). @returns how many */
  retire(tenant: string): Promise<number>;

  /** Idempotent. Never throws. */
  close(): Promise<void>;
}
