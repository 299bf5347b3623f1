import { ProtocolError } from '../../protocol/errors.ts';
import type { LiveSession } from './live-session.ts';
import type { AcknowledgedChange } from './own-records.ts';
import type { PendingSession } from './pending.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import { SessionDamagedError, StoreUnavailableError } from './session-store.ts';

/** How sessions are come by. */
export interface SessionDoor {
  open(ref: SessionRef, mode: 'existing' | 'new'): Promise<LiveSession | undefined>;
  openFresh(ref: SessionRef): Promise<LiveSession | undefined>;
  /** Only when it is in memory already; pinned. */
  inMemory(ref: SessionRef): LiveSession | undefined;
  release(session: LiveSession): void;
}

/**
 * What a process that is gone has acknowledged in a session that the store has. Until the session has been read nobody
 * sees it: half a session is not what it is.
 */
export class LeftSession implements PendingSession {
  readonly #parts: SessionParts;
  readonly #door: SessionDoor;
  readonly ref: SessionRef;
  readonly #epoch: string;
  readonly #changes: readonly AcknowledgedChange[];
  #isReplaying = false;

  constructor(
    parts: SessionParts,
    door: SessionDoor,
    ref: SessionRef,
    epoch: string,
    changes: readonly AcknowledgedChange[],
  ) {
    this.#parts = parts;
    this.#door = door;
    this.ref = ref;
    this.#epoch = epoch;
    this.#changes = changes;
  }

  get #size(): { records: number; bytes: number } {
    const records = this.#changes.flatMap((change) => change.records);
    return { records: records.length, bytes: records.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** From now on it is pending. @returns how many records */
  wait(): number {
    const { records, bytes } = this.#size;
    if (records > 0) this.#parts.pending.add(this, records, bytes);
    return records;
  }

  async replay(): Promise<void> {
    if (this.#isReplaying) return;
    this.#isReplaying = true;
    try {
      await this.#handOver();
    } catch (error) {
      if (error instanceof SessionDamagedError) this.#drop('damaged');
      else if (!(error instanceof StoreUnavailableError || error instanceof ProtocolError))
        this.#parts.log('session_persist_failed', { ...this.ref }, error);
    } finally {
      this.#isReplaying = false;
    }
  }

  async #handOver(): Promise<void> {
    const session = await this.#door.openFresh(this.ref);
    if (session === undefined) {
      const read = await this.#parts.store.read(this.ref);
      if (!read.found) this.#drop(read.tombstone === undefined ? 'lost' : 'deleted');
      return;
    }
    try {
      const { exists, epoch } = session.journal.session;
      // What was begun here meanwhile under the same id comes first: only the store says what became of the other.
      if (!session.isConfirmed || !exists) return;
      if (epoch !== this.#epoch) {
        this.#drop('deleted');
        return;
      }
      this.#settle();
      session.takeUp(this.#changes);
      await session.replay();
    } finally {
      this.#door.release(session);
    }
  }

  #settle(): void {
    const { records, bytes } = this.#size;
    this.#parts.pending.settle(records, bytes);
    this.#parts.pending.remove(this);
  }

  #drop(why: 'deleted' | 'lost' | 'damaged'): void {
    const { records } = this.#size;
    this.#settle();
    for (const {
      records: [first],
    } of this.#changes)
      if (first !== undefined) this.#parts.outage?.release(this.ref, first.identity);
    this.#parts.log('records_dropped', { ...this.ref, records, why });
    this.#parts.counters.dropped(records, why);
  }
}
