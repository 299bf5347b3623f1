/** What a tenant may have, over the tables of one transaction of an embedded store. */
import { isRunning, type TaskState } from '../../../protocol/task-state.ts';
import type { CommitRequest } from '../../sessions/session-store.ts';
import type { TenantCounts, TenantLimits } from '../../sessions/tenant-counts.ts';
import { type Address, type Tables, wholeOf } from './tables.ts';

type Verdict = { readonly refused: keyof TenantLimits } | { readonly counts: TenantCounts };

const runs = (state: TaskState | null): number => (state !== null && isRunning(state) ? 1 : 0);

/**
 * Before anything of a commit is written, and after what it replaces was taken out.
 *
 * @param creates whether it makes a session
 * @returns undefined when it asked for nothing
 */
export function judgeLimits(
  tables: Tables,
  at: Address,
  { limits, tasks }: CommitRequest,
  creates: boolean,
): Verdict | undefined {
  if (limits === undefined) return undefined;
  const { maxSessions, maxRunningTasks } = limits;
  const whole = wholeOf(at.tenant);
  const counts: { -readonly [K in keyof TenantCounts]: TenantCounts[K] } = {};
  if (maxSessions !== undefined && creates) {
    counts.sessions = tables.countSessions(whole) + 1;
    if (counts.sessions > maxSessions) return { refused: 'maxSessions' };
  }
  if (maxRunningTasks !== undefined) {
    const more = tasks.reduce((sum, { state, previous }) => sum + runs(state) - runs(previous), 0);
    counts.runningTasks = tables.countRunning(whole) + more;
    if (counts.runningTasks > maxRunningTasks) return { refused: 'maxRunningTasks' };
  }
  return { counts };
}
