import type { DurationMs } from '../../protocol/units.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import { StoreUnavailableError, type JournalRead } from './session-store.ts';
import { StoredJournal } from './stored-journal.ts';

/** A store that answers otherwise each time is no store to build on. */
const TRIES = 3;

export type FoundJournal = Extract<JournalRead, { found: true }>;

/**
 * A whole journal from its first record, folded beside the one that is in use: however many reads that takes, nobody
 * decides on half of it, and what fails half-way leaves everything as it was.
 *
 * @param first what a read or a commit has already answered of it, from the first record, and when it was asked
 * @returns the tombstone, if there is one, when there is no such session (any more)
 * @throws {StoreUnavailableError} @throws {SessionDamagedError}
 */
export async function loadJournal(
  parts: SessionParts,
  ref: SessionRef,
  first?: { readonly read: FoundJournal; readonly readAt: DurationMs },
): Promise<StoredJournal | Extract<JournalRead, { found: false }>> {
  let next = first;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const readAt = next?.readAt ?? parts.clock.mono();
    const read = next?.read ?? (await parts.store.read(ref));
    if (!read.found) return read;
    const journal = new StoredJournal(parts, ref);
    journal.reset(read.cursor.epoch);
    const outcome = await journal.absorb(read.tail, read, readAt);
    if (outcome === 'there') return journal;
    next = undefined;
  }
  throw new StoreUnavailableError('the session is another one at every read', { counts: false });
}
