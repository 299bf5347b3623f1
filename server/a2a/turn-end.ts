import { isInterrupted, isTerminal } from '../../protocol/task-state.ts';
import type { EpochMs } from '../../protocol/units.ts';
import type { RecordBody, RunKey } from '../sessions/records.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import { agentMessage } from './message-identity.ts';

/** The executor has stopped, or was not waited for any longer. */
export type CancelEnd = 'stopped' | 'forced';

/** How a turn ended, as far as the one who ran it knows. */
export interface TurnFacts {
  readonly by: RunKey;
  /** Who runs the next turn: this instance. */
  readonly next: string;
  /** What the client is told when the executor failed. */
  readonly failure: string | undefined;
  /** The server has given the task up. */
  readonly isGivenUp: boolean;
  /** The task is left to another instance. */
  readonly isLeaving: boolean;
  /** Undefined: no cancel was delivered. */
  readonly cancel: CancelEnd | undefined;
}

export interface TurnEnd {
  readonly records: readonly RecordBody[];
  /** There is another turn. */
  readonly goesOn: boolean;
  readonly canceled?: CancelEnd;
}

export const NOTHING_TO_SAY: TurnEnd = { records: [], goesOn: false };

/** Whether the turn has ended already; where another one has begun meanwhile it is for whoever began it. */
export const isSettled = (task: TaskFold | undefined, by: RunKey): boolean =>
  task?.by !== by || isTerminal(task.state) || task.withdrawn;

/** What the end of a turn adds to the journal. Pure; called again when the head had moved. */
export function endOfTurn(task: TaskFold | undefined, at: EpochMs, facts: TurnFacts): TurnEnd {
  const { by, failure, cancel } = facts;
  if (task === undefined || isSettled(task, by)) return NOTHING_TO_SAY;
  const { local } = task;
  const ends = (records: readonly RecordBody[]): TurnEnd => ({ records, goesOn: false });
  if (cancel !== undefined) {
    const end: RecordBody = { t: 'status', at, task: local, by, state: 'TASK_STATE_CANCELED', cancel };
    return { ...ends([end]), canceled: cancel };
  }
  const failed = (text: string): TurnEnd =>
    ends([{ t: 'status', at, task: local, by, state: 'TASK_STATE_FAILED', message: agentMessage(text) }]);
  const waits = isInterrupted(task.state) && task.queued === 0;
  // An executor that was stopped after it had asked has done its part: the task waits for its client.
  if (waits && (failure === undefined || facts.isLeaving || facts.isGivenUp)) return NOTHING_TO_SAY;
  const next = `${facts.next}.${task.attempt + 1}`;
  const run: RecordBody = { t: 'run', at, task: local, by: next, next: true };
  if (facts.isLeaving) {
    // Only who works can be gone on with: with a message in the queue it is the next turn that is left to do.
    if (isInterrupted(task.state)) return ends([run, { t: 'handover', at, task: local, by: next }]);
    return ends([{ t: 'handover', at, task: local, by }]);
  }
  if (failure !== undefined) return failed(failure);
  if (task.queued > 0) return { records: [run], goesOn: true };
  return failed('The agent stopped without ending the task.');
}
