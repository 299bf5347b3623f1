/** What Prometheus may have seen, and which alerts then fire: these and no others. For `promtool test rules`. */

interface AlertCase {
  readonly title: string;
  /** Series without the labels of the scrape -> values, one every 15 s, as promtool writes them. */
  readonly seen: Readonly<Record<string, string>>;
  readonly at: string;
  readonly fires: readonly string[];
}

const SCRAPE_SECONDS = 15;

/** A counter that was 0 and then rose once. */
const ROSE = '0+0x8 1+0x8';
const rises = (series: string, fires: string, values = ROSE): AlertCase => ({
  ...{ title: `${series} has risen`, seen: { [series]: values }, at: '3m', fires: [fires] },
});

/** `bad` of 100 observations of each scrape are above 0.1. */
const latency = (metric: string, bad: number): Record<string, string> => ({
  [`${metric}_bucket{le="0.1"}`]: `0+${100 - bad}x80`,
  [`${metric}_bucket{le="1"}`]: '0+100x80',
  [`${metric}_bucket{le="+Inf"}`]: '0+100x80',
});

/** Of 100 requests of each scrape, how many ended so. */
const requests = (outcome: string, count: number): Record<string, string> => ({
  'holdfast_requests_total{outcome="ok"}': `0+${100 - count}x80`,
  [`holdfast_requests_total{outcome="${outcome}"}`]: `0+${count}x80`,
});

const commits = (outcome: string, count: number): Record<string, string> => ({
  'holdfast_commits_total{outcome="ok"}': `0+${100 - count}x80`,
  [`holdfast_commits_total{outcome="${outcome}"}`]: `0+${count}x80`,
});

const cache = (hits: number, evictions: number): Record<string, string> => ({
  holdfast_cache_hits_total: `0+${hits}x200`,
  holdfast_cache_misses_total: `0+${100 - hits}x200`,
  holdfast_cache_evictions_total: `0+${evictions}x200`,
});

const webhooks = (failed: number): Record<string, string> => ({
  'holdfast_webhooks_total{outcome="ok"}': `0+${100 - failed}x200`,
  'holdfast_webhooks_total{outcome="failed"}': `0+${failed}x200`,
});

const alive = (title: string, values: string, at: string, fires: readonly string[] = []): AlertCase => ({
  ...{ title, seen: { holdfast_instances_alive: values }, at, fires },
});

const quiet = (title: string, seen: Readonly<Record<string, string>>, at = '40m'): AlertCase => ({
  ...{ title, seen, at, fires: [] },
});

