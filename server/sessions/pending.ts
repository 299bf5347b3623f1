import { ProtocolError } from '../../protocol/errors.ts';
import type { Bytes } from '../../protocol/units.ts';
import type { SessionRef } from './session-ref.ts';

/** A session with acknowledged records that the store has not got yet. */
export interface PendingSession {
  readonly ref: SessionRef;
  /** Offers them to the store again. Never throws. */
  replay(): Promise<void>;
}

/** New work leaves this part of the bounds to what was begun before: half an answer helps nobody. */
const NEW_WORK_SHARE = 0.9;

/**
 * What was acknowledged and is not stored yet: outside the LRU, bounded by count and bytes. Over the bound new work is
 * refused, because refusing beats losing.
 */
export class PendingLedger {
  readonly #maxRecords: number;
  readonly #maxBytes: Bytes;
  readonly #onFull: () => void;
  readonly #sessions = new Set<PendingSession>();
  #isFull = false;
  #records = 0;
  #bytes: Bytes = 0;

  /** @param onFull told once, until everything that waited is stored */
  constructor(bounds: { maxRecords: number; maxBytes: Bytes }, onFull: () => void) {
    this.#maxRecords = bounds.maxRecords;
    this.#maxBytes = bounds.maxBytes;
    this.#onFull = onFull;
  }

  get records(): number {
    return this.#records;
  }
  get bytes(): Bytes {
    return this.#bytes;
  }
  /** Something was refused for want of room since it began to wait. */
  get isFull(): boolean {
    return this.#isFull;
  }
  get sessions(): ReadonlySet<PendingSession> {
    return this.#sessions;
  }

  /**
   * @param isNew a client's message; else what comes of one that was taken before
   * @throws {ProtocolError} RESOURCE_EXHAUSTED when there is no room for this much more
   */
  admit(records: number, bytes: Bytes, isNew: boolean): void {
    const share = isNew ? NEW_WORK_SHARE : 1;
    const fits =
      this.#records + records <= share * this.#maxRecords && this.#bytes + bytes <= share * this.#maxBytes;
    if (fits) return;
    if (!this.#isFull) this.#onFull();
    this.#isFull = true;
    throw new ProtocolError('RESOURCE_EXHAUSTED', {
      message: 'the store is away and too much waits for it already',
      httpStatus: 503,
      retryAfterMs: 5_000,
    });
  }

  add(session: PendingSession, records: number, bytes: Bytes): void {
    this.#sessions.add(session);
    this.#records += records;
    this.#bytes += bytes;
  }

  settle(records: number, bytes: Bytes): void {
    this.#records -= records;
    this.#bytes -= bytes;
    if (this.#records === 0) this.#isFull = false;
  }

  /** The session waits for nothing any more. */
  remove(session: PendingSession): void {
    this.#sessions.delete(session);
  }
}
