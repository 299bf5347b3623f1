/** What the primary and its workers tell each other. Requests never go this way. */
import type { MetricsSnapshot } from '../observability/summed-metrics.ts';

/** What the banner and the log say of a server that takes requests. */
export interface Listening {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly store: string;
  readonly location: string;
  readonly agent: string;
}

export type FromWorker =
  | { readonly kind: 'listening'; readonly listening: Listening }
  /** A scrape has reached this worker. `id` is its own count. */
  | { readonly kind: 'sum_wanted'; readonly id: number }
  | { readonly kind: 'snapshot'; readonly snapshot: MetricsSnapshot };

export type ToWorker =
  { readonly kind: 'snapshot_wanted' } | { readonly kind: 'sum'; readonly id: number; readonly text: string };

/** The agent's own messages take the same channel: ours are wrapped, so that neither is taken for the other. */
interface Wrapped {
  readonly holdfast: FromWorker | ToWorker;
}

export const wrap = (message: FromWorker | ToWorker): Wrapped => ({ holdfast: message });

function unwrap(message: unknown): FromWorker | ToWorker | undefined {
  const isOurs = typeof message === 'object' && message !== null && 'holdfast' in message;
  return isOurs ? (message as Wrapped).holdfast : undefined;
}

/** Undefined for what is not ours. Both ends are of one release: what is ours is trusted. */
export const fromWorker = (message: unknown): FromWorker | undefined =>
  unwrap(message) as FromWorker | undefined;
export const toWorker = (message: unknown): ToWorker | undefined => unwrap(message) as ToWorker | undefined;
