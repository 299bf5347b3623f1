import { createHash } from 'node:crypto';
import type { TaskState } from '../../../protocol/task-state.ts';
import type { EpochMs } from '../../../protocol/units.ts';
import { SessionDamagedError } from '../../sessions/session-store.ts';
import { sessionsIn } from '../embedded/journal-rules.ts';
import type { Address, Entry, IndexedTask, StoredTask, TaskPlace, Tables } from '../embedded/tables.ts';
import { FIRST, LAST, type JournalDatabase } from './journal-database.ts';
import { LmdbCounters } from './lmdb-counters.ts';
import { LmdbRegistry } from './lmdb-registry.ts';
import { LmdbTaskIndex } from './lmdb-task-index.ts';
import { LmdbTenantCounts, sessionsAt } from './lmdb-tenant-counts.ts';

const RETIRE_SCAN = 1_000;

/** What the database keeps of an entry beside the entry. */
type StoredEntry = Entry & {
  /**
   * Where it stands in the expiry index: never later than it expires. A session that slides is not moved there with
   * every commit, but when its turn comes.
   */
  readonly i: EpochMs;
};

/**
 * The tables in one LMDB database. A record is a key of its own, so that a commit costs what it brings.
 *
 * ```
 * s tenant session          entry          r tenant session n       record
 * x tenant when session     expiry index   b instance               last beat
 * a tenant hash             alias -> task  l tenant session hash    aliases of a session
 * o tenant session          webhooks due   d tenant when session    the same, by time
 * n tenant                  last noted     i instance tenant        noted by
 * v name                    setting
 * t, k, c                   LmdbTaskIndex  q                            LmdbTenantCounts
 * ```
 * A key may have 1,978 bytes and an encoded id 768, so an alias, which has three of them, is known by its hash. With its
 * subject a tenant has 963 at most.
 */
export class LmdbTables extends LmdbRegistry implements Tables {
  readonly #counters: LmdbCounters;
  readonly #tasks: LmdbTaskIndex;
  readonly #counts: LmdbTenantCounts;
  /** The entry that this transaction has met last: most of them look at one, and write that one anew. */
  #met: { readonly at: Address; readonly stored: StoredEntry | undefined } | undefined;

  constructor(db: JournalDatabase) {
    super(db);
    this.#counters = new LmdbCounters(db);
    this.#counts = new LmdbTenantCounts(db, this.#counters);
    this.#tasks = new LmdbTaskIndex(db, this.#counters, this.#counts);
  }

  /** To be called at the beginning of each transaction: what was met in another one may have changed, or come to nothing. */
  begin(): this {
    this.#met = undefined;
    this.#counters.begin();
    return this;
  }

  /** To be called at the end of each transaction that writes. */
  end(): void {
    this.#counters.end();
  }

  entry(at: Address): Entry | undefined {
    return this.#stored(at);
  }

