import { TASK_STATES } from '../../../protocol/task-state.ts';
import type { TenantCensus } from '../../sessions/store-census.ts';
import type { RedisKeys } from './keys.ts';
import type { ScriptRunner } from './script-runner.ts';

/** One call for each bucket, because each is in a slot of its own. */
export async function takeCensus(
  scripts: ScriptRunner,
  keys: RedisKeys,
  tenant: string,
): Promise<TenantCensus> {
  const shelves = await Promise.all(
    keys.shelves(tenant).map(async (shelf) => {
      const states = TASK_STATES.map((state) => shelf.state(state));
      return (await scripts.run('census', [shelf.sessions, shelf.outbox, ...states], [])) as number[];
    }),
  );
  const sum = (i: number): number => shelves.reduce((all, sizes) => all + (sizes[i] ?? 0), 0);
  const tasks = new Map(TASK_STATES.map((state, i) => [state, sum(i + 2)]));
  return { tasks, sessions: sum(0), outbox: sum(1) };
}
