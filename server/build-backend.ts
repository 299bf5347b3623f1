import type { DurationMs } from '../protocol/units.ts';
import { A2AService } from './a2a/a2a-service.ts';
import { TaskRunner } from './a2a/task-runner.ts';
import type { Backend, BackendContext } from './backend.ts';
import { buildPush } from './build-push.ts';
import { buildSessions } from './build-sessions.ts';
import { UrlGuard } from './security/url-guard.ts';
import { SYSTEM_CLOCK } from './sessions/session-parts.ts';

/** The real parts, wired: store behind its breaker, sessions, runner, operations. @throws {StartError} @throws {ConfigError} */
export async function buildBackend(context: BackendContext): Promise<Backend> {
  const { config, log, metrics, agent } = context;
  const clock = { ...SYSTEM_CLOCK, now: context.now };
  const stored = await buildSessions(context, {
    onDue: (ref) => {
      dispatcher.wake(ref);
    },
  });
  const { sessions, built, outage, warnings } = stored;
  const { breaker } = built;
  const { sessionTtlMs: ttlMs, sessionTtlRefresh: ttlRefresh } = config;
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
  return {
    operations,
    storeKind: breaker.kind,
    storeLocation: breaker.location,
    keptIn: () => (outage?.isFailing === false ? outage.location : undefined),
    readiness: () => ({
      storeAnsweredOnce: stored.answeredOnce(),
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
      await stored.start();
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
      await stored.close();
    },
  };
}
