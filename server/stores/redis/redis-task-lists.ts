import type { DurationMs } from '../../../protocol/units.ts';
import { StoreUnavailableError } from '../../sessions/session-store.ts';
import type { ListedTask, TaskList, TaskQuery } from '../../sessions/session-store.ts';
import { decodeId, encodeFullTaskId } from '../encoded-ids.ts';
import { checkTaskQuery } from '../request-checks.ts';
import type { RedisKeys, ShelfKeys } from './keys.ts';
import type { ScriptRunner } from './script-runner.ts';

export const RETIRE_MAX_SESSIONS = 50;
/** A list clears away what has expired before it answers, but it does not wait for ever: that much per shelf and list. */
const RETIRE_ROUNDS = 40;
const RETIRE_MAX_MS: DurationMs = 100;

export interface Retired {
  readonly retired: number;
  /** There may be others whose time is over. */
  readonly more: boolean;
}

interface Entry {
  /** Encoded task id: what the index orders by among equal status times. */
  readonly member: string;
  readonly task: ListedTask;
}

interface ShelfList {
  readonly entries: readonly Entry[];
  readonly totalSize: number;
  readonly more: boolean;
}

/** Lists tasks from the indexes of all shelves of a tenant. */
export class RedisTaskLists {
  readonly #scripts: ScriptRunner;
  readonly #keys: RedisKeys;
  readonly #retire: (tenant: string, shelf: ShelfKeys) => Promise<Retired>;

  constructor(
    scripts: ScriptRunner,
    keys: RedisKeys,
    retire: (tenant: string, shelf: ShelfKeys) => Promise<Retired>,
  ) {
    this.#scripts = scripts;
    this.#keys = keys;
    this.#retire = retire;
  }

  /**
   * @throws {StoreUnavailableError} also when so many sessions have expired at once that a page of living ones could not
   *   be found: asking again goes on where this left off
   */
  async list(tenant: string, query: TaskQuery): Promise<TaskList> {
    checkTaskQuery(query);
    const { sessionId, limit } = query;
    if (sessionId !== undefined) {
      const { shelf, member, session } = this.#keys.session({ tenant, sessionId });
      const keys = [session, shelf.ids, indexOf(shelf, query)];
      return toTaskList([await this.#run('listSession', keys, member, query)], limit);
    }
    const lists = this.#keys.shelves(tenant).map(async (shelf) => {
      await this.#clear(tenant, shelf);
      return await this.#run('list', [indexOf(shelf, query)], `${shelf.base}s:`, query);
    });
    return toTaskList(await Promise.all(lists), limit);
  }

  async #clear(tenant: string, shelf: ShelfKeys): Promise<void> {
    const until = performance.now() + RETIRE_MAX_MS;
    for (let round = 0; round < RETIRE_ROUNDS; round += 1) {
      const { more } = await this.#retire(tenant, shelf);
      if (!more || performance.now() > until) return;
    }
  }

  async #run(
    script: 'list' | 'listSession',
    keys: readonly string[],
    first: string,
    { limit, since, after }: TaskQuery,
  ): Promise<ShelfList> {
    const args = [first, limit, since ?? '-inf'];
    if (after !== undefined) args.push(after.statusAt, encodeFullTaskId(after.taskId));
    const [total, more, ...flat] = (await this.#scripts.run(script, keys, args)) as (string | number)[];
    const entries: Entry[] = [];
    for (let i = 0; i + 2 < flat.length; i += 3) {
      entries.push(toEntry(String(flat[i]), Number(flat[i + 1]), String(flat[i + 2])));
    }
    if (entries.length < limit && more === 1) {
      throw new StoreUnavailableError('expired sessions are still being cleared away', { counts: false });
    }
    return { entries, totalSize: Number(total), more: more === 1 };
  }
}

const indexOf = (shelf: ShelfKeys, { state }: TaskQuery): string =>
  state === undefined ? shelf.tasks : shelf.state(state);

function toEntry(member: string, statusAt: number, summary: string): Entry {
  const [sessionId = '', local = ''] = member.split('.').map(decodeId);
  return { member, task: { sessionId, local, statusAt, summary } };
}

/** Each shelf gave its first `limit`: among these are the first `limit` of all. */
function toTaskList(lists: readonly ShelfList[], limit: number): TaskList {
  const entries = lists.flatMap((list) => list.entries);
  if (lists.length > 1) {
    entries.sort((a, b) => b.task.statusAt - a.task.statusAt || (a.member < b.member ? 1 : -1));
  }
  return {
    tasks: entries.slice(0, limit).map(({ task }) => task),
    totalSize: lists.reduce((sum, list) => sum + list.totalSize, 0),
    more: entries.length > limit || lists.some(({ more }) => more),
  };
}
