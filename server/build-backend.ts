import type { DurationMs } from '../protocol/units.ts';
import { A2AService } from './a2a/a2a-service.ts';
import { TaskRunner } from './a2a/task-runner.ts';
import type { Backend, BackendContext } from './backend.ts';
import { buildEraser } from './build-erasure.ts';
import { buildOutageJournal } from './build-outage.ts';
import { buildPush } from './build-push.ts';
import { buildSealer } from './build-sealing.ts';
import { buildStore } from './build-store.ts';
import { StoreWarnings } from './build-warnings.ts';
import type { Metrics } from './observability/metrics.ts';
import type { Tally } from './observability/tallied-counter.ts';
import { UrlGuard } from './security/url-guard.ts';
import { A2ASessionManager } from './sessions/session-manager.ts';
import { SYSTEM_CLOCK, type SessionCounters } from './sessions/session-parts.ts';

/** The real parts, wired: store behind its breaker, sessions, runner, operations. @throws {StartError} @throws {ConfigError} */
export async function buildBackend(context: BackendContext): Promise<Backend> {
  const { config, log, metrics, agent } = context;
  const clock = { ...SYSTEM_CLOCK, now: context.now };
  const sealer = await buildSealer(context);
  const outage = await buildOutageJournal(context, sealer);
  const built = await buildStore(context, sealer);
  const { breaker } = built;
  const warnings = new StoreWarnings(breaker, log);
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
    // A store in this process does not go back.
    ...(built.breaker.kind !== 'redis' && { ownMaxBytes: 0 }),
    outage,
    deadMs,
    counters: toCounters(metrics),
    log,
  });
  const { taskTimeoutMs } = config;
  const runner = new TaskRunner({
    agent,
    sessions,
    clock,
    log,
    ttlMs,
    ttlRefresh,
    taskTimeoutMs,
    cancelGraceMs: config.cancelGraceMs,
    maxResumes: config.maxResumes,
    onCancel: (outcome) => {
      metrics.cancels.inc({ outcome });
    },
    onFenced: () => {
      metrics.tasksFenced.inc();
    },
  });
  const urlGuard = new UrlGuard({ allow: config.pushAllow });
  const dispatcher = buildPush({ config, sessions, urlGuard, clock, log, metrics });
  const settings = {
    scope: config.scope,
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
      void warnings.look();
    } else {
      wasAway = true;
      log('store_unavailable', { why });
    }
  });
  built.onPartBack(() => {
    sessions.storeIsBack(true);
  });
  metrics.collect({
    pendingRecords: () => sessions.pending.records,
    pendingBytes: () => sessions.pending.bytes,
    outageJournalChanges: () => outage?.changes ?? 0,
    cacheSessions: () => sessions.stats.inUse + sessions.stats.cached,
    cacheBytes: () => sessions.stats.cachedBytes,
    recentBytes: () => sessions.stats.recentBytes,
    tasksRunning: () => runner.size,
    instancesAlive: () => sessions.liveness.alive,
    webhooksWaiting: () => dispatcher.size,
    breakerOpen: () => (breaker.state === 'open' ? 1 : 0),
  });
  const operations = new A2AService({ sessions, runner, urlGuard, clock, log, onRecovered, settings });
  const eraser = buildEraser(breaker, config);
  return {
    operations,
    erase: (target) => eraser.erase(target),
    storeKind: breaker.kind,
    storeLocation: breaker.location,
    keptIn: () => (outage?.isFailing === false ? outage.location : undefined),
    readiness: () => ({
      storeAnsweredOnce: answeredOnce,
      degraded: [
        ...(breaker.state === 'open' ? ['the store is away'] : []),
        ...(sessions.pending.records > 0 ? ['records wait for the store'] : []),
        ...(outage?.isFailing === true ? ['the outage journal cannot be written'] : []),
      ],
      pending: {
        records: sessions.pending.records,
        bytes: sessions.pending.bytes,
        ...(outage && { kept: !outage.isFailing }),
      },
      warnings: warnings.texts,
      instances: { me: sessions.instance, alive: sessions.liveness.alive },
    }),
    wasLateSince: (since) => built.wasLateSince(since),
    start: async () => {
      await built.start();
      wasAway = !answeredOnce;
      if (wasAway) log('store_unavailable', { why: built.because('it has not answered since the start') });
      await sessions.start();
      operations.reaper.start();
      dispatcher.start();
    },
    drain: async (deadline) => {
      const leftMs = (): DurationMs => Math.max(0, deadline - context.now());
      runner.beginDrain();
      // It may still be about to run a task again.
      await operations.reaper.close();
      operations.streams.endIdle();
      await runner.drain(leftMs());
      // They tell what their tasks have come to, and no more is to come.
      operations.streams.close();
      // After the tasks, whose ends are news; what is left of it is for whoever starts next.
      await dispatcher.drain(leftMs());
      await sessions.drain(leftMs());
    },
    close: async () => {
      // What was begun after everything else had ended.
      await runner.drain(0);
      await sessions.close();
      await built.close();
      await outage?.close();
    },
  };
}

function toCounters(metrics: Metrics): SessionCounters {
  /** By outcome. */
  const commits = new Map<string, Tally>();
  const commitSeconds = metrics.commitSeconds.labels();
  return {
    commit: (outcome, tookMs) => {
      let tally = commits.get(outcome);
      if (tally === undefined) commits.set(outcome, (tally = metrics.commits.tally({ outcome })));
      tally.count += 1;
      if (tookMs !== undefined) commitSeconds.observe(tookMs / 1000);
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
