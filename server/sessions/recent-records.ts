import type { Bytes } from '../../protocol/units.ts';
import type { JournalRecord } from './records.ts';

const MAX_RECORDS = 512;
/** Where several follow: each that falls behind reads the store for itself, and shares nothing with the others. */
const MAX_SHARED_RECORDS = 2_048;
/** Of them, at a time: what a reader that stands still has before it. */
const PORTION = 512;
const MAX_BYTES: Bytes = 1_048_576;

/** A record as it was applied; `record` is undefined for one that could not be read. */
export interface AppliedRecord {
  readonly n: number;
  readonly record: JournalRecord | undefined;
}

const NOTHING: AppliedRecord[] = [];

/**
 * The last records that were applied to a session, while somebody follows it: its fold has them too, but not in their
 * order. Bounded, so that a follower that falls behind costs nothing: it reads them from the store.
 */
export class RecentRecords {
  /** One list for all sessions that nobody follows: nothing is put into it. */
  #applied = NOTHING;
  #bytes: Bytes = 0;
  #followers = 0;
  /** Number of the record in front of the first that is kept; Infinity while nobody follows. */
  #base = Infinity;

  get isFollowed(): boolean {
    return this.#followers > 0;
  }

  /** @param head the last record that was applied */
  follow(head: number): void {
    this.#followers += 1;
    if (this.#followers === 1) this.clear(head);
  }

  unfollow(): void {
    this.#followers -= 1;
    if (this.#followers === 0) this.clear();
  }

  /** @param head the record behind which the session begins anew */
  clear(head = 0): void {
    this.#applied = this.#followers === 0 ? NOTHING : [];
    this.#bytes = 0;
    this.#base = this.#followers === 0 ? Infinity : head;
  }

  push(n: number, record: JournalRecord | undefined): void {
    if (this.#followers === 0) return;
    this.#applied.push({ n, record });
    this.#bytes += record?.bytes ?? 0;
    const maxRecords = this.#followers > 1 ? MAX_SHARED_RECORDS : MAX_RECORDS;
    while (this.#applied.length > maxRecords || (this.#bytes > MAX_BYTES && this.#applied.length > 1)) {
      const first = this.#applied.shift();
      this.#bytes -= first?.record?.bytes ?? 0;
      this.#base = first?.n ?? this.#base;
    }
  }

  /** @returns the records behind that one, the first of them when they are many; undefined when they are not all here */
  after(n: number): readonly AppliedRecord[] | undefined {
    const from = n - this.#base;
    return from < 0 ? undefined : this.#applied.slice(from, from + PORTION);
  }
}
