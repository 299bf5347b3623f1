/** Numbers as they are shown. */
import { type Quantity, QUANTITIES } from './book.ts';
import type { Goal } from './goals.ts';
import { type Spread, spreadOf } from './statistics.ts';

const THOUSANDS = new Intl.NumberFormat('en-US', { useGrouping: true });

export function formatNumber(value: number, digits: number): string {
  return Number.isFinite(value) ? THOUSANDS.format(Number(value.toFixed(digits))) : '–';
}

/** A ratio or a count: as many digits as say something. */
export function formatRatio(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return formatNumber(value, digits);
}

export function formatSpread({ value, low, high }: Spread): string {
  const [shown, from, to] = [value, low, high].map(formatRatio);
  return from === to ? `${shown}` : `${shown} (${from} – ${to})`;
}

/** The median of the rounds and, when asked for, how far they were apart. */
export function formatRounds(values: readonly number[], quantity: Quantity, withSpread: boolean): string {
  if (values.length === 0) return '';
  const { digits } = QUANTITIES[quantity];
  const { value, low, high } = spreadOf(values);
  const [shown, from, to] = [value, low, high].map((one) => formatNumber(one, digits));
  return withSpread && from !== to ? `${shown} (${from} – ${to})` : `${shown}`;
}

export const formatBound = (bound: Goal['bound']): string =>
  'atLeast' in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`;
