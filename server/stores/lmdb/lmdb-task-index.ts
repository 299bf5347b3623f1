import type { TaskState } from '../../../protocol/task-state.ts';
import type { EpochMs } from '../../../protocol/units.ts';
import type { Address, IndexedTask, StoredTask, TaskPlace } from '../embedded/tables.ts';
import { RUNNING_STATES } from '../running-tasks.ts';
import { FIRST, LAST, type DatabaseKey, type JournalDatabase } from './journal-database.ts';
import type { LmdbCounters } from './lmdb-counters.ts';
import type { LmdbTenantCounts } from './lmdb-tenant-counts.ts';

/** In the place of a state: all of them. Sorts before every state. */
const ALL = '*';
/**
 * The tasks of a session, and those of a tenant in the order of lists. How many there are is counted as they come and go,
 * because the database could only count them one by one.
 *
 * ```
 * t tenant session local            task
 * k tenant state|* statusAt member  '1'          member: encoded task id
 * c tenant state|*                  how many
 * ```
 */
export class LmdbTaskIndex {
  readonly #db: JournalDatabase;
  readonly #counters: LmdbCounters;
  readonly #counts: LmdbTenantCounts;

  constructor(db: JournalDatabase, counters: LmdbCounters, counts: LmdbTenantCounts) {
    this.#db = db;
    this.#counters = counters;
    this.#counts = counts;
  }

  get({ tenant, session }: Address, local: string): StoredTask | undefined {
    const json = this.#db.get(['t', tenant, session, local]);
    return json === undefined ? undefined : (JSON.parse(json) as StoredTask);
  }

  put(at: Address, local: string, task: StoredTask): void {
    const { tenant, session } = at;
    const member = `${session}.${local}`;
    const known = this.get(at, local);
    void this.#db.put(['t', tenant, session, local], JSON.stringify(task));
    this.#move(tenant, member, known && [ALL, known.statusAt], [ALL, task.statusAt]);
    this.#move(tenant, member, known && [known.state, known.statusAt], [task.state, task.statusAt]);
  }

  drop(at: Address, local: string): void {
    const known = this.get(at, local);
    if (known === undefined) return;
    const { tenant, session } = at;
    const member = `${session}.${local}`;
    void this.#db.remove(['t', tenant, session, local]);
    this.#move(tenant, member, [ALL, known.statusAt], undefined);
    this.#move(tenant, member, [known.state, known.statusAt], undefined);
  }

  #move(
    tenant: string,
    member: string,
    from: readonly [string, EpochMs] | undefined,
    to: readonly [string, EpochMs] | undefined,
  ): void {
    if (from?.[0] === to?.[0] && from?.[1] === to?.[1]) return;
    if (from !== undefined) void this.#db.remove(['k', tenant, ...from, member]);
    if (to !== undefined) void this.#db.put(['k', tenant, ...to, member], '1');
    if (from?.[0] === to?.[0]) return;
    if (from !== undefined) this.#add(tenant, from[0], -1);
    if (to !== undefined) this.#add(tenant, to[0], 1);
  }

  #add(tenant: string, state: string, delta: number): void {
    const key = ['c', tenant, state];
    this.#counters.set(key, (this.#counters.get(key) ?? 0) + delta);
    if (RUNNING_STATES.some((running) => running === state)) this.#counts.add('running', tenant, delta);
  }

  /** @param since counted one by one, by the database itself: about 5 ms for 100,000 */
  count(tenant: string, state: TaskState | undefined, since: EpochMs | undefined): number {
    const which = state ?? ALL;
    if (since === undefined) return this.#counters.get(['c', tenant, which]) ?? 0;
    const start = ['k', tenant, which, since, FIRST];
    return this.#db.getKeysCount({ start, end: ['k', tenant, which, Number.MAX_SAFE_INTEGER, LAST] });
  }

  behind(
    tenant: string,
    state: TaskState | undefined,
    place: TaskPlace | undefined,
    limit: number,
  ): IndexedTask[] {
    const which = state ?? ALL;
    const start: DatabaseKey =
      place === undefined
        ? ['k', tenant, which, Number.MAX_SAFE_INTEGER, LAST]
        : ['k', tenant, which, place.statusAt, place.member];
    const end: DatabaseKey = ['k', tenant, which, Number.MIN_SAFE_INTEGER, FIRST];
    const found: IndexedTask[] = [];
    for (const key of this.#db.getKeys({ start, end, reverse: true, exclusiveStart: true, limit })) {
      const member = String(key[4]);
      const [session = '', local = ''] = member.split('.');
      const task = this.get({ tenant, session }, local);
      if (task !== undefined) found.push({ member, task });
    }
    return found;
  }

  ofSession({ tenant, session }: Address): IndexedTask[] {
    const range = this.#db.getRange({
      start: ['t', tenant, session, FIRST],
      end: ['t', tenant, session, LAST],
    });
    return [...range].map(({ key, value }) => ({
      member: `${session}.${String(key[3])}`,
      task: JSON.parse(value) as StoredTask,
    }));
  }

  /** All of a tenant, by member. */
  all(tenant: string): ReadonlyMap<string, StoredTask> {
    const found = new Map<string, StoredTask>();
    const range = this.#db.getRange({ start: ['t', tenant, FIRST], end: ['t', tenant, LAST] });
    for (const { key, value } of range) found.set(key.slice(2).join('.'), JSON.parse(value) as StoredTask);
    return found;
  }
}
