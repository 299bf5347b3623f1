import { isTerminal, mayMove } from '../../protocol/task-state.ts';
import type { RecordBody } from './records.ts';
import type { TaskFold } from './task-fold.ts';

interface SessionSeen {
  readonly exists: boolean;
  task(local: string): TaskFold | undefined;
}

/**
 * What is still right when a task has ended: the agent's notes, which belong to the session; what concerns webhooks,
 * which are told of the end itself and may be asked for later; and the tidying up behind it.
 */
const AFTER_THE_END: ReadonlySet<RecordBody['t']> = new Set([
  'state',
  'push',
  'unpush',
  'receipt',
  'compacted',
]);

/** Why a record cannot be applied at all; such a one is passed over even when it is stored. */
export function nonsenseOf(session: SessionSeen, body: RecordBody): string | undefined {
  if (body.t === 'refused' || body.t === 'created') return undefined;
  const task = session.task(body.task);
  if (body.t === 'task') return task === undefined ? undefined : 'the task exists';
  return task === undefined ? 'no such task' : undefined;
}

/** What the A2A state machine, or the state of the session, has against a record that is about to be stored. */
export function objectionTo(session: SessionSeen, body: RecordBody): string | undefined {
  if (body.t === 'refused') return undefined;
  if (body.t === 'created') return session.exists ? 'the session exists' : undefined;
  if (!session.exists) return 'no such session';
  const task = session.task(body.task);
  if (task === undefined) return undefined;
  if (!AFTER_THE_END.has(body.t) && (isTerminal(task.state) || task.withdrawn)) return 'the task has ended';
  if (body.t !== 'run' && 'by' in body && body.by !== task.by) return 'the task has another runner';
  if (body.t === 'status' && !mayMove(task.state, body.state)) return `the task is ${task.state}`;
  if (body.t === 'artifact' && body.whole === true && !task.isNow(body.artifact))
    return 'the artifact is another by now';
  if (body.t === 'compacted' && !task.superseded.some(({ from, to }) => from === body.from && to === body.to))
    return 'there is nothing to compact';
  return undefined;
}
