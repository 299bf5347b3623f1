/** What is measured, and how it is shown. */
export const QUANTITIES = {
  rate: { title: 'per second', digits: 0 },
  p50: { title: 'p50 ms', digits: 2 },
  p99: { title: 'p99 ms', digits: 2 },
  cpu: { title: 'CPU µs each', digits: 1 },
  ms: { title: 'ms', digits: 2 },
  bytes: { title: 'bytes', digits: 0 },
  kilobytes: { title: 'kB', digits: 2 },
  commands: { title: 'Redis commands', digits: 1 },
  trips: { title: 'round trips', digits: 0 },
  factor: { title: 'bytes written ÷ bytes of text', digits: 2 },
  count: { title: 'how many', digits: 0 },
} as const satisfies Record<string, { title: string; digits: number }>;

export type Quantity = keyof typeof QUANTITIES;

/** Which row of which table. */
export interface Place {
  readonly workload: string;
  /** The work as a reader of the report knows it, such as `200 B, new sessions`. */
  readonly variant: string;
  readonly contender: string;
}

export interface Series extends Place {
  readonly quantity: Quantity;
  /** One value for each round. */
  readonly values: number[];
}

/** Everything that a run has measured, in the order in which it came. */
export class Book {
  readonly #series = new Map<string, Series>();
  /** Workload -> what it could not measure, and why. */
  readonly missing = new Map<string, string>();

  add(place: Place, quantity: Quantity, value: number): void {
    const key = keyOf(place, quantity);
    const series = this.#series.get(key) ?? { ...place, quantity, values: [] };
    series.values.push(value);
    this.#series.set(key, series);
  }

  /** @returns nothing when it was not measured */
  values(place: Place, quantity: Quantity): readonly number[] {
    return this.#series.get(keyOf(place, quantity))?.values ?? [];
  }

  variantsOf(workload: string): string[] {
    return [...new Set(this.#of(workload).map(({ variant }) => variant))];
  }

  contendersOf(workload: string, variant: string): string[] {
    const of = this.#of(workload).filter((series) => series.variant === variant);
    return [...new Set(of.map(({ contender }) => contender))];
  }

  quantitiesOf(workload: string, variant: string): Quantity[] {
    const of = this.#of(workload).filter((series) => series.variant === variant);
    return [...new Set(of.map(({ quantity }) => quantity))];
  }

  #of(workload: string): Series[] {
    return [...this.#series.values()].filter((series) => series.workload === workload);
  }
}

const keyOf = ({ workload, variant, contender }: Place, quantity: Quantity): string =>
  [workload, variant, contender, quantity].join('\n');