  #stored(at: Address): StoredEntry | undefined {
    const met = this.#met;
    if (met?.at.session === at.session && met.at.tenant === at.tenant) return met.stored;
    const stored = this.#load(at);
    this.#met = { at, stored };
    return stored;
  }

  /** Undefined also where it is damaged. */
  #readable(at: Address): StoredEntry | undefined {
    try {
      return this.#stored(at);
    } catch (error) {
      if (!(error instanceof SessionDamagedError)) throw error;
      return undefined;
    }
  }

  #load({ tenant, session }: Address): StoredEntry | undefined {
    const json = this.db.get(['s', tenant, session]);
    if (json === undefined) return undefined;
    const damaged = (field: string, cause?: unknown) =>
      new SessionDamagedError(`s ${tenant} ${session}`, field, { cause });
    let stored: Partial<Record<string, unknown>> | null;
    try {
      stored = JSON.parse(json) as typeof stored;
    } catch (error) {
      throw damaged('entry', error);
    }
    if (typeof stored?.e !== 'string' || stored.e === '') throw damaged('e');
    if (typeof stored.x !== 'number' || typeof stored.i !== 'number') throw damaged('x');
    if (typeof stored.d !== 'number' && !Number.isSafeInteger(stored.v)) throw damaged('v');
    return stored as unknown as StoredEntry;
  }

  putEntry(at: Address, entry: Entry): void {
    const { tenant, session } = at;
    const before = this.#stored(at);
    this.#counts.add('sessions', tenant, sessionsIn(entry) - sessionsIn(before));
    const indexed = before?.i;
    const i = indexed === undefined || entry.x < indexed ? entry.x : indexed;
    if (i !== indexed) {
      if (indexed !== undefined) void this.db.remove(['x', tenant, indexed, session]);
      this.put(['x', tenant, i, session], '1');
    }
    this.#putStored(at, { ...entry, i });
  }

  #putStored(at: Address, stored: StoredEntry): void {
    this.put(['s', at.tenant, at.session], JSON.stringify(stored));
    this.#met = { at, stored };
  }

  record({ tenant, session }: Address, n: number): string | undefined {
    return this.db.get(['r', tenant, session, n]);
  }

  putRecord({ tenant, session }: Address, n: number, json: string): void {
    this.put(['r', tenant, session, n], json);
  }

  dropRecord({ tenant, session }: Address, n: number): void {
    void this.db.remove(['r', tenant, session, n]);
  }

  putTask(at: Address, local: string, task: StoredTask): void {
    this.#tasks.put(at, local, task);
  }

  dropTask(at: Address, local: string): void {
    this.#tasks.drop(at, local);
  }

  tasksOf(at: Address): IndexedTask[] {
    return this.#tasks.ofSession(at);
  }

  countTasks(tenant: string, state: TaskState | undefined, since: EpochMs | undefined): number {
    return this.#tasks.count(tenant, state, since);
  }

  countSessions(whole: string): number {
    return this.#counts.sessions(whole);
  }
  countRunning(whole: string): number {
    return this.#counts.running(whole);
  }
  places(whole: string): string[] {
    return this.#counts.places(whole);
  }

  tasksBehind(
    tenant: string,
    state: TaskState | undefined,
    place: TaskPlace | undefined,
    limit: number,
  ): IndexedTask[] {
    return this.#tasks.behind(tenant, state, place, limit);
  }

  alias(tenant: string, field: string): string | undefined {
    return this.db.get(['a', tenant, hashOf(field)]);
  }

  putAlias({ tenant, session }: Address, field: string, taskId: string): void {
    const hash = hashOf(field);
    this.put(['a', tenant, hash], taskId);
    this.put(['l', tenant, session, hash], field);
  }

  aliasesOf({ tenant, session }: Address): number {
    return this.keys(['l', tenant, session, FIRST], ['l', tenant, session, LAST]).length;
  }

  purge(at: Address): void {
    const { tenant, session } = at;
    const stored = this.#readable(at);
    if (stored !== undefined) void this.db.remove(['x', tenant, stored.i, session]);
    const json = this.db.get(['s', tenant, session]);
    void this.db.remove(['s', tenant, session]);
    if (json !== undefined) this.#counts.add('sessions', tenant, -sessionsAt(json));
    this.#met = { at, stored: undefined };
    this.removeRange(['r', tenant, session, 0], ['r', tenant, session, Number.MAX_SAFE_INTEGER]);
    for (const { member } of this.#tasks.ofSession(at))
      this.#tasks.drop(at, member.slice(session.length + 1));
    this.putDue(at, undefined);
    for (const key of this.keys(['l', tenant, session, FIRST], ['l', tenant, session, LAST])) {
      const alias = ['a', tenant, String(key[3])];
      if (this.db.get(alias)?.startsWith(`${session}.`)) void this.db.remove(alias);
      void this.db.remove(key);
    }
  }

  sessionsBehind(tenant: string, session: string | undefined, limit: number): Address[] {
    const found = this.keys(['s', tenant, session ?? FIRST], ['s', tenant, LAST], limit + 1);
    const behind = found
      .map((key) => ({ tenant, session: String(key[2]) }))
      .filter((at) => at.session !== session);
    return behind.slice(0, limit);
  }

  expired(tenant: string, now: EpochMs, limit: number): Address[] {
    for (;;) {
      const due = this.keys(['x', tenant, 0], ['x', tenant, now, LAST], RETIRE_SCAN);
      const found: Address[] = [];
      for (const key of due) {
        const at = { tenant, session: String(key[3]) };
        if (this.#isOver(at, key, now)) found.push(at);
        if (found.length === limit) break;
      }
      // all of these had only to be put further back: there may be others behind them
      if (found.length > 0 || due.length < RETIRE_SCAN) return found;
    }
  }

  #isOver(at: Address, key: (string | number)[], now: EpochMs): boolean {
    // damaged: not ours to clear away, and not in the way of the others
    const stored = this.#readable(at);
    if (stored !== undefined && stored.x <= now) return true;
    void this.db.remove(key);
    if (stored !== undefined) {
      this.put(['x', at.tenant, stored.x, at.session], '1');
      this.#putStored(at, { ...stored, i: stored.x });
    }
    return false;
  }

  hasExpired(tenant: string, now: EpochMs): boolean {
    return this.keys(['x', tenant, 0], ['x', tenant, now, LAST], 1).length > 0;
  }

  dueAt({ tenant, session }: Address): EpochMs | undefined {
    const due = this.db.get(['o', tenant, session]);
    return due === undefined ? undefined : Number(due);
  }

  putDue(at: Address, due: EpochMs | undefined): void {
    const { tenant, session } = at;
    const known = this.dueAt(at);
    if (known === due) return;
    if (known !== undefined) void this.db.remove(['d', tenant, known, session]);
    if (due === undefined) {
      void this.db.remove(['o', tenant, session]);
      return;
    }
    this.put(['o', tenant, session], String(due));
    this.put(['d', tenant, due, session], '1');
  }

  allDue(tenant: string, now: EpochMs, limit: number): Address[] {
    const due = this.keys(['d', tenant, 0], ['d', tenant, now, LAST], limit);
    return due.map((key) => ({ tenant, session: String(key[3]) }));
  }

  tasks(tenant: string): ReadonlyMap<string, StoredTask> {
    return this.#tasks.all(tenant);
  }
}

const hashOf = (field: string): string => createHash('sha256').update(field).digest('hex');
