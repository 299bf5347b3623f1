import type { SessionsContext } from './backend.ts';
import { toCounters } from './build-metrics.ts';
import { buildOutageJournal } from './build-outage.ts';
import { buildSealer } from './build-sealing.ts';
import { buildStore, type BuiltStore } from './build-store.ts';
import { StoreWarnings } from './build-warnings.ts';
import type { Config } from './config.ts';
import type { OutageJournal } from './sessions/outage-journal.ts';
import { A2ASessionManager } from './sessions/session-manager.ts';
import type { SessionManagerOptions } from './sessions/session-manager-options.ts';
import { SYSTEM_CLOCK } from './sessions/session-parts.ts';

/** The sessions over the configured store, which follow it when it goes away and comes back. */
export interface BuiltSessions {
  readonly sessions: A2ASessionManager;
  readonly built: BuiltStore;
  readonly outage: OutageJournal | undefined;
  readonly warnings: StoreWarnings;
  /** Whether the store has answered since the start. */
  answeredOnce(): boolean;
  /** @throws {StartError} */
  start(): Promise<void>;
  /** Never throws. */
  close(): Promise<void>;
}

/** @throws {StartError} @throws {ConfigError} */
export async function buildSessions(
  context: SessionsContext,
  given: Pick<SessionManagerOptions, 'onDue' | 'quotas'> = {},
): Promise<BuiltSessions> {
  const { config, log, metrics } = context;
  const sealer = await buildSealer(context);
  const outage = await buildOutageJournal(context, sealer);
  const built = await buildStore(context, sealer);
  const { breaker } = built;
  const warnings = new StoreWarnings(breaker, log);
  const sessions = new A2ASessionManager({
    ...settingsOf(config),
    ...given,
    store: breaker,
    isAway: () => breaker.state === 'open',
    instance: built.instance,
    clock: { ...SYSTEM_CLOCK, now: context.now },
    // A store in this process does not go back.
    ...(breaker.kind !== 'redis' && { ownMaxBytes: 0 }),
    outage,
    counters: toCounters(metrics),
    log,
  });
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
  return {
    sessions,
    built,
    outage,
    warnings,
    answeredOnce: () => answeredOnce,
    start: async () => {
      await built.start();
      wasAway = !answeredOnce;
      if (wasAway) log('store_unavailable', { why: built.because('it has not answered since the start') });
      await sessions.start();
    },
    close: async () => {
      await sessions.close();
      await built.close();
      await outage?.close();
    },
  };
}

/** What of the configuration is about sessions, in the manager's words. */
const settingsOf = (config: Config) => ({
  ttlMs: config.sessionTtlMs,
  ttlRefresh: config.sessionTtlRefresh,
  coherence: config.cacheCoherence,
  resumeMs: config.resumeMs,
  cache: { maxSessions: config.cacheMaxSessions, maxBytes: config.cacheMaxBytes },
  limits: {
    recordMaxBytes: config.recordMaxBytes,
    sessionMaxBytes: config.sessionMaxBytes,
    sessionMaxRecords: config.sessionMaxRecords,
  },
  pending: { maxRecords: config.pendingMaxRecords, maxBytes: config.pendingMaxBytes },
  deadMs: config.deadMs,
});
