import type { LRUCache } from 'lru-cache';
import type { DurationMs } from '../../protocol/units.ts';
import type { A2ASessionManager } from '../sessions/session-manager.ts';
import type { Log } from '../observability/log-events.ts';
import type { Clock } from '../sessions/session-parts.ts';
import type { TaskRunner } from './task-runner.ts';

/** What every operation is built from. */
export interface A2AParts {
  readonly sessions: A2ASessionManager;
  readonly runner: TaskRunner;
  /** Where v0.1 clients' own task ids led lately: for the time the store is away. */
  readonly aliasHints: LRUCache<string, string>;
  readonly clock: Clock;
  readonly log: Log;
  /** A task whose runner was gone has been settled. */
  readonly onRecovered: () => void;
  readonly settings: {
    readonly idempotency: 'unanswered' | 'off';
    /** A blocking call answers after this with the task as it stands. */
    readonly blockingMs: DurationMs;
    /** What a canceled executor has to stop by itself. */
    readonly cancelGraceMs: DurationMs;
  };
}
