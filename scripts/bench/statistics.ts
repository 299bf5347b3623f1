/** What rounds come to. A round is measured for every contender before the next one begins. */

/** A value and how far apart the rounds were. */
export interface Spread {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** @returns NaN when there is none */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1] ?? Number.NaN, sorted[Math.floor(middle)] ?? Number.NaN];
  return (low + high) / 2;
}

export function spreadOf(values: readonly number[]): Spread {
  return { value: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/**
 * The ratio of the medians, and the least and the greatest ratio of two values of one round: what the machine did in a
 * round it did to both.
 *
 * @returns undefined when one of them was not measured
 */
export function ratioOf(over: readonly number[], under: readonly number[]): Spread | undefined {
  if (over.length === 0 || under.length === 0) return undefined;
  const value = median(over) / median(under);
  if (over.length !== under.length) return { value, low: value, high: value };
  const ratios = over.map((one, round) => one / (under[round] ?? Number.NaN));
  return { value, low: Math.min(...ratios), high: Math.max(...ratios) };
}
