import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { TalliedCounter } from './tallied-counter.ts';

interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Seconds. */
  readonly buckets?: readonly number[];
  /** A gauge that is moved where it changes, instead of being read when somebody asks. */
  readonly counted?: true;
  /** How the values of several workers become one. Absent: their sum. */
  readonly aggregator?: 'max';
}

/** Every metric, as data; the field of {@link Metrics} -> what Prometheus sees. Label values are from closed sets. */
export const METRICS = {
  requests: {
    name: 'holdfast_requests_total',
    type: 'counter',
    labels: ['dialect', 'method', 'outcome'],
    help: 'JSON-RPC requests by dialect, operation and outcome (ok, or the reason of the error).',
  },
  cacheHits: { name: 'holdfast_cache_hits_total', type: 'counter', help: 'Sessions found in memory.' },
  cacheMisses: {
    name: 'holdfast_cache_misses_total',
    type: 'counter',
    help: 'Sessions not found in memory.',
  },
  cacheEvictions: {
    name: 'holdfast_cache_evictions_total',
    type: 'counter',
    help: 'Sessions dropped from memory to make room.',
  },
  cacheSessions: {
    name: 'holdfast_cache_sessions',
    type: 'gauge',
    help: 'Sessions in memory, pinned ones included.',
  },
  cacheBytes: { name: 'holdfast_cache_bytes', type: 'gauge', help: 'Bytes of the sessions in memory.' },
  recentBytes: {
    name: 'holdfast_recent_bytes',
    type: 'gauge',
    help: 'Bytes of what was stored within the last minute, kept to be offered again to a store that went back.',
  },
  rehydrations: {
    name: 'holdfast_rehydrations_total',
    type: 'counter',
    help: 'Sessions loaded from the store.',
  },
  commits: {
    name: 'holdfast_commits_total',
    type: 'counter',
    labels: ['outcome'],
    help: 'Commits by outcome (ok, stored, moved, exists, gone, diverged, aliased, refused, unavailable, error).',
  },
  commitSeconds: {
    name: 'holdfast_commit_seconds',
    type: 'histogram',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    help: 'Time until a commit was answered by the store, whatever the answer.',
  },
  pendingRecords: { name: 'holdfast_pending_records', type: 'gauge', help: 'Records waiting for the store.' },
  pendingBytes: { name: 'holdfast_pending_bytes', type: 'gauge', help: 'Bytes waiting for the store.' },
  outageJournalChanges: {
    name: 'holdfast_outage_journal_changes',
    type: 'gauge',
    help: 'Acknowledged changes that the outage journal has on disk.',
  },
  refusedRecords: {
    name: 'holdfast_refused_records_total',
    type: 'counter',
    help: 'Records acknowledged during an outage that no longer applied afterwards.',
  },
  damagedRecords: {
    name: 'holdfast_damaged_records_total',
    type: 'counter',
    help: 'Stored records that could not be read.',
  },
  unopenedRecords: {
    name: 'holdfast_unopened_records_total',
    type: 'counter',
    labels: ['reason'],
    help: 'Stored records and summaries that did not open (unknown-key, not-authentic, not-sealed, too-large, malformed), each time they were read.',
  },
  droppedRecords: {
    name: 'holdfast_dropped_records_total',
    type: 'counter',
    labels: ['reason'],
    help: 'Waiting records that were given up (expired, gone, diverged, fenced).',
  },
  breakerOpen: {
    name: 'holdfast_breaker_open',
    type: 'gauge',
    aggregator: 'max',
    help: '1 while the store counts as away, else 0.',
  },
  tasksRunning: { name: 'holdfast_tasks_running', type: 'gauge', help: 'Tasks this instance is running.' },
  instancesAlive: {
    name: 'holdfast_instances_alive',
    type: 'gauge',
    aggregator: 'max',
    help: 'Instances that share the store and were alive when this one last looked, itself included.',
  },
  tasksRecovered: {
    name: 'holdfast_tasks_recovered_total',
    type: 'counter',
    help: 'Tasks settled because their runner was gone.',
  },
  tasksFenced: {
    name: 'holdfast_tasks_fenced_total',
    type: 'counter',
    help: 'Executors stopped because their task was no longer theirs; what they still published was dropped.',
  },
  cancels: {
    name: 'holdfast_cancels_total',
    type: 'counter',
    help: 'Cancels by how far this instance took them: requested, delivered, stopped or forced.',
    labels: ['outcome'],
  },
  webhooks: {
    name: 'holdfast_webhooks_total',
    type: 'counter',
    labels: ['outcome'],
    help: 'Attempts to deliver to a webhook (ok, failed), and webhooks that were given up (parked).',
  },
  webhooksWaiting: {
    name: 'holdfast_webhooks_waiting',
    type: 'gauge',
    help: 'Webhooks that this instance is delivering to, or has an attempt waiting for.',
  },
  rateRefused: {
    name: 'holdfast_rate_refused_total',
    type: 'counter',
    labels: ['tier'],
    help: 'Requests refused because the rate of their tier was reached.',
  },
  credentialsTurnedAway: {
    name: 'holdfast_credentials_turned_away_total',
    type: 'counter',
    help: 'Credentials that were not looked at because their address had shown too many wrong ones.',
  },
  auditLost: {
    name: 'holdfast_audit_lost_total',
    type: 'counter',
    help: 'Lines of the audit stream that could not be written.',
  },
  connectionsRefused: {
    name: 'holdfast_connections_refused_total',
    type: 'counter',
    help: 'Connections closed at once because there were A2A_MAX_CONNECTIONS.',
  },
  streamsOpen: {
    name: 'holdfast_streams_open',
    type: 'gauge',
    counted: true,
    help: 'Streams that are open now.',
  },
  streamsCut: {
    name: 'holdfast_streams_cut_total',
    type: 'counter',
    help: 'Streams cut off because their reader was too slow.',
  },
} as const satisfies Record<string, MetricRow & { readonly name: string }>;

