/**
 * What was acknowledged while the store is away, on this machine's own disk: it outlives the process. The sessions own
 * this interface, `server/stores` implements it.
 */
import type { EpochMs } from '../../protocol/units.ts';
import type { DecidedRecord, Identity } from './records.ts';
import type { SessionRef } from './session-ref.ts';

/** What the changes of one instance in one session were made on. */
export interface KeptBase {
  /** Of the session as it stands in the store; `''`: it was begun here, and the store does not have it. */
  readonly epoch: string;
  /** With which epoch an attempt to begin it was made, and may yet be carried out; `''`: there was none. */
  readonly createEpoch: string;
  /** The removed session under this id that a create has to name; `''`: there is none. */
  readonly tombstone: string;
}

/** One acknowledged change. */
export interface KeptChange {
  /** Not empty, and all of one instance. */
  readonly records: readonly DecidedRecord[];
  /** When it was decided. Across processes only the wall clock tells its age. */
  readonly at: EpochMs;
  /** Head of the journal that it was decided on; absent: not known. */
  readonly decidedOn?: number | undefined;
  /** Whether it renews the life of the session. */
  readonly slides: boolean;
}

/** What an instance that is gone has left of one session. */
export interface KeptSession {
  readonly ref: SessionRef;
  readonly instance: string;
  /** Which of the processes that had the journal one after the other; ascending. */
  readonly turn: number;
  readonly base: KeptBase;
  /** In the order of seq. */
  readonly changes: readonly KeptChange[];
}

export interface OutageJournal {
  /** Where it is, for logs. */
  readonly location: string;
  /** The disk did not take all that is pending. */
  readonly isFailing: boolean;
  /** How many are on it. */
  readonly changes: number;

  /** What was there at the start. To be called once, before anything is kept. */
  left(): Promise<readonly KeptSession[]>;

  /**
   * Resolves once the changes survive the end of the process, or when that cannot be had: requests go on all the same.
   * Never rejects; what is asked for in one turn is written together. While the disk fails it resolves at once, even when
   * something that was asked for before is still being waited for.
   */
  keep(ref: SessionRef, base: KeptBase, changes: readonly KeptChange[]): Promise<void>;

  /** The session stands elsewhere now than what is kept says: for the changes of this instance. Nobody waits for it. */
  rebase(ref: SessionRef, instance: string, base: KeptBase): void;

  /** A change is stored, or given up. Nobody waits for it. @param first identity of its first record as it was kept */
  release(ref: SessionRef, first: Identity): void;

  /** Overwrites on the disk what was released, as far as that can be done. Never rejects. */
  overwrite(): Promise<void>;

  /** Waits for what is being written. Idempotent. Never throws. */
  close(): Promise<void>;
}
