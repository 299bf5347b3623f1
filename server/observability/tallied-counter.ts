import { Counter, type LabelValues } from 'prom-client';

/** What was counted and not yet told to the counter. */
export interface Tally {
  count: number;
}

/**
 * A counter with labels that can be counted on without a look-up. `inc` sorts, joins and checks the labels each time,
 * at a cost that shows when it is paid on every request; who counts the same thing over and over takes a tally of it
 * once and adds to that, and the counter takes it over when somebody asks.
 */
export class TalliedCounter<L extends string> extends Counter<L> {
  readonly #tallies: { readonly labels: LabelValues<L>; readonly tally: Tally }[] = [];

  /** @returns one to be kept: it stays with the counter for good */
  tally(labels: LabelValues<L>): Tally {
    const tally: Tally = { count: 0 };
    this.#tallies.push({ labels, tally });
    return tally;
  }

  /** Called by prom-client before it reads. */
  collect(): void {
    for (const { labels, tally } of this.#tallies) {
      if (tally.count > 0) this.inc(labels, tally.count);
      tally.count = 0;
    }
  }
}
