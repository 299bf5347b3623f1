/** What a store is asked for when tasks are listed, and what it answers from its indexes. */
import type { TaskState } from '../../protocol/task-state.ts';
import type { EpochMs } from '../../protocol/units.ts';

/** Which tasks of a tenant are listed. */
export interface TaskQuery {
  readonly sessionId?: string;
  readonly state?: TaskState;
  /** Only those whose status is of this moment or later. */
  readonly since?: EpochMs;
  readonly limit: number;
  /** Only those behind this one in the order of the list. */
  readonly after?: ListPosition;
}

/** A place in the list: newest status first, then by encoded task id, descending. It may have moved since. */
export interface ListPosition {
  readonly statusAt: EpochMs;
  readonly taskId: string;
}

export interface ListedTask {
  readonly sessionId: string;
  readonly local: string;
  readonly statusAt: EpochMs;
  /** As the last commit that changed its status wrote it. */
  readonly summary: string;
}

export interface TaskList {
  readonly tasks: readonly ListedTask[];
  /** All that the query matches, `after` aside. */
  readonly totalSize: number;
  /** There are others behind these. */
  readonly more: boolean;
}
