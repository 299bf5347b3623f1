/** What a store answers when it is asked which sessions there are, from its index and their heads alone. */
import type { Bytes, DurationMs } from '../../protocol/units.ts';

export interface ListedSession {
  readonly sessionId: string;
  /** Remaining life by store time. Above 0; absent: cannot be read. */
  readonly remainingMs?: DurationMs;
  /** Number of the last record; absent: its head cannot be read. */
  readonly head?: number;
  /** UTF-8 bytes of all records as they are stored; absent: cannot be read. */
  readonly bytes?: Bytes;
}

/** Which page of the sessions of a tenant, or of the place of a subject. */
export interface SessionQuery {
  /** 1 to 1,000. */
  readonly limit: number;
  /** `next` of the page before, of the same store. */
  readonly after?: string;
}

export interface SessionList {
  /** May be fewer than asked for, or none, and not the last page: what has expired is left out. */
  readonly sessions: readonly ListedSession[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
}

/** Part of `SessionStore`. */
export interface SessionLister {
  /**
   * A page of the live sessions of a tenant, in an order of the store's own, without reading a record. A session that is
   * there all the while is not missed; one that is renewed meanwhile may come twice.
   *
   * @throws {RangeError} for a limit or a place that is none
   */
  listSessions(tenant: string, query: SessionQuery): Promise<SessionList>;
}
