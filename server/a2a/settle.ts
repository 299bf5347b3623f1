import { ProtocolError } from '../../protocol/errors.ts';
import { isRunning } from '../../protocol/task-state.ts';
import type { EpochMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { RecordBody } from '../sessions/records.ts';
import type { Session } from '../sessions/session.ts';
import { StoreUnavailableError } from '../sessions/session-store.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import type { A2AParts } from './a2a-parts.ts';
import { agentMessage } from './message-identity.ts';

/** Whether an executor should be at work on the task, and certainly none is. @throws {StoreUnavailableError} */
export async function isOrphan(parts: A2AParts, session: LiveSession, task: TaskFold): Promise<boolean> {
  if (!isRunning(task.state) || task.withdrawn) return false;
  // A runner that is this instance and does not run it is an orphan like any other.
  if (task.runner === parts.sessions.instance) return !parts.runner.isRunning(session, task.local);
  return parts.sessions.liveness.isDead(task.runner);
}

type Action = 'run again' | 'failed' | 'canceled';

/**
 * Whoever meets an unfinished task whose runner is gone begins it again or ends it, at its head; two who meet it do so
 * once.
 *
 * @param rerun the very send that made the task is repeated: when nothing was recorded yet it is run again in any case
 * @param isRevealed a client was told of the task: when it is run again it cannot turn into a bare message
 */
export async function settleIfOrphan(
  parts: A2AParts,
  session: LiveSession,
  local: string,
  rerun: boolean,
  isRevealed = false,
): Promise<void> {
  const seen = session.view.task(local);
  if (seen === undefined || !isRunning(seen.state)) return;
  // Before anybody else can take the task over: the fold is the same object then.
  const { by, runner: gone, pristine } = seen;
  try {
    if (!(await isOrphan(parts, session, seen))) {
      // Its runner may have refused the send and not know that it was stored after all.
      if (rerun && pristine && gone !== parts.sessions.instance)
        await parts.sessions.nudge(gone, session.ref);
      return;
    }
  } catch (error) {
    // Nobody can say who is alive while the store is away.
    if (error instanceof StoreUnavailableError) return;
    throw error;
  }
  const { runner } = parts;
  // It is for those who stay.
  if (runner.isDraining && (gone === '' || runner.isResumable)) return;
  let action: Action | undefined;
  const giveBack = (): void => {
    if (action === 'run again') runner.release(session, local);
    action = undefined;
  };
  const decide = (draft: Session, at: EpochMs): RecordBody[] => {
    giveBack();
    const task = draft.task(local);
    // The draft knows what its runner has said last, even if that is not stored yet.
    if (task?.by !== by || task.withdrawn || !isRunning(task.state)) return [];
    action = chooseAction(parts, task, rerun);
    return toRecords(parts, session, task, action, at);
  };
  // Begun by an instance that cannot say so it would be begun by another one as well.
  const mustStore = gone !== parts.sessions.instance && (rerun || runner.isResumable);
  const outcome = await session.change(decide, { slides: rerun, mustStore }).catch((error: unknown) => {
    // Else nobody would ever settle it: it would be taken for one that is about to run.
    giveBack();
    if (mustStore && error instanceof ProtocolError && error.reason === 'STORE_UNAVAILABLE') return undefined;
    throw error;
  });
  if (outcome === undefined || outcome === 'unchanged' || action === undefined) return;
  parts.onRecovered();
  parts.log('task_recovered', { ...session.ref, task: local, runner: gone, action });
  if (action === 'canceled') runner.noteCancel('forced');
  // Who began it may have told a client of it.
  if (action === 'run again') runner.start(session, local, isRevealed || !rerun);
}

function chooseAction({ runner, sessions }: A2AParts, task: TaskFold, rerun: boolean): Action {
  if (task.cancel !== undefined) return 'canceled';
  // One of our own was refused when it was sent, because the store did not answer in time, and is stored all the same.
  if ((rerun || task.runner === sessions.instance) && task.pristine) return 'run again';
  return runner.isResumable && task.reruns < runner.maxResumes ? 'run again' : 'failed';
}

function toRecords(
  { runner, sessions }: A2AParts,
  { ref }: LiveSession,
  task: TaskFold,
  action: Action,
  at: EpochMs,
): RecordBody[] {
  const { local } = task;
  switch (action) {
    case 'run again':
      runner.reserve(ref, local);
      return [{ t: 'run', at, task: local, by: `${sessions.instance}.${task.attempt + 1}` }];
    case 'canceled':
    case 'failed':
      return [toEnd(task, at, whyFailed(task, at, runner.isResumable))];
  }
}

/** How a task ends that nobody begins again: canceled where a client has asked for that, else failed. */
export function toEnd({ local: task, cancel }: TaskFold, at: EpochMs, why: string): RecordBody {
  if (cancel !== undefined) return { t: 'status', at, task, state: 'TASK_STATE_CANCELED', cancel: 'forced' };
  return { t: 'status', at, task, state: 'TASK_STATE_FAILED', message: agentMessage(why) };
}

/** For the client, of a task whose runner is gone. */
export function whyFailed({ reruns, runner }: TaskFold, at: EpochMs, isResumable: boolean): string {
  const what = runner === '' ? 'was shut down' : 'stopped';
  const found = `it was found unfinished at ${new Date(at).toISOString()}.`;
  if (!isResumable) return `The instance that ran this task ${what}; ${found}`;
  const often = reruns === 0 ? 'not at all' : reruns === 1 ? 'once' : `${reruns} times`;
  return `The instance that ran this task ${what}; it was begun again ${often}, which is as often as it may be; ${found}`;
}
