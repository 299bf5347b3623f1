import type { DurationMs } from '../../protocol/units.ts';
import { readSpace } from '../security/space.ts';
import type { ChangesOwner } from './change.ts';
import { ChangeQueue } from './change-queue.ts';
import type { CommitManners } from './commit-manners.ts';
import { CommitStride } from './commit-stride.ts';
import { KeptChanges } from './kept-changes.ts';
import type { KeptBase } from './outage-journal.ts';
import type { AcknowledgedChange } from './own-records.ts';
import { SessionCatchUp } from './session-catch-up.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import { SessionSync } from './session-sync.ts';
import type { StoredJournal } from './stored-journal.ts';

/**
 * What a session has only while it changes: the queue, the commits, what was missed. Nearly all sessions in memory wait
 * for a next message that never comes, and this takes as much room as a short conversation.
 */
export class SessionWork {
  readonly queue: ChangeQueue;
  readonly base: SessionCatchUp;
  readonly sync: SessionSync;
  readonly stride = new CommitStride();
  readonly #kept: KeptChanges | undefined;
  readonly #ref: SessionRef;
  readonly #journal: StoredJournal;

  /** @param manners of the session; undefined where nobody else writes to the store */
  constructor(
    parts: SessionParts,
    ref: SessionRef,
    journal: StoredJournal,
    owner: ChangesOwner,
    manners: CommitManners | undefined,
  ) {
    this.#ref = ref;
    this.#journal = journal;
    this.#kept = parts.outage && new KeptChanges(parts, ref, () => this.base.standing);
    this.queue = new ChangeQueue(parts, journal, owner, this.#kept);
    this.base = new SessionCatchUp(parts, ref, journal, this.queue, owner);
    this.sync = new SessionSync(parts, ref, journal, this.queue, this.base, owner, manners);
  }

  /** As `LiveSession.takeUp`. */
  takeUp(changes: readonly AcknowledgedChange[], base?: KeptBase): number {
    if (base !== undefined) this.base.goOn(base);
    const records = this.queue.offerAgain(changes, true);
    if (records > 0) this.base.decideAgain();
    return records;
  }

  /**
   * Gives up what was begun here while the store was away and is not in it: it was erased since.
   *
   * @param subject only a session that this one began; absent: whoever did
   * @param before monotonic moment of the erasure
   * @returns whether it was such a session
   */
  giveUpBegun(subject: string | undefined, before: DurationMs): boolean {
    const { oldestDeferred, intents } = this.queue;
    if (this.#journal.session.exists || oldestDeferred === undefined || oldestDeferred > before) return false;
    const bodies = intents.flatMap(({ records }) => records.map(({ body }) => body));
    const created = bodies.find((body) => body.t === 'created');
    if (
      subject !== undefined &&
      created?.subject !== subject &&
      readSpace(this.#ref.tenant).subject === undefined
    )
      return false;
    this.base.giveUp();
    return true;
  }

  /** Nothing is under way, and one that is made anew knows as much. */
  get isOver(): boolean {
    return this.queue.isOver && this.base.isOver && this.sync.isOver && this.#kept?.wasUsed !== true;
  }
}
