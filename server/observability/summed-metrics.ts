/** The metrics of several processes as one answer. */
import { AggregatorRegistry, type Registry } from 'prom-client';

/** The values of one process, as they go through a channel between processes. */
export type MetricsSnapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export const snapshotOf = (registry: Registry): Promise<MetricsSnapshot> => registry.getMetricsAsJSON();

/** Each metric by its `aggregator`: a sum, unless the table says otherwise. */
export const sumOf = (snapshots: readonly MetricsSnapshot[]): Registry =>
  AggregatorRegistry.aggregate([...snapshots]);

/** What stays true of a process that is gone: a gauge says how things stand, and nothing of its stands any more. */
export const withoutGauges = (snapshot: MetricsSnapshot): MetricsSnapshot =>
  // as JSON the type is the word that Prometheus sees, not the number that prom-client's types promise
  snapshot.filter(({ type }) => String(type) !== 'gauge');
