import type { EpochMs } from '../protocol/units.ts';
import type { StopReport } from './backend.ts';
import { buildSessions } from './build-sessions.ts';
import type { Config } from './config.ts';
import { createLogger, type LogDestination } from './observability/logger.ts';
import { createMetrics } from './observability/metrics.ts';
import { showSpace } from './security/space.ts';
import type { A2ASessionManager } from './sessions/session-manager.ts';
import type { SessionStore } from './sessions/session-store.ts';

/** What may be handed in instead of being built from the configuration. */
export interface SessionsParts {
  /** Instead of the configured one. It is closed with the sessions. */
  readonly store?: SessionStore;
  /** Where log lines go; absent: nowhere. */
  readonly logDestination?: LogDestination;
  readonly now?: () => EpochMs;
  /** Of this process, to be told to a second one that finds the data folder locked. Default 0. */
  readonly pid?: number;
}

/** Sessions that are in use by a program, without a server. */
export interface OpenSessions {
  readonly sessions: A2ASessionManager;
  /** Kind of the store (`redis`, `lmdb`, `memory`), and where it is. */
  readonly storeKind: string;
  readonly storeLocation: string;
  /**
   * Waits up to A2A_DRAIN_SECONDS until everything acknowledged is stored, and lets go of the store. Idempotent.
   *
   * @returns what is not stored, when the store was away for so long
   */
  readonly close: () => Promise<StopReport>;
}

/**
 * The sessions of the configured store, in use without an endpoint: cached, written through, acknowledged from memory
 * while the store is away. An instance like any other, beside servers on the same Redis.
 *
 * @throws {StartError} when the data folder is locked or unusable, or the store was set up with other settings. A store
 * that is away is no error
 * @throws {ConfigError} when a file that is named is no longer usable
 */
export async function openSessions(config: Config, parts: SessionsParts = {}): Promise<OpenSessions> {
  const { store, now = Date.now, pid = 0, logDestination: destination = { write: () => true } } = parts;
  const log = createLogger({ level: config.logLevel, destination, now, show: showSpace });
  const context = { config, log, metrics: createMetrics(), now, pid };
  const stored = await buildSessions({ ...context, ...(store && { store }) });
  const { sessions, built, outage } = stored;
  try {
    await stored.start();
  } catch (error) {
    await stored.close();
    throw error;
  }
  const end = async (): Promise<StopReport> => {
    await sessions.drain(config.drainMs);
    await stored.close();
    const pendingRecords = sessions.pending.records;
    const keptIn = pendingRecords > 0 && outage?.isFailing === false ? outage.location : undefined;
    return { pendingRecords, ...(keptIn !== undefined && { keptIn }) };
  };
  let ended: Promise<StopReport> | undefined;
  return {
    sessions,
    storeKind: built.breaker.kind,
    storeLocation: built.breaker.location,
    close: () => (ended ??= end()),
  };
}
