/**
 * What a store does and keeps so that what was erased is gone everywhere. Part of `SessionStore`.
 *
 * An order says whose sessions were erased. Instances that hold copies of them, in memory or in an outage journal, carry it
 * out when they learn of it, also those that were paused, away from the store or not running when it was given.
 */
import type { Bytes, DurationMs } from '../../protocol/units.ts';
import type { SessionRef } from './session-ref.ts';

/** Whose sessions are erased: all of a tenant, those of a subject in it, or one. */
export interface ErasureTarget {
  /** Not a place of a subject. */
  readonly tenant: string;
  readonly subject?: string;
  readonly sessionId?: string;
}

export interface ErasureOrder {
  /** Those given later have higher ones. */
  readonly number: number;
  readonly target: ErasureTarget;
  /** By store time. */
  readonly ageMs: DurationMs;
}

/** What an instance has given up for an order. */
export interface CarriedOut {
  /** Sessions that were in its memory. */
  readonly sessions: number;
  /** Acknowledged records that waited for the store, in its memory and in its outage journal. */
  readonly records: number;
}

/** What a session had in the store. */
export interface ErasedSession {
  readonly records: number;
  /** UTF-8 bytes of the records as they were stored. */
  readonly bytes: Bytes;
  readonly tasks: number;
  readonly aliases: number;
}

export interface ErasureStore {
  /**
   * Deletes a session with all its index entries, also one that is damaged; leaves a tombstone as `remove` does.
   *
   * @returns undefined when there was none
   */
  erase(ref: SessionRef, tombstoneTtlMs: DurationMs): Promise<ErasedSession | undefined>;

  /** The first record of a session; undefined when it has none. @throws {SessionDamagedError} when that cannot be known */
  firstRecord(ref: SessionRef): Promise<string | undefined>;

  /** A tenant, or a subject's place in it, is as if it had never been noted. */
  forgetTenant(tenant: string): Promise<void>;

  /** @param keepMs how long somebody may come back who has to carry it out @returns its number */
  orderErasure(target: ErasureTarget, keepMs: DurationMs): Promise<number>;

  /** Up to 1,000 orders with a higher number, in their order; from the first on where none has such a one: it went back. */
  erasuresAfter(number: number): Promise<readonly ErasureOrder[]>;

  /** An instance has carried out an order. */
  erasureCarriedOut(number: number, instance: string, what: CarriedOut): Promise<void>;

  /** By instance. */
  erasureCarriedOutBy(number: number): Promise<ReadonlyMap<string, CarriedOut>>;
}
