import type { DurationMs } from '../protocol/units.ts';
import { A2AService } from './a2a/a2a-service.ts';
import { TaskRunner } from './a2a/task-runner.ts';
import type { Backend, BackendContext } from './backend.ts';
import { collectMetrics, toCounters } from './build-metrics.ts';
import { buildOutageJournal } from './build-outage.ts';
import { buildPush } from './build-push.ts';
import { buildSealer } from './build-sealing.ts';
import { buildStore } from './build-store.ts';
import { traceAgent } from './build-tracing.ts';
import { StoreWarnings } from './build-warnings.ts';
import type { HealthReason } from './http/health-reasons.ts';
import { UrlGuard } from './security/url-guard.ts';
import type { OutageJournal } from './sessions/outage-journal.ts';
import type { PendingLedger } from './sessions/pending.ts';
import { A2ASessionManager } from './sessions/session-manager.ts';
import { SYSTEM_CLOCK } from './sessions/session-parts.ts';

/** The real parts, wired: store behind its breaker, sessions, runner, operations. @throws {StartError} @throws {ConfigError} */
export async function buildBackend(context: BackendContext): Promise<Backend> {
  const { config, log, metrics, tracing } = context;
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
    agent: traceAgent(context.agent, tracing),
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
  const dispatcher = buildPush({ config, sessions, urlGuard, clock, log, metrics, tracing });
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
  let isDraining = false;
  const isReady = (): boolean => answeredOnce && !isDraining;
  collectMetrics({ config, metrics, sessions, runner, dispatcher, breaker, outage, isReady });
  const operations = new A2AService({ sessions, runner, urlGuard, clock, log, onRecovered, settings });
  return {
    operations,
    storeKind: breaker.kind,
    storeLocation: breaker.location,
    keptIn: () => (outage?.isFailing === false ? outage.location : undefined),
    readiness: () => ({
      storeAnsweredOnce: answeredOnce,
      degraded: reasonsOf(breaker.state === 'open', sessions.pending, outage),
      pending: {
        records: sessions.pending.records,
        bytes: sessions.pending.bytes,
        ...(outage && { kept: !outage.isFailing }),
      },
      warnings: warnings.found,
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
      isDraining = true;
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

function reasonsOf(
  isAway: boolean,
  pending: PendingLedger,
  outage: OutageJournal | undefined,
): HealthReason[] {
  const reasons: HealthReason[] = [];
  if (isAway) reasons.push('store_away');
  if (pending.records > 0) reasons.push('records_pending');
  if (pending.isFull) reasons.push('pending_full');
  if (outage?.isFailing === true) reasons.push('outage_journal_failing');
  return reasons;
}
