import type { PushDispatcher } from './a2a/push-dispatcher.ts';
import type { TaskRunner } from './a2a/task-runner.ts';
import type { Config } from './config.ts';
import type { Metrics, MetricSources } from './observability/metrics.ts';
import { RUNTIME_SOURCES } from './observability/runtime-metrics.ts';
import type { Tally } from './observability/tallied-counter.ts';
import type { HistogramTally } from './observability/tallied-histogram.ts';
import { packageVersion } from './package-info.ts';
import type { OutageJournal } from './sessions/outage-journal.ts';
import type { A2ASessionManager } from './sessions/session-manager.ts';
import type { SessionCounters } from './sessions/session-parts.ts';
import { StoreCensus } from './sessions/store-census.ts';
import type { BreakerStore } from './stores/breaker.ts';

export interface MetricsContext {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly sessions: A2ASessionManager;
  readonly runner: TaskRunner;
  readonly dispatcher: PushDispatcher;
  readonly breaker: BreakerStore;
  readonly outage: OutageJournal | undefined;
  readonly isReady: () => boolean;
}

/** Says where the values come from that are read when somebody asks. Asking costs the store nothing that grows. */
export function collectMetrics(context: MetricsContext): void {
  const { config, metrics, sessions, runner, dispatcher, breaker, outage, isReady } = context;
  const { pending } = sessions;
  const isAway = (): boolean => breaker.state === 'open';
  const census = new StoreCensus({ store: breaker, isAway, mono: () => performance.now() });
  metrics.collect({
    pendingRecords: () => pending.records,
    pendingBytes: () => pending.bytes,
    pendingRatio: () =>
      Math.max(pending.records / config.pendingMaxRecords, pending.bytes / config.pendingMaxBytes),
    outageJournalChanges: () => outage?.changes ?? 0,
    outageJournalFailing: () => (outage?.isFailing === true ? 1 : 0),
    cacheSessions: () => sessions.stats.inUse + sessions.stats.cached,
    cacheBytes: () => sessions.stats.cachedBytes,
    recentBytes: () => sessions.stats.recentBytes,
    tasksRunning: () => runner.size,
    instancesAlive: () => sessions.liveness.alive,
    webhooksWaiting: () => dispatcher.size,
    breakerOpen: () => (isAway() ? 1 : 0),
    ready: () => (isReady() ? 1 : 0),
    storeSessions: () => census.latest?.sessions,
    storeOutbox: () => census.latest?.outbox,
    storeTasks: () => {
      const tasks = census.latest?.tasks;
      return tasks && [...tasks].map(([state, value]) => ({ labels: { state: shortened(state) }, value }));
    },
    tenantSessions: () => {
      const sessionsOf = census.latest?.sessionsOf;
      return config.metricsTenants.flatMap((tenant) => {
        const value = sessionsOf?.get(tenant);
        return value === undefined ? [] : [{ labels: { tenant }, value }];
      });
    },
    buildInfo: () => [{ labels: { version: packageVersion(), store: breaker.kind }, value: 1 }],
    ...RUNTIME_SOURCES,
  } satisfies MetricSources);
}

/** `TASK_STATE_INPUT_REQUIRED` -> `input-required`. */
const shortened = (state: string): string =>
  state.slice('TASK_STATE_'.length).toLowerCase().replaceAll('_', '-');

export function toCounters(metrics: Metrics): SessionCounters {
  /** By outcome. */
  const commits = new Map<string, { readonly tally: Tally; readonly seconds: HistogramTally }>();
  const rehydrationSeconds = metrics.rehydrationSeconds.tally({});
  return {
    commit: (outcome, tookMs) => {
      let of = commits.get(outcome);
      if (of === undefined) {
        of = {
          tally: metrics.commits.tally({ outcome }),
          seconds: metrics.commitSeconds.tally({ outcome }),
        };
        commits.set(outcome, of);
      }
      of.tally.count += 1;
      if (tookMs !== undefined) of.seconds.observe(tookMs / 1000);
    },
    rehydrated: (tookMs) => {
      metrics.rehydrations.inc();
      rehydrationSeconds.observe(tookMs / 1000);
    },
    cache: (outcome) => {
      (outcome === 'hit' ? metrics.cacheHits : metrics.cacheMisses).inc();
    },
    evicted: () => {
      metrics.cacheEvictions.inc();
    },
    rebased: () => {
      metrics.rebases.inc();
    },
    refused: (count) => {
      metrics.refusedRecords.inc(count);
    },
    dropped: (count, reason) => {
      metrics.droppedRecords.inc({ reason }, count);
    },
    damaged: () => {
      metrics.damagedRecords.inc();
    },
  };
}
