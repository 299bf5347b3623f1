/** What the checker is given, and what it says. */
import type { DurationMs } from '../../protocol/units.ts';
import type { TaskSeen } from '../recovery/recovery-checker.ts';
import type { MarkAt, Operation } from './history.ts';
import type { StoredJournal } from './journals.ts';
import type { Exception } from './scenario.ts';

/** What an instance said of a task when all was over: the task, or the reason of its refusal. */
export interface View {
  /** Its name, not its start. */
  readonly instance: string;
  /** As clients know it: in 0.1 their own id. */
  readonly task: string;
  readonly seen: TaskSeen | undefined;
  readonly reason?: string;
}

export interface Evidence {
  readonly operations: readonly Operation[];
  readonly marks: readonly MarkAt[];
  readonly journals: readonly StoredJournal[];
  readonly views: readonly View[];
  /** Instances that still had records waiting for the store, and how many. */
  readonly leftPending: ReadonlyMap<string, number>;
  readonly terms: Terms;
}

/** Under which terms a scenario was run. */
export interface Terms {
  /** A2A_SESSION_TTL_SECONDS. */
  readonly ttlMs: DurationMs;
  /** What is deferred survives a `kill -9`. */
  readonly hasOutageJournal: boolean;
  readonly clocksDiffer: boolean;
  readonly exception?: Exception;
  /** The slowest a quick answer may be; absent: not held. */
  readonly quickMaxMs?: DurationMs;
  /** How long the clients themselves stood still at worst: no answer can be quicker. */
  readonly stallMs: DurationMs;
}

export const VIOLATION_KINDS = [
  'lost',
  'duplicated',
  'second task',
  'unanswered',
  'wrong answer',
  'order swapped',
  'terminal left',
  'two terminal states',
  'failed without cause',
  'unfinished',
  'resurrected',
  'cursor backwards',
  'event twice',
  'stream gap',
  'life extended',
  'view differs',
  'pending left',
  'undocumented error',
  'request lost',
  'too slow',
  'damaged',
] as const;
export type ViolationKind = (typeof VIOLATION_KINDS)[number];

export interface Violation {
  readonly kind: ViolationKind;
  /** The message, task, session, stream or instance. */
  readonly what: string;
  readonly detail: string;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  /** Messages that clients have sent; those answered with a task; those whose answer said that it was not stored yet. */
  readonly sent: number;
  readonly acknowledged: number;
  readonly deferred: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Acknowledged as deferred, and lost with the process that held them: nothing had been promised. */
  readonly unconfirmed: number;
  /** Gone under the exception of the scenario. */
  readonly excepted: number;
  readonly requests: number;
  /** Of quick ones. */
  readonly slowestMs: DurationMs;
  readonly over600: number;
  /** With the advice to try again. */
  readonly refused: number;
  /** Records that no longer applied when they were replayed, and stand as refused. */
  readonly refusedRecords: number;
  readonly tasks: number;
}
