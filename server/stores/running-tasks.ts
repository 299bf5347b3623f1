/** What all stores say of running tasks and instances in the same way. */
import type { TaskState } from '../../protocol/task-state.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { RunningTask } from '../sessions/session-store.ts';
import { readTaskSummary } from '../sessions/task-summary.ts';
import { decodeId } from './encoded-ids.ts';

/** An instance that was silent for so long is dead for everybody, known or not. */
export const FORGET_INSTANCE_MS: DurationMs = 86_400_000;

/** In the order in which a task has them: one that begins to work meanwhile is not missed. */
export const RUNNING_STATES: readonly TaskState[] = ['TASK_STATE_SUBMITTED', 'TASK_STATE_WORKING'];

/** @param member encoded task id */
export function toRunningTask(member: string, summary: string): RunningTask {
  const [sessionId = '', local = ''] = member.split('.').map(decodeId);
  const by: unknown = readTaskSummary(summary)?.by;
  return { sessionId, local, by: typeof by === 'string' ? by : undefined };
}

/** Where a page of running tasks, or sessions, ended: in which index, and behind what there. Its text is for the store that wrote it. */
export interface RunningPlace {
  readonly index: number;
  /** Status time and encoded task id, or expiry and encoded session id; absent: at its beginning. */
  readonly last?: { readonly statusAt: number; readonly member: string } | undefined;
}

export function toPageToken({ index, last }: RunningPlace): string {
  return last === undefined ? String(index) : `${index} ${last.statusAt} ${last.member}`;
}

/** @throws {RangeError} when no store wrote it */
export function readPageToken(token: string | undefined): RunningPlace {
  if (token === undefined) return { index: 0 };
  const [, index, statusAt, member] = /^(\d+)(?: (-?[\d.e+]+) (\S+))?$/.exec(token) ?? [];
  if (index === undefined) throw new RangeError('not a place in a list');
  if (statusAt === undefined || member === undefined) return { index: Number(index) };
  return { index: Number(index), last: { statusAt: Number(statusAt), member } };
}
