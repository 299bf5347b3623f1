import { ProtocolError } from '../../protocol/errors.ts';
import type { Bytes } from '../../protocol/units.ts';

/** A session with acknowledged records that the store has not got yet. */
export interface PendingSession {
  /** Offers them to the store again. Never throws. */
  replay(): Promise<void>;
}

/**
 * What was acknowledged and is not stored yet: outside the LRU, bounded by count and bytes. Over the bound new work is
 * refused, because refusing beats losing.
 */
export class PendingLedger {
  readonly #maxRecords: number;
  readonly #maxBytes: Bytes;
  readonly #sessions = new Set<PendingSession>();
  #records = 0;
  #bytes: Bytes = 0;

  constructor(maxRecords: number, maxBytes: Bytes) {
    this.#maxRecords = maxRecords;
    this.#maxBytes = maxBytes;
  }

  get records(): number {
    return this.#records;
  }
  get bytes(): Bytes {
    return this.#bytes;
  }
  get sessions(): ReadonlySet<PendingSession> {
    return this.#sessions;
  }

  /** @throws {ProtocolError} RESOURCE_EXHAUSTED when there is no room for this much more */
  admit(records: number, bytes: Bytes): void {
    if (this.#records + records > this.#maxRecords || this.#bytes + bytes > this.#maxBytes) {
      throw new ProtocolError('RESOURCE_EXHAUSTED', {
        message: 'the store is away and too much waits for it already',
        httpStatus: 503,
        retryAfterMs: 5_000,
      });
    }
  }

  add(session: PendingSession, records: number, bytes: Bytes): void {
    this.#sessions.add(session);
    this.#records += records;
    this.#bytes += bytes;
  }

  settle(records: number, bytes: Bytes): void {
    this.#records -= records;
    this.#bytes -= bytes;
  }

  /** The session waits for nothing any more. */
  remove(session: PendingSession): void {
    this.#sessions.delete(session);
  }
}
