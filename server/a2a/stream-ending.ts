import { isTerminal, type TaskState } from '../../protocol/task-state.ts';
import type { RecordBody } from '../sessions/records.ts';
import type { TaskFold } from '../sessions/task-fold.ts';

/** States beside the terminal ones at which a stream ends. */
export type Pauses = readonly TaskState[];

/** A subscription stays until the task has ended. */
export const NO_PAUSE: Pauses = [];
/** An answer to a message is over when the agent asks back. It goes on by itself once somebody has authorised it. */
export const ANSWER_PAUSES: Pauses = ['TASK_STATE_INPUT_REQUIRED'];
/** 0.1 knows one state for both, and its clients leave a stream there. */
export const V01_PAUSES: Pauses = ['TASK_STATE_INPUT_REQUIRED', 'TASK_STATE_AUTH_REQUIRED'];

/** Says when a stream is over, record by record. */
export class StreamEnding {
  readonly #pauses: Pauses;
  readonly #said: (() => number) | undefined;
  /** Turns that other messages have before the one that is answered. */
  #ahead = 0;

  /** @param said record number of the message that is answered, as it is now; absent for a subscription */
  constructor(pauses: Pauses, said?: () => number) {
    this.#pauses = pauses;
    this.#said = said;
  }

  /** The stream begins, perhaps anew, with the task as it stands. @returns whether it ends with that */
  begin(task: TaskFold): boolean {
    this.#ahead = this.#said === undefined ? 0 : turnsBefore(task, this.#said());
    return this.#endsAt(task.state);
  }

  /** @returns whether the stream ends with this record */
  take(body: RecordBody): boolean {
    if (body.t === 'run' && body.next === true) this.#ahead -= 1;
    if (body.t === 'reply') return true;
    return body.t === 'status' && this.#endsAt(body.state);
  }

  /** Whether nothing is to come when all that is known was told. */
  isOver(task: TaskFold): boolean {
    if (task.withdrawn || isTerminal(task.state)) return true;
    // With a message in the queue the next turn is about to begin.
    return task.queued <= 0 && this.#endsAt(task.state);
  }

  #endsAt(state: TaskState): boolean {
    return isTerminal(state) || (this.#ahead <= 0 && this.#pauses.includes(state));
  }
}

/** How many messages in front of this one have not had their turn. */
function turnsBefore(task: TaskFold, message: number): number {
  let behind = 0;
  for (const entry of task.history.newestFirst()) {
    if (entry.n <= message) break;
    if (entry.message.role === 'ROLE_USER') behind += 1;
  }
  return Math.max(0, task.queued - behind);
}
