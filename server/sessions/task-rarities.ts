import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject } from '../../protocol/units.ts';
import type { ChunkRun } from './chunk-runs.ts';
import type { Outbox } from './outbox.ts';
import type { StoredMessage } from './records.ts';
import type { CancelFold } from './task-cancel.ts';

/** What most tasks never have. A value: a change makes another one, so forks share it. */
export interface TaskRarities {
  readonly dialect: Dialect;
  readonly alias: string | undefined;
  readonly metadata: JsonObject | undefined;
  readonly withdrawn: boolean;
  readonly reply: StoredMessage | undefined;
  readonly outbox: Outbox | undefined;
  readonly cancel: CancelFold | undefined;
  readonly isResumed: boolean;
  readonly reruns: number;
  readonly superseded: readonly ChunkRun[];
  readonly compacted: readonly (readonly [number, number])[];
}

/** Of all tasks that have none of them: nearly all that are in memory, where each field takes 8 bytes of each task. */
export const NO_RARITIES: TaskRarities = {
  dialect: 'v1',
  alias: undefined,
  metadata: undefined,
  withdrawn: false,
  reply: undefined,
  outbox: undefined,
  cancel: undefined,
  isResumed: false,
  reruns: 0,
  superseded: [],
  compacted: [],
};
