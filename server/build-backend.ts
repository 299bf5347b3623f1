import type { DurationMs } from '../protocol/units.ts';
import { A2AService } from './a2a/a2a-service.ts';
import { TaskRunner } from './a2a/task-runner.ts';
import type { Backend, BackendContext } from './backend.ts';
import { buildPush } from './build-push.ts';
import { buildStore } from './build-store.ts';
import type { Metrics } from './observability/metrics.ts';
import { UrlGuard } from './security/url-guard.ts';
import { A2ASessionManager } from './sessions/session-manager.ts';
import { SYSTEM_CLOCK, type SessionCounters } from './sessions/session-parts.ts';

/** The real parts, wired: store behind its breaker, sessions, runner, operations. @throws {StartError} */
export async function buildBackend(context: BackendContext): Promise<Backend> {
  const { config, log, metrics, agent } = context;
  const clock = { ...SYSTEM_CLOCK, now: context.now };
  const built = await buildStore(context);
  const { breaker } = built;
  const { sessionTtlMs: ttlMs, sessionTtlRefresh: ttlRefresh, deadMs } = config;
  const sessions = new A2ASessionManager({
    onDue: (ref) => {
      dispatcher.wake(ref);
    },
    store: breaker,
    isAway: () => breaker.state === 'open',
    instance: built.instance,
    clock,
    ttlMs,
    ttlRefresh,
    coherence: config.cacheCoherence,
    resumeMs: config.resumeMs,
    cache: { maxSessions: config.cacheMaxSessions, maxBytes: config.cacheMaxBytes },
    limits: {
      recordMaxBytes: config.recordMaxBytes,
      sessionMaxBytes: config.sessionMaxBytes,
      sessionMaxRecords: config.sessionMaxRecords,
    },
    pending: { maxRecords: config.pendingMaxRecords, maxBytes: config.pendingMaxBytes },
    deadMs,
    counters: toCounters(metrics),
    log,
  });
  const { taskTimeoutMs } = config;
  const runner = new TaskRunner({ agent, sessions, clock, log, ttlMs, ttlRefresh, taskTimeoutMs });
  const urlGuard = new UrlGuard({ allow: config.pushAllow });
  const dispatcher = buildPush({ config, sessions, urlGuard, clock, log, metrics });
  const settings = {
    idempotency: config.idempotency,
    idempotencyWindowMs: config.idempotencyWindowMs,
    blockingMs: config.blockingTimeoutMs,
    cancelGraceMs: config.cancelGraceMs,
  };
  const onRecovered = (): void => {
    metrics.tasksRecovered.inc();
  };
  let wasAway = false;
  let answeredOnce = breaker.state === 'closed';
  breaker.onChange((state, why) => {
    if (state === 'closed') {
      // A store that answers at once was never away.
      if (wasAway) log('store_recovered', { pendingRecords: sessions.pending.records });
      wasAway = false;
      answeredOnce = true;
      sessions.storeIsBack();
    } else {
      wasAway = true;
      log('store_unavailable', { why });
    }
  });
  metrics.collect({
    pendingRecords: () => sessions.pending.records,
    pendingBytes: () => sessions.pending.bytes,
    cacheSessions: () => sessions.stats.inUse + sessions.stats.cached,
    cacheBytes: () => sessions.stats.cachedBytes,
    tasksRunning: () => runner.size,
    webhooksWaiting: () => dispatcher.size,
    breakerOpen: () => (breaker.state === 'open' ? 1 : 0),
  });
  const operations = new A2AService({ sessions, runner, urlGuard, clock, log, onRecovered, settings });
  return {
    operations,
    storeKind: breaker.kind,
    storeLocation: breaker.location,
    readiness: () => ({
      storeAnsweredOnce: answeredOnce,
      degraded: [
        ...(breaker.state === 'open' ? ['the store is away'] : []),
        ...(sessions.pending.records > 0 ? ['records wait for the store'] : []),
      ],
      pending: { records: sessions.pending.records, bytes: sessions.pending.bytes },
    }),
    start: async () => {
      await built.start();
      wasAway = !answeredOnce;
      if (wasAway) log('store_unavailable', { why: 'it has not answered since the start' });
      await sessions.start();
      dispatcher.start();
    },
    drain: async (deadline) => {
      const leftMs = (): DurationMs => Math.max(0, deadline - context.now());
      operations.streams.endIdle();
      await runner.drain(leftMs());
      // They tell what their tasks have come to, and no more is to come.
      operations.streams.close();
      // After the tasks, whose ends are news; what is left of it is for whoever starts next.
      await dispatcher.drain(leftMs());
      await sessions.drain(leftMs());
    },
    close: async () => {
      await sessions.close();
      await built.close();
    },
  };
}

function toCounters(metrics: Metrics): SessionCounters {
  return {
    commit: (outcome, tookMs) => {
      metrics.commits.inc({ outcome });
      if (tookMs !== undefined) metrics.commitSeconds.observe(tookMs / 1000);
    },
    rehydrated: () => {
      metrics.rehydrations.inc();
    },
    cache: (outcome) => {
      (outcome === 'hit' ? metrics.cacheHits : metrics.cacheMisses).inc();
    },
    evicted: () => {
      metrics.cacheEvictions.inc();
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
