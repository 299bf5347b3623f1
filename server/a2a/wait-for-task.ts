import { isInterrupted, isTerminal } from '../../protocol/task-state.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { A2AParts } from './a2a-parts.ts';
import { settleIfOrphan } from './settle.ts';

/** How often a task that runs elsewhere is looked after. */
const POLL_MS: DurationMs = 500;

/** `ended`: of the task; `turned`: the message got its turn; `gone`: there is no such task any more; `waiting`: not yet. */
export type Progress = 'waiting' | 'turned' | 'ended' | 'gone';

function progressOf(session: LiveSession, local: string, message: number): Progress {
  const task = session.view.task(local);
  if (task === undefined) return 'gone';
  if (isTerminal(task.state) || task.withdrawn) return 'ended';
  return isInterrupted(task.state) && (task.turn?.n ?? 0) >= message ? 'turned' : 'waiting';
}

/**
 * Waits until a message of a task has been answered: the task is terminal, or interrupted with this message's turn over.
 * A task that another instance runs is polled, and settled when that instance is gone.
 *
 * @param message its record number
 * @param rerun passed to {@link settleIfOrphan}
 * @returns `waiting` when the ceiling was reached
 */
export async function waitForTask(
  parts: A2AParts,
  session: LiveSession,
  local: string,
  message: number,
  ceilingMs: DurationMs,
  rerun: boolean,
): Promise<Progress> {
  const deadline = parts.clock.mono() + ceilingMs;
  for (;;) {
    const progress = progressOf(session, local, message);
    const leftMs = deadline - parts.clock.mono();
    if (progress !== 'waiting' || leftMs <= 0) return progress;
    const isHere = parts.runner.isRunning(session.ref, local);
    await nextChange(session, local, message, Math.min(leftMs, POLL_MS));
    if (isHere || progressOf(session, local, message) !== 'waiting') continue;
    await parts.sessions.catchUp(session);
    await settleIfOrphan(parts, session, local, rerun);
  }
}

function nextChange(
  session: LiveSession,
  local: string,
  message: number,
  withinMs: DurationMs,
): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const stop = session.observe(() => {
      if (progressOf(session, local, message) !== 'waiting') done();
    });
    const timer = setTimeout(done, withinMs);
  });
}
