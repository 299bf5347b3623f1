import { isInterrupted, isTerminal } from '../../protocol/task-state.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { A2AParts } from './a2a-parts.ts';
import { settleIfOrphan } from './settle.ts';
import { isStillThere, TEND_MS } from './tend-task.ts';

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
 * A task that another instance runs is watched, and settled when that instance is gone. One that runs here mostly ends
 * soon: until the first look after it that is a single promise.
 *
 * @param message its record number
 * @param rerun passed to {@link settleIfOrphan}
 * @returns `waiting` when the ceiling was reached
 */
export function waitForTask(
  parts: A2AParts,
  session: LiveSession,
  local: string,
  message: number,
  ceilingMs: DurationMs,
  rerun: boolean,
): Promise<Progress> {
  const deadline = parts.clock.mono() + ceilingMs;
  const isAboutToEnd =
    ceilingMs > TEND_MS &&
    parts.runner.isRunning(session, local) &&
    progressOf(session, local, message) === 'waiting';
  if (!isAboutToEnd) return waitOn(parts, session, local, message, deadline, rerun);
  return new Promise((resolve) => {
    const stop = session.observe(() => {
      const progress = progressOf(session, local, message);
      if (progress === 'waiting') return;
      clearTimeout(timer);
      stop();
      resolve(progress);
    });
    const timer = setTimeout(() => {
      stop();
      resolve(waitOn(parts, session, local, message, deadline, rerun));
    }, TEND_MS);
  });
}

async function waitOn(
  parts: A2AParts,
  session: LiveSession,
  local: string,
  message: number,
  deadline: DurationMs,
  rerun: boolean,
): Promise<Progress> {
  let unwatch: (() => void) | undefined;
  // What is repeated may be there although it was refused, and nobody runs it: that is looked at before it is waited for.
  let isLookedAt = !rerun;
  try {
    for (;;) {
      const progress = progressOf(session, local, message);
      const leftMs = deadline - parts.clock.mono();
      // Whoever takes it next is not here: the answer is how the task stands.
      if (progress !== 'waiting' || leftMs <= 0 || parts.runner.hasLeft(session, local)) return progress;
      const isHere = parts.runner.isRunning(session, local);
      if (isHere) unwatch?.();
      unwatch = isHere ? undefined : (unwatch ?? parts.sessions.watch(session));
      if (isHere || isLookedAt) {
        await nextChange(session, local, message, Math.min(leftMs, TEND_MS));
        if (isHere || progressOf(session, local, message) !== 'waiting') continue;
        await isStillThere(parts, session);
      }
      isLookedAt = true;
      await settleIfOrphan(parts, session, local, rerun);
    }
  } finally {
    unwatch?.();
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