export const ALERT_CASES: readonly AlertCase[] = [
  { title: 'it is down', seen: { up: '1+0x8 0+0x20' }, at: '5m', fires: ['HoldfastDown'] },
  quiet('one scrape is missed', { up: '1+0x8 0 1+0x20' }, '3m'),

  alive('one of three is gone', '3+0x200 2+0x80', '57m', ['HoldfastInstanceMissing']),
  alive('a new one came before each old one went', '3+0x200 4+0x12 3+0x80', '62m'),
  alive('a new one has seen the last of the old', '4+0x8 3+0x80', '12m'),
  alive('who crashed is back under another name', '3+0x200 4 3+0x80', '60m'),

  {
    title: 'it has started three times',
    seen: { holdfast_start_time_seconds: '1+0x20 2+0x20 3+0x20 4+0x20' },
    at: '18m',
    fires: ['HoldfastRestarting'],
  },
  quiet('it was upgraded and rolled back', { holdfast_start_time_seconds: '1+0x20 2+0x20 3+0x40' }, '18m'),

  { title: 'it is not ready', seen: { holdfast_ready: '0+0x20' }, at: '4m', fires: ['HoldfastNotReady'] },
  quiet('it drains, and is another', { holdfast_ready: '1+0x8 0+0x3 1+0x20' }, '4m'),

  {
    title: 'the store is away',
    seen: {
      holdfast_breaker_open: '0+0x4 1+0x80',
      holdfast_pending_records: '0+0x4 9+0x80',
      holdfast_outage_journal_changes: '0+0x4 9+0x80',
      holdfast_pending_ratio: '0+0x4 0.5+0x80',
    },
    at: '15m',
    fires: ['HoldfastStoreAway'],
  },
  {
    title: 'the store is away for long',
    seen: { holdfast_breaker_open: '1+0x20', holdfast_pending_ratio: '0.61+0x20' },
    at: '4m',
    fires: ['HoldfastPendingNearFull', 'HoldfastStoreAway'],
  },
  {
    title: 'records wait for nothing',
    seen: { holdfast_breaker_open: '0+0x80', holdfast_pending_records: '3+0x80' },
    at: '4m',
    fires: ['HoldfastPendingStuck'],
  },
  {
    title: 'an outage journal is not emptied',
    seen: { holdfast_breaker_open: '0+0x80', holdfast_outage_journal_changes: '3+0x80' },
    at: '15m',
    fires: ['HoldfastOutageJournalNotEmpty'],
  },
  {
    title: 'an outage journal fails',
    seen: { holdfast_outage_journal_failing: '1+0x4' },
    at: '1m',
    fires: ['HoldfastOutageJournalFailing'],
  },

  rises('holdfast_dropped_records_total{reason="lost"}', 'HoldfastRecordsDropped'),
  quiet('a session was deleted', { 'holdfast_dropped_records_total{reason="deleted"}': ROSE }, '3m'),
  rises('holdfast_refused_records_total', 'HoldfastRecordsRefused'),
  rises('holdfast_damaged_records_total', 'HoldfastRecordsDamaged'),
  rises('holdfast_unopened_records_total{reason="unknown-key"}', 'HoldfastRecordsUnopened'),
  rises('holdfast_connections_refused_total', 'HoldfastConnectionsRefused'),
  rises('holdfast_credentials_turned_away_total', 'HoldfastCredentialsTurnedAway'),
  rises('holdfast_tasks_fenced_total', 'HoldfastTasksFenced'),
  rises('holdfast_webhooks_total{outcome="parked"}', 'HoldfastWebhooksParked'),
  rises('holdfast_audit_lost_total', 'HoldfastAuditLost'),
  rises('holdfast_tasks_recovered_total', 'HoldfastTasksRecovered', '0+0x8 30+0x8'),
  rises('holdfast_streams_cut_total', 'HoldfastStreamsCut', '0+0x8 150+0x8'),
  quiet(
    'a few tasks and streams ended so',
    { holdfast_tasks_recovered_total: '0+0x8 9+0x8', holdfast_streams_cut_total: '0+0x8 50+0x8' },
    '3m',
  ),

  { title: 'slow', seen: latency('holdfast_commit_seconds', 3), at: '12m', fires: ['HoldfastCommitsSlow'] },
  quiet('hardly ever slow', latency('holdfast_commit_seconds', 0), '12m'),
  {
    title: 'the loop is late',
    seen: latency('holdfast_event_loop_lag_seconds', 3),
    at: '12m',
    fires: ['HoldfastEventLoopLate'],
  },
  quiet('the loop is on time', latency('holdfast_event_loop_lag_seconds', 0), '12m'),

  { title: 'commits fail', seen: commits('error', 7), at: '12m', fires: ['HoldfastCommitsFailing'] },
  quiet('commits meet others', commits('moved', 40), '12m'),
  {
    title: 'requests fail',
    seen: requests('STORE_UNAVAILABLE', 2),
    at: '12m',
    fires: ['HoldfastRequestsFailing'],
  },
  quiet('callers are wrong', requests('INVALID_PARAMS', 90), '12m'),
  {
    title: 'requests are refused',
    seen: requests('RESOURCE_EXHAUSTED', 6),
    at: '12m',
    fires: ['HoldfastRequestsRefused'],
  },

  { title: 'it misses and drops', seen: cache(30, 60), at: '40m', fires: ['HoldfastCacheTooSmall'] },
  quiet('it has just started: it misses, and drops nothing', cache(30, 0)),
  quiet('it drops what nobody wants', cache(80, 60)),

  { title: 'webhooks fail', seen: webhooks(60), at: '40m', fires: ['HoldfastWebhooksFailing'] },
  quiet('some webhooks fail', webhooks(40)),
  {
    title: 'webhooks fall behind',
    seen: { holdfast_store_outbox_sessions: '1001+0x200' },
    at: '20m',
    fires: ['HoldfastOutboxGrowing'],
  },

  {
    title: 'two workers have no rest',
    seen: { holdfast_event_loop_busy_seconds_total: '0+28.5x200', holdfast_processes: '2+0x200' },
    at: '20m',
    fires: ['HoldfastBusy'],
  },
  quiet(
    'one of two workers has no rest',
    { holdfast_event_loop_busy_seconds_total: '0+14.5x200', holdfast_processes: '2+0x200' },
    '20m',
  ),
  {
    title: 'the heap is nearly full',
    seen: { holdfast_heap_used_ratio: '0.86+0x80' },
    at: '8m',
    fires: ['HoldfastHeapNearLimit'],
  },
];

/** With the labels of the scrape. */
const scraped = (series: string): string => {
  const [name = '', labels = ''] = series.split(/[{}]/);
  return `${name}{job="holdfast",instance="a:41241"${labels && `,${labels}`}}`;
};

/** What promtool reads: JSON is YAML. */
export const alertTests = (rulesFile: string): string =>
  JSON.stringify({
    rule_files: [rulesFile],
    evaluation_interval: `${SCRAPE_SECONDS}s`,
    tests: ALERT_CASES.map(({ title, seen, at, fires }) => ({
      name: title,
      interval: `${SCRAPE_SECONDS}s`,
      input_series: Object.entries(seen).map(([series, values]) => ({ series: scraped(series), values })),
      promql_expr_test: [
        {
          expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
          eval_time: at,
          exp_samples: fires.map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
        },
      ],
    })),
  });

/** Alerts that some case lets fire. */
export const alertsThatFire = (): ReadonlySet<string> => new Set(ALERT_CASES.flatMap(({ fires }) => fires));
