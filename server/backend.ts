import type { EpochMs } from '../protocol/units.ts';
import type { A2AOperations } from './a2a/call.ts';
import type { AgentExecutor } from './agents/agent-executor.ts';
import type { Config } from './config.ts';
import type { Readiness } from './http/health.ts';
import type { Log } from './observability/log-events.ts';
import type { Metrics } from './observability/metrics.ts';
import type { ErasureTarget } from './sessions/erasure-store.ts';
import type { ErasureReport } from './sessions/eraser.ts';
import type { Tracing } from './observability/tracing.ts';
import type { SessionStore } from './sessions/session-store.ts';

/** What the environment keeps from a start, rather than a fault: an address in use, a data folder that is locked. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

export interface StopReport {
  /** Acknowledged, and not stored when the time was over. */
  readonly pendingRecords: number;
  /** Where they survive the end of the process; absent: nowhere. */
  readonly keptIn?: string;
}

/** What stands behind the doors: operations, and the life of everything that they need. */
export interface Backend {
  readonly operations: A2AOperations;
  /** Store and where, as the banner says it. */
  readonly storeKind: string;
  readonly storeLocation: string;
  /** Erases sessions wherever they are held. Rejects with `ErasureFailedError` when not all of it was done. */
  readonly erase: (target: ErasureTarget) => Promise<ErasureReport>;
  readiness(): Omit<Readiness, 'draining'>;
  /** Where what waits for the store survives the end of the process; undefined or absent: nowhere. */
  readonly keptIn?: () => string | undefined;
  /** Whether this process' own event loop was late since then (`performance.now()`); absent: it is not watched. */
  readonly wasLateSince?: (since: number) => boolean;
  /** @throws {StartError} when the store was set up with other settings. A store that is away is no error. */
  start(): Promise<void>;
  /** Lets running work end, hands over the rest, and stores what waits, at most until `deadline`; no new work is taken. */
  drain(deadline: EpochMs): Promise<void>;
  /** After `drain`. Never throws. */
  close(): Promise<void>;
}

export interface BackendContext extends SessionsContext {
  readonly agent: AgentExecutor;
}

/** What sessions are built from, with a server around them or without. */
export interface SessionsContext {
  readonly config: Config;
  /** Instead of the configured store. */
  readonly store?: SessionStore;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Absent: nobody takes spans. */
  readonly tracing?: Tracing;
  readonly now: () => EpochMs;
  /** Of this process: told to a second one that finds the data folder locked. */
  readonly pid: number;
}
