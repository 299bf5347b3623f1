/** Task states by their 1.0 names (a2a.proto `TaskState`). `TASK_STATE_UNSPECIFIED` is never stored nor emitted. */
export const TASK_STATES = [
  'TASK_STATE_SUBMITTED',
  'TASK_STATE_WORKING',
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
  'TASK_STATE_INPUT_REQUIRED',
  'TASK_STATE_REJECTED',
  'TASK_STATE_AUTH_REQUIRED',
] as const;

export type TaskState = (typeof TASK_STATES)[number];

const TERMINAL: ReadonlySet<string> = new Set<TaskState>([
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
  'TASK_STATE_REJECTED',
]);

const INTERRUPTED: ReadonlySet<string> = new Set<TaskState>([
  'TASK_STATE_INPUT_REQUIRED',
  'TASK_STATE_AUTH_REQUIRED',
]);

/** A terminal task never moves again, by any path. A2A 1.0 §3.1.1, life-of-a-task. */
export function isTerminal(state: TaskState): boolean {
  return TERMINAL.has(state);
}

/** An interrupted task waits for its client. A blocking send ends here too. A2A 1.0 §3.2.2. */
export function isInterrupted(state: TaskState): boolean {
  return INTERRUPTED.has(state);
}

/** Whether an executor is at work on the task, or should be. */
export function isRunning(state: TaskState): boolean {
  return !isTerminal(state) && !isInterrupted(state);
}

/**
 * The specification forbids only leaving a terminal state; going back to SUBMITTED is refused as well,
 * because a task is submitted once.
 */
export function mayMove(from: TaskState, to: TaskState): boolean {
  if (isTerminal(from)) return false;
  return to !== 'TASK_STATE_SUBMITTED' || from === 'TASK_STATE_SUBMITTED';
}
