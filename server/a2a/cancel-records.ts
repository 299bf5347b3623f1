import { isTerminal } from '../../protocol/task-state.ts';
import type { EpochMs } from '../../protocol/units.ts';
import type { Log } from '../observability/log-events.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { RecordBody } from '../sessions/records.ts';
import type { A2ASessionManager } from '../sessions/session-manager.ts';
import type { Session } from '../sessions/session.ts';
import type { CancelState } from '../sessions/task-cancel.ts';

/** What those who record a cancel have in common. */
export interface CancelParts {
  readonly sessions: Pick<A2ASessionManager, 'instance'>;
  readonly log: Log;
  /** Counts how far cancels have come. */
  readonly onCancel?: (state: CancelState) => void;
}

/**
 * The runner has told its executor: request and delivery are one commit where both happen here. Never rejects: the end of
 * the task says the rest.
 */
export async function noteDelivery(
  session: LiveSession,
  local: string,
  { sessions, log, onCancel }: CancelParts,
): Promise<void> {
  let news: CancelState[] = [];
  const decide = (draft: Session, at: EpochMs): RecordBody[] => {
    news = [];
    const task = draft.task(local);
    if (task?.runner !== sessions.instance || isTerminal(task.state) || task.withdrawn) return [];
    if (task.cancel?.deliveredAt !== undefined) return [];
    const delivered: RecordBody = { t: 'cancel', at, task: local, by: task.by };
    news = task.cancel === undefined ? ['requested', 'delivered'] : ['delivered'];
    return task.cancel === undefined ? [{ t: 'cancel', at, task: local }, delivered] : [delivered];
  };
  try {
    const outcome = await session.change(decide);
    if (outcome !== 'unchanged') for (const state of news) onCancel?.(state);
  } catch (error) {
    log('task_cancel_unrecorded', { ...session.ref, task: local }, error);
  }
}
