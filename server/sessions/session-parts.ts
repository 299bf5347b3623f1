/** What a live session needs of the world around it. One object, shared by all sessions of a manager. */
import type { Bytes, DurationMs, EpochMs } from '../../protocol/units.ts';
import type { Log } from '../observability/log-events.ts';
import type { DeadlineWatch } from './deadline-watch.ts';
import type { OutageJournal } from './outage-journal.ts';
import type { OwnRecords } from './own-records.ts';
import type { PendingLedger } from './pending.ts';
import type { QuotaLedger } from './quota-ledger.ts';
import type { SessionRef } from './session-ref.ts';
import type { SessionDamagedError, SessionStore } from './session-store.ts';

export interface Clock {
  now(): EpochMs;
  /** Monotonic milliseconds: ages and deadlines, never shown to anyone. */
  mono(): DurationMs;
}

export const SYSTEM_CLOCK: Clock = { now: () => Date.now(), mono: () => performance.now() };

/** `write`: a client's write renews the life of a session; `access`: so does a read; `fixed`: nothing does. */
export type TtlRefresh = 'write' | 'access' | 'fixed';

export interface SessionLimits {
  readonly recordMaxBytes: Bytes;
  readonly sessionMaxBytes: Bytes;
  readonly sessionMaxRecords: number;
}

/** What the sessions count; the metrics implement it. */
export interface SessionCounters {
  /** @param tookMs until its answer, for those that were answered */
  commit(outcome: string, tookMs?: DurationMs): void;
  /** @param tookMs until it had been read */
  rehydrated(tookMs: DurationMs): void;
  cache(outcome: 'hit' | 'miss'): void;
  evicted(): void;
  /** An acknowledged change was moved behind what others had stored meanwhile. */
  rebased(): void;
  refused(count: number): void;
  dropped(count: number, why: string): void;
  damaged(): void;
}

export interface SessionParts {
  readonly store: SessionStore;
  /** Random per process start; half of every record's identity. */
  readonly instance: string;
  /** Whether the store is known to be away: then nobody waits for it. */
  readonly isAway: () => boolean;
  readonly clock: Clock;
  readonly ttlMs: DurationMs;
  readonly ttlRefresh: TtlRefresh;
  readonly limits: SessionLimits;
  /** Absent: no tier has quotas, and what tenants have is not looked at. */
  readonly quotas?: QuotaLedger | undefined;
  /** Time after the end of a task in which a client may still resume its stream: so long its chunks are kept. */
  readonly resumeMs: DurationMs;
  readonly pending: PendingLedger;
  /** What was stored by this process lately. */
  readonly own: OwnRecords;
  /** Where what is pending outlives the process. */
  readonly outage?: OutageJournal | undefined;
  readonly deadlines: DeadlineWatch;
  /**
   * The highest seq this process has given to any record. A session that left memory and comes back counts on from here,
   * because what it gave before may still be on its way to the store.
   */
  readonly seqs: { highest: number };
  /** Monotonic moment at which the store was last said to be back. */
  readonly recovery: { at: DurationMs };
  readonly counters: SessionCounters;
  readonly damage: { met(ref: SessionRef, error: SessionDamagedError): void };
  /** Told when a commit has left webhooks of a session to be told something at once. */
  readonly onDue?: ((ref: SessionRef) => void) | undefined;
  readonly log: Log;
}

/** How long one request waits for the store in all, not per command. */
export const PATIENCE_MS: DurationMs = 250;
