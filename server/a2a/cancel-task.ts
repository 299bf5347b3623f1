import { ProtocolError, taskNotFound } from '../../protocol/errors.ts';
import type { CancelTaskParams, TaskView } from '../../protocol/model.ts';
import { isRunning, isTerminal } from '../../protocol/task-state.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { RecordBody } from '../sessions/records.ts';
import type { Session } from '../sessions/session.ts';
import type { CancelState } from '../sessions/task-cancel.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { Answer, CallContext } from './call.ts';
import { whenStored } from './commit-message.ts';
import { findTask, toTaskView } from './find-task.ts';
import { settleIfOrphan } from './settle.ts';
import { settleFollowed, TEND_MS } from './tend-task.ts';

/** Beyond its grace: until the runner has heard of the cancel at the latest, and what its last commit takes. */
const HEARING_MS: DurationMs = 1_500;

/** A2A 1.0 §3.1.5 CancelTask, 0.3 and 0.1 `tasks/cancel`. */
export async function cancelTask(
  parts: A2AParts,
  params: CancelTaskParams,
  call: CallContext,
): Promise<Answer<TaskView>> {
  const { session, local } = await findTask(parts, params.id, call);
  try {
    await settleIfOrphan(parts, session, local, false);
    const before = session.view.task(local);
    if (before === undefined) throw taskNotFound(params.id);
    // Cancelling twice: 1.0 asks for idempotence, 0.x lists "already canceled" among what cannot be canceled.
    const again = before.state === 'TASK_STATE_CANCELED' && call.dialect === 'v1';
    if (!again && isTerminal(before.state)) throw notCancelable(params.id);
    if (!again) await cancelNow(parts, session, local);
    const task = session.view.task(local);
    if (task === undefined) throw taskNotFound(params.id);
    if (task.state !== 'TASK_STATE_CANCELED') throw notCancelable(params.id);
    return { result: toTaskView(session, task, call), persistence: session.persistence };
  } finally {
    parts.sessions.release(session);
  }
}

const hasEnded = (fold: Session, local: string): boolean => {
  const task = fold.task(local);
  return task === undefined || task.withdrawn || isTerminal(task.state);
};

/** The executor first, which may have something to tidy up; then the task, whatever the executor does. */
async function cancelNow(parts: A2AParts, session: LiveSession, local: string): Promise<void> {
  const { cancelGraceMs } = parts.settings;
  const runner = runnerElsewhere(parts, session, local);
  if (runner === undefined) await parts.runner.cancel(session, local, cancelGraceMs);
  else if (await request(parts, session, local))
    await confirmed(parts, session, local, runner, cancelGraceMs + HEARING_MS);
  await settle(parts, session, local);
}

/** @returns undefined when nobody is at work on the task, or this instance */
function runnerElsewhere(
  { sessions }: Pick<A2AParts, 'sessions'>,
  session: LiveSession,
  local: string,
): string | undefined {
  const task = session.view.task(local);
  const isElsewhere = task !== undefined && isRunning(task.state) && task.runner !== sessions.instance;
  return isElsewhere ? task.runner : undefined;
}

/** Says that the task is to be canceled. @returns whether there is a runner to hear it */
async function request(parts: A2AParts, session: LiveSession, local: string): Promise<boolean> {
  const decide = (draft: Session, at: number): RecordBody[] => {
    const task = draft.task(local);
    if (task === undefined || hasEnded(draft, local) || !isRunning(task.state)) return [];
    return task.cancel === undefined ? [{ t: 'cancel', at, task: local }] : [];
  };
  // Whether a runner elsewhere would hear of it cannot be promised while the store is away.
  const outcome = await session.change(decide, { mustStore: true });
  if (outcome !== 'unchanged') parts.runner.noteCancel('requested');
  return runnerElsewhere(parts, session, local) !== undefined;
}

/** Waits until the runner has ended the task, or is gone, or has had its time. */
async function confirmed(
  parts: A2AParts,
  session: LiveSession,
  local: string,
  runner: string,
  withinMs: DurationMs,
): Promise<void> {
  const deadline = parts.clock.mono() + withinMs;
  const unwatch = parts.sessions.watch(session);
  try {
    void parts.sessions.nudge(runner, session.ref);
    while (runnerElsewhere(parts, session, local) !== undefined) {
      const leftMs = deadline - parts.clock.mono();
      if (leftMs <= 0) return;
      await nextEnd(session, local, Math.min(leftMs, TEND_MS));
      if (!hasEnded(session.view, local)) await settleFollowed(parts, session, local, false);
    }
  } finally {
    unwatch();
  }
}

function nextEnd(session: LiveSession, local: string, withinMs: DurationMs): Promise<void> {
  if (hasEnded(session.view, local)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const stop = session.observe(() => {
      if (hasEnded(session.view, local)) done();
    });
    const timer = setTimeout(done, withinMs);
  });
}

/** Ends the task where that is still to be done. */
async function settle(parts: A2AParts, session: LiveSession, local: string): Promise<void> {
  const ended = { as: undefined as CancelState | undefined };
  do {
    const mustStore = runnerElsewhere(parts, session, local) !== undefined;
    const outcome = await session.change(
      (draft, at): RecordBody[] => {
        ended.as = undefined;
        const task = draft.task(local);
        if (task === undefined || hasEnded(draft, local)) return [];
        // Where nobody is at work there is nobody to wait for.
        const cancel = isRunning(task.state) ? 'forced' : 'stopped';
        ended.as = cancel;
        return [{ t: 'status', at, task: local, state: 'TASK_STATE_CANCELED', cancel }];
      },
      { mustStore },
    );
    if (outcome !== 'unchanged' && ended.as !== undefined) tell(parts, session, local, ended.as);
    // Somebody else may be ending it at the same moment, and that may still fail.
    await whenStored(session, () => hasEnded(session.view, local));
  } while (!hasEnded(session.view, local));
}

function tell(parts: A2AParts, { ref }: LiveSession, task: string, end: CancelState): void {
  parts.runner.noteCancel(end);
  if (end === 'forced') parts.log('task_cancel_forced', { ...ref, task });
}

const notCancelable = (taskId: string): ProtocolError =>
  new ProtocolError('TASK_NOT_CANCELABLE', { metadata: { taskId } });
