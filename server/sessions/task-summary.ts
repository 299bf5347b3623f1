import type { Dialect } from '../../protocol/model.ts';
import { TASK_STATES, type TaskState } from '../../protocol/task-state.ts';
import type { Bytes, EpochMs, JsonObject } from '../../protocol/units.ts';
import { isPlain } from './plain-json.ts';
import type { RunKey, StoredMessage } from './records.ts';
import type { TaskFold } from './task-fold.ts';

/** What a list shows of a task without reading its session: written with every status, so it is kept short. */
export interface TaskSummary {
  readonly state: TaskState;
  /** Status time. */
  readonly at: EpochMs;
  readonly by: RunKey;
  /** A v0.1 client's own id for it. */
  readonly alias?: string;
  /** Absent means v1. */
  readonly dialect?: Dialect;
  /** Of the status. */
  readonly message?: StoredMessage;
  readonly metadata?: JsonObject;
  /** The message and the metadata are too long to be here: they are in the session. */
  readonly long?: true;
}

/** Message and metadata together, as JSON. */
export const SUMMARY_MAX_BYTES: Bytes = 2_048;

export function toTaskSummary(task: TaskFold): string {
  const { state, statusAt: at, by, alias, dialect, statusMessage: message, shownMetadata: metadata } = task;
  const isAll = message === undefined && metadata === undefined;
  if (isAll && alias === undefined && dialect === 'v1' && isPlain(by))
    return `{"state":"${state}","at":${at},"by":"${by}"}`;
  const short = { state, at, by, alias, dialect: dialect === 'v1' ? undefined : dialect };
  if (isAll) return JSON.stringify(short);
  const more = { message, metadata };
  const isLong = Buffer.byteLength(JSON.stringify(more)) > SUMMARY_MAX_BYTES;
  return JSON.stringify({ ...short, ...(isLong ? { long: true } : more) });
}

/** @returns undefined when it cannot be read: then the session has to be */
export function readTaskSummary(json: string): TaskSummary | undefined {
  try {
    const summary = JSON.parse(json) as Partial<TaskSummary> | null;
    if (!TASK_STATES.some((state) => state === summary?.state)) return undefined;
    return summary as TaskSummary;
  } catch {
    return undefined;
  }
}
