import type { DurationMs } from '../../protocol/units.ts';
import type { AgentExecutor } from '../agents/agent-executor.ts';
import type { Log } from '../observability/log-events.ts';
import type { A2ASessionManager } from '../sessions/session-manager.ts';
import type { Clock, TtlRefresh } from '../sessions/session-parts.ts';
import type { CancelState } from '../sessions/task-cancel.ts';

/** What every run is made of. */
export interface TaskRunOptions {
  readonly agent: AgentExecutor;
  readonly sessions: A2ASessionManager;
  readonly clock: Clock;
  readonly log: Log;
  readonly ttlMs: DurationMs;
  readonly ttlRefresh: TtlRefresh;
  /** An executor that runs longer is aborted and its task failed. */
  readonly taskTimeoutMs: DurationMs;
  /** What a canceled executor has to stop by itself. */
  readonly cancelGraceMs: DurationMs;
  /** How often a turn whose runner is gone is begun again, where the agent is resumable. Default 3. */
  readonly maxResumes?: number;
  /** Counts how far cancels have come. */
  readonly onCancel?: (state: CancelState) => void;
  /** Counts executors that were stopped because their task is another's by now. */
  readonly onFenced?: () => void;
}
