import type { DurationMs } from '../protocol/units.ts';
import { A2AService } from './a2a/a2a-service.ts';
import { TaskRunner } from './a2a/task-runner.ts';
import type { Backend, BackendContext } from './backend.ts';
import { buildEraser } from './build-erasure.ts';
import { collectMetrics } from './build-metrics.ts';
import { buildPush } from './build-push.ts';
import { buildQuotas } from './build-quotas.ts';
import { buildSessions } from './build-sessions.ts';
import { traceAgent } from './build-tracing.ts';
import type { HealthReason } from './http/health-reasons.ts';
import { UrlGuard } from './security/url-guard.ts';
import type { OutageJournal } from './sessions/outage-journal.ts';
import type { PendingLedger } from './sessions/pending.ts';
import { SYSTEM_CLOCK } from './sessions/session-parts.ts';

/** The real parts, wired: store behind its breaker, sessions, runner, operations. @throws {StartError} @throws {ConfigError} */
export async function buildBackend(context: BackendContext): Promise<Backend> {
  const { config, log, metrics, tracing } = context;
  const clock = { ...SYSTEM_CLOCK, now: context.now };
  const quotas = buildQuotas(context);
  const stored = await buildSessions(context, {
    quotas: quotas?.ledger,
    onDue: (ref) => {
      dispatcher.wake(ref);
    },
  });
  const { sessions, built, outage, warnings } = stored;
  const { breaker } = built;
  const { sessionTtlMs: ttlMs, sessionTtlRefresh: ttlRefresh } = config;
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
  let isDraining = false;
  const isReady = (): boolean => stored.answeredOnce() && !isDraining;
  collectMetrics({ config, metrics, sessions, runner, dispatcher, breaker, outage, isReady });
  const given = { sessions, runner, urlGuard, clock, log, onRecovered, settings, quotas: quotas?.callers };
  const operations = new A2AService(given);
  const eraser = buildEraser(breaker, config);
  return {
    operations,
    erase: (target) => eraser.erase(target),
    storeKind: breaker.kind,
    storeLocation: breaker.location,
    keptIn: () => (outage?.isFailing === false ? outage.location : undefined),
    readiness: () => ({
      storeAnsweredOnce: stored.answeredOnce(),
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
      await stored.start();
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
      await stored.close();
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
