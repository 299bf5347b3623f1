import type { Drafts } from './drafts.ts';
import type { FeedPosition } from './feed-position.ts';
import type { Identity } from './records.ts';
import type { StoredJournal } from './stored-journal.ts';

/** What a follower was given before it was stored. Of each instance that is everything up to a seq, with few exceptions. */
export class SeenAhead {
  readonly #journal: StoredJournal;
  readonly #drafts: Drafts;
  /** The last seq by instance; the instance that came last is the last. */
  readonly #upTo = new Map<string, number>();
  /** Of this process, and not seen: their fate was not known when what is behind them was given. */
  #unsure: readonly Identity[];

  /** @param last as somebody brought it back */
  constructor(journal: StoredJournal, drafts: Drafts, last?: Identity) {
    this.#journal = journal;
    this.#drafts = drafts;
    this.#unsure = drafts.unsure;
    if (last !== undefined) this.#upTo.set(last.instance, last.seq);
  }

  get isAhead(): boolean {
    return this.#upTo.size > 0;
  }

  /** As much of it as a position tells. */
  get mark(): Pick<FeedPosition, 'deferred' | 'isVague'> {
    const last = [...this.#upTo].at(-1);
    if (last === undefined) return {};
    const [instance, seq] = last;
    const isVague = this.#upTo.size > 1 || this.#unsure.some((identity) => this.#isUpTo(identity));
    return { deferred: { instance, seq }, ...(isVague && { isVague }) };
  }

  /** Whether it stands in the journal, or waits for it here. */
  get isKnown(): boolean {
    return [...this.#upTo].every(
      ([instance, seq]) =>
        this.#journal.has({ instance, seq }) || seq <= (this.#drafts.lastDeferred(instance)?.seq ?? 0),
    );
  }

  /** All that was acknowledged. */
  all(): void {
    this.#upTo.clear();
    this.#unsure = this.#drafts.unsure;
    for (const { identity } of this.#drafts.deferredAfter(() => false)) this.add(identity);
  }

  has(identity: Identity): boolean {
    return this.#isUpTo(identity) && !this.#isUnsure(identity);
  }

  add({ instance, seq }: Identity): void {
    this.#upTo.delete(instance);
    this.#upTo.set(instance, seq);
  }

  /** A record is met in the journal. @returns whether it was given before */
  meet(identity: Identity): boolean {
    const wasGiven = this.has(identity);
    if (this.#isUnsure(identity)) this.#unsure = this.#unsure.filter(({ seq }) => seq !== identity.seq);
    if (identity.seq >= (this.#upTo.get(identity.instance) ?? Infinity)) this.#upTo.delete(identity.instance);
    return wasGiven;
  }

  /** Everything that is stored was seen: what came to stand there needs no word of its own any more. */
  tidy(): void {
    this.#unsure = this.#drafts.unsure;
    for (const [instance, seq] of [...this.#upTo]) {
      const isWaiting = this.#drafts.lastDeferred(instance) !== undefined;
      if (!isWaiting || this.#journal.has({ instance, seq })) this.#upTo.delete(instance);
    }
  }

  #isUpTo({ instance, seq }: Identity): boolean {
    return seq <= (this.#upTo.get(instance) ?? 0);
  }

  #isUnsure({ instance, seq }: Identity): boolean {
    return this.#unsure.some((other) => other.instance === instance && other.seq === seq);
  }
}
