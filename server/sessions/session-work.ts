import type { ChangesOwner } from './change.ts';
import { ChangeQueue } from './change-queue.ts';
import type { CommitManners } from './commit-manners.ts';
import { CommitStride } from './commit-stride.ts';
import { KeptChanges } from './kept-changes.ts';
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

  /** @param manners of the session; undefined where nobody else writes to the store */
  constructor(
    parts: SessionParts,
    ref: SessionRef,
    journal: StoredJournal,
    owner: ChangesOwner,
    manners: CommitManners | undefined,
  ) {
    this.#kept = parts.outage && new KeptChanges(parts, ref, () => this.base.standing);
    this.queue = new ChangeQueue(parts, journal, owner, this.#kept);
    this.base = new SessionCatchUp(parts, ref, journal, this.queue, owner);
    this.sync = new SessionSync(parts, ref, journal, this.queue, this.base, owner, manners);
  }

  /** Nothing is under way, and one that is made anew knows as much. */
  get isOver(): boolean {
    return this.queue.isOver && this.base.isOver && this.sync.isOver && this.#kept?.wasUsed !== true;
  }
}
