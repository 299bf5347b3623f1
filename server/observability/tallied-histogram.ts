import type { LabelValues, Metric, Registry } from 'prom-client';

/** The distribution of one thing that is measured over and over. Measuring costs a comparison for each bucket below it. */
export class HistogramTally {
  readonly bounds: readonly number[];
  /** How many fell into each bucket and no earlier one; the last is for what is above all bounds. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? 0)) at += 1;
    counts[at] = (counts[at] ?? 0) + 1;
    this.sum += value;
  }
}

export interface TalliedHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
  readonly registers: readonly Registry[];
}

interface Sample {
  readonly labels: LabelValues<string>;
  readonly value: number;
  readonly metricName: string;
}

/**
 * A histogram whose measuring shows on no hot path: `observe` of prom-client sorts, joins and checks the labels and looks
 * the buckets up by name, each time. Who measures the same thing over and over takes a tally of it once. What it says when
 * it is asked is what prom-client's own would say.
 */
export class TalliedHistogram<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly #bounds: readonly number[];
  readonly #tallies = new Map<string, { readonly labels: LabelValues<L>; readonly tally: HistogramTally }>();

  constructor({ name, help, buckets, registers }: TalliedHistogramOptions) {
    this.name = name;
    this.help = help;
    this.#bounds = buckets;
    // A registry asks a metric for its name and its values, and for nothing else.
    for (const registry of registers) registry.registerMetric(this as unknown as Metric);
  }

  /** @returns the one of these labels, to be kept: it stays with the histogram for good */
  tally(labels: LabelValues<L>): HistogramTally {
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    let found = this.#tallies.get(key);
    if (found === undefined) {
      found = { labels, tally: new HistogramTally(this.#bounds) };
      this.#tallies.set(key, found);
    }
    return found.tally;
  }

  /** Called by prom-client. */
  get(): Promise<{ name: string; help: string; type: 'histogram'; aggregator: 'sum'; values: Sample[] }> {
    const { name, help } = this;
    const values = [...this.#tallies.values()].flatMap(({ labels, tally }) => this.#samples(labels, tally));
    return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values });
  }

  #samples(labels: LabelValues<L>, { bounds, counts, sum }: HistogramTally): Sample[] {
    let below = 0;
    const samples = counts.map((count, i): Sample => {
      below += count;
      return {
        labels: { le: bounds[i] ?? '+Inf', ...labels },
        value: below,
        metricName: `${this.name}_bucket`,
      };
    });
    samples.push({ labels, value: sum, metricName: `${this.name}_sum` });
    samples.push({ labels, value: below, metricName: `${this.name}_count` });
    return samples;
  }
}
