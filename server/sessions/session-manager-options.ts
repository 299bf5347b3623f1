import type { Bytes, DurationMs } from '../../protocol/units.ts';
import type { Log } from '../observability/log-events.ts';
import type { OutageJournal } from './outage-journal.ts';
import type { QuotaLedger } from './quota-ledger.ts';
import type { Clock, SessionCounters, SessionLimits, TtlRefresh } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import type { SessionStore } from './session-store.ts';

export interface SessionManagerOptions {
  readonly store: SessionStore;
  /** Whether the store is known to be away; a breaker's state. Default: never known. */
  readonly isAway?: () => boolean;
  /** Random per process start. Default: 72 random bits. */
  readonly instance?: string;
  readonly clock?: Clock;
  readonly ttlMs: DurationMs;
  readonly ttlRefresh: TtlRefresh;
  /** `exclusive`: nobody else writes to the store, so a cached session is current. */
  readonly coherence: 'shared' | 'exclusive';
  readonly cache: { readonly maxSessions: number; readonly maxBytes: Bytes };
  readonly limits: SessionLimits;
  /** Absent: no tier has quotas. */
  readonly quotas?: QuotaLedger | undefined;
  readonly pending: { readonly maxRecords: number; readonly maxBytes: Bytes };
  /**
   * Bytes of what was stored within the last minute that are kept, to be offered again to a store that has lost them.
   * Default 64 MiB. 0: the store cannot go back.
   */
  readonly ownMaxBytes?: Bytes;
  /** Where what is pending outlives the process. Absent: nowhere. */
  readonly outage?: OutageJournal | undefined;
  /** Time after the end of a task in which its stream may still be resumed. Default: 10 minutes. */
  readonly resumeMs?: DurationMs;
  readonly deadMs: DurationMs;
  readonly counters: SessionCounters;
  /** Told when a commit of this process has left webhooks of a session to be told something at once. */
  readonly onDue?: (ref: SessionRef) => void;
  readonly log: Log;
}
