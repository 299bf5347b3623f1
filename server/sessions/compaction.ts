import type { Bytes } from '../../protocol/units.ts';
import { lostAmong } from './ended-tasks.ts';
import type { CompactedRecord } from './records.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import { StoreUnavailableError } from './session-store.ts';
import type { Session } from './session.ts';

/**
 * What a journal lacks, and what it has and could do without. Both are known only when it was read to its end: the record
 * that says that others may be missing stands behind them.
 */
export class Compaction {
  readonly #parts: SessionParts;
  readonly #ref: SessionRef;
  /** Absent while there are none. */
  #missing: number[] | undefined = undefined;
  #superfluous: (readonly [number, number])[] | undefined = undefined;

  constructor(parts: SessionParts, ref: SessionRef) {
    this.#parts = parts;
    this.#ref = ref;
  }

  clear(): void {
    this.#missing = undefined;
    this.#superfluous = undefined;
  }

  /** A record is not there. */
  isMissing(n: number): void {
    (this.#missing ??= []).push(n);
  }

  /** A record was applied that says so. @param freed what that took off the session: the content of others was there until then */
  applied({ from, to }: CompactedRecord, freed: Bytes): void {
    if (freed > 0) (this.#superfluous ??= []).push([from, to]);
  }

  /** The journal was read to its end. @returns the numbers of records that are missing and should not */
  takeLost(session: Session): number[] {
    if (this.#missing === undefined) return [];
    const lost = lostAmong(session, this.#missing);
    this.#missing = undefined;
    return lost;
  }

  /** Deletes in the store what is said to be gone. What fails is harmless, and tried again when the session is next loaded. */
  deleteSuperfluous(epoch: string): void {
    const ranges = this.#superfluous;
    if (ranges === undefined) return;
    this.#superfluous = undefined;
    this.#parts.store.compact(this.#ref, epoch, ranges).catch((error: unknown) => {
      if (!(error instanceof StoreUnavailableError))
        this.#parts.log('session_compact_failed', { ...this.#ref }, error);
    });
  }
}