type Table = typeof METRICS;
type LabelOf<R> = R extends { labels: readonly (infer L extends string)[] } ? L : never;
type MetricOf<R> = R extends { type: 'counter' }
  ? R extends { labels: unknown }
    ? TalliedCounter<LabelOf<R>>
    : Counter
  : R extends { type: 'gauge' }
    ? Gauge<LabelOf<R>>
    : Histogram<LabelOf<R>>;

type GaugeName = {
  [K in keyof Table]: Table[K] extends { counted: true }
    ? never
    : Table[K]['type'] extends 'gauge'
      ? K
      : never;
}[keyof Table];

/** The metrics of one server. Each has its own registry, so that several servers in one process do not mix. */
export type Metrics = { readonly [K in keyof Table]: MetricOf<Table[K]> } & {
  readonly registry: Registry;
  /** Where the gauges get their values from when they are asked for. */
  collect(sources: Readonly<Record<GaugeName, () => number>>): void;
};

export function createMetrics(): Metrics {
  const registry = new Registry();
  const sources: Partial<Record<string, () => number>> = {};
  const made: Record<string, Counter | Gauge | Histogram> = {};
  for (const [field, row] of Object.entries(METRICS) as [string, MetricRow & { name: string }][]) {
    const base = {
      name: row.name,
      help: row.help,
      labelNames: [...(row.labels ?? [])],
      registers: [registry],
      ...(row.aggregator !== undefined && { aggregator: row.aggregator }),
    };
    if (row.type === 'counter') made[field] = row.labels ? new TalliedCounter(base) : new Counter(base);
    else if (row.type === 'gauge') {
      made[field] = new Gauge({
        ...base,
        collect() {
          const source = sources[field];
          if (source !== undefined) this.set(source());
        },
      });
    } else made[field] = new Histogram({ ...base, buckets: [...(row.buckets ?? [])] });
  }
  // The loop makes each field as its row of the table says, which is how `Metrics` is derived from it.
  const collect: Metrics['collect'] = (given) => Object.assign(sources, given);
  return { ...made, registry, collect } as unknown as Metrics;
}
