import { Counter, Gauge, type LabelValues, Registry } from 'prom-client';
import { COMMIT_METRICS } from './commit-metrics.ts';
import { RUNTIME_METRICS } from './runtime-metrics.ts';
import { STORE_METRICS } from './store-metrics.ts';
import { TASK_METRICS } from './task-metrics.ts';
import { TalliedCounter } from './tallied-counter.ts';
import { TalliedHistogram } from './tallied-histogram.ts';

interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
  /**
   * Values of the only label, where they are few and known: shown as 0 from the start, because Prometheus sees no increase
   * in a line that begins with 1.
   */
  readonly known?: readonly string[];
  /** Seconds. */
  readonly buckets?: readonly number[];
  /** A gauge that is moved where it changes, instead of being read when somebody asks. */
  readonly counted?: true;
  /** A counter that is read when somebody asks, because it is counted elsewhere. */
  readonly read?: true;
  /** How the values of several workers become one. Absent: their sum. */
  readonly aggregator?: 'max' | 'min';
}

/** Every metric, as data; the field of {@link Metrics} -> what Prometheus sees. Label values are from closed sets. */
export const METRICS = {
  requests: {
    name: 'holdfast_requests_total',
    type: 'counter',
    labels: ['dialect', 'method', 'outcome'],
    help: 'JSON-RPC requests by dialect, operation and outcome (ok, or the reason of the error).',
  },
  requestSeconds: {
    name: 'holdfast_request_seconds',
    type: 'histogram',
    labels: ['dialect', 'method', 'outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    help: 'Time from the whole request to its answer (ok, error), the agent included where a send waits for it; to the first event of a stream.',
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
  rehydrationSeconds: {
    name: 'holdfast_rehydration_seconds',
    type: 'histogram',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    help: 'Time until a session was loaded from the store.',
  },
  ...COMMIT_METRICS,
  breakerOpen: {
    name: 'holdfast_breaker_open',
    type: 'gauge',
    aggregator: 'max',
    help: '1 while the store counts as away, else 0.',
  },
  ready: {
    name: 'holdfast_ready',
    type: 'gauge',
    aggregator: 'min',
    help: '1 while /readyz answers 200, else 0; of several workers 0 when one is not ready.',
  },
  ...TASK_METRICS,
  rateRefused: {
    name: 'holdfast_rate_refused_total',
    type: 'counter',
    labels: ['tier'],
    help: 'Requests refused because the rate of their tier was reached.',
  },
  quotaRefused: {
    name: 'holdfast_quota_refused_total',
    type: 'counter',
    labels: ['limit', 'tier'],
    help: 'What was refused because a limit of the tier of its caller was reached.',
  },
  quotaExceeded: {
    name: 'holdfast_quota_exceeded_total',
    type: 'counter',
    labels: ['limit', 'tier'],
    help: 'Sessions and running tasks admitted while the store was away that turned out to be above the limit.',
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
  ...STORE_METRICS,
  ...RUNTIME_METRICS,
} as const satisfies Record<string, MetricRow & { readonly name: string }>;

type Table = typeof METRICS;
type LabelOf<R> = R extends { labels: readonly (infer L extends string)[] } ? L : never;
type MetricOf<R> = R extends { type: 'counter' }
  ? R extends { labels: unknown }
    ? TalliedCounter<LabelOf<R>>
    : Counter
  : R extends { type: 'gauge' }
    ? Gauge<LabelOf<R>>
    : TalliedHistogram<LabelOf<R>>;

type IsRead<R> = R extends { counted: true }
  ? false
  : R extends { type: 'gauge' } | { read: true }
    ? true
    : false;

/** One value for each combination of labels. */
export type LabelledValues<L extends string> = readonly {
  readonly labels: LabelValues<L>;
  readonly value: number;
}[];

/** Where the values come from that are read when somebody asks; undefined: not known now, nothing is shown. */
export type MetricSources = {
  readonly [K in keyof Table as IsRead<Table[K]> extends true ? K : never]: () =>
    // one line for each
    (Table[K] extends { labels: unknown } ? LabelledValues<LabelOf<Table[K]>> : number) | undefined;
};

/** The metrics of one server. Each has its own registry, so that several servers in one process do not mix. */
export type Metrics = { readonly [K in keyof Table]: MetricOf<Table[K]> } & {
  readonly registry: Registry;
  /** Adds to where values come from. */
  collect(sources: Partial<MetricSources>): void;
};

type AnySource = () => number | LabelledValues<string> | undefined;

export function createMetrics(): Metrics {
  const registry = new Registry();
  const sources: Partial<Record<string, AnySource>> = {};
  const made: Record<string, Counter | Gauge | TalliedHistogram<string>> = {};
  for (const [field, row] of Object.entries(METRICS) as [string, MetricRow & { name: string }][]) {
    const base: Base = {
      name: row.name,
      help: row.help,
      labelNames: [...(row.labels ?? [])],
      registers: [registry],
      ...(row.aggregator !== undefined && { aggregator: row.aggregator }),
    };
    const sourceOf = (): AnySource | undefined => sources[field];
    if (row.type === 'gauge') made[field] = createGauge(base, sourceOf);
    else if (row.type === 'histogram')
      made[field] = new TalliedHistogram({ ...base, buckets: row.buckets ?? [] });
    else if (row.read) made[field] = createReadCounter(base, sourceOf);
    else made[field] = row.labels ? createCounter(base, row.known) : new Counter(base);
  }
  // The loop makes each field as its row of the table says, which is how `Metrics` is derived from it.
  const collect: Metrics['collect'] = (given) => Object.assign(sources, given);
  return { ...made, registry, collect } as unknown as Metrics;
}

interface Base {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
  readonly aggregator?: 'max' | 'min';
}

function createGauge(base: Base, sourceOf: () => AnySource | undefined): Gauge {
  return new Gauge({
    ...base,
    collect() {
      const source = sourceOf();
      if (source === undefined) return;
      const value = source();
      if (typeof value === 'number') {
        this.set(value);
        return;
      }
      this.reset();
      // which leaves a 0 where there are no labels
      if (base.labelNames.length === 0) this.remove();
      for (const { labels, value: one } of value ?? []) this.set(labels, one);
    },
  });
}

function createCounter(base: Base, known: readonly string[] = []): TalliedCounter<string> {
  const counter = new TalliedCounter(base);
  const [label = ''] = base.labelNames;
  for (const value of known) counter.inc({ [label]: value }, 0);
  return counter;
}

function createReadCounter(base: Base, sourceOf: () => AnySource | undefined): Counter {
  return new Counter({
    ...base,
    collect() {
      const value = sourceOf()?.();
      this.reset();
      if (typeof value === 'number') this.inc(value);
    },
  });
}
