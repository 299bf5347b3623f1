import type { TaskState } from '../../../protocol/task-state.ts';
import type { EpochMs } from '../../../protocol/units.ts';
import { StoreUnavailableError, type StoreWarning } from '../../sessions/session-store.ts';
import { EmbeddedSessionStore } from '../embedded/embedded-store.ts';
import { compare } from '../embedded/list-rules.ts';
import type { Address, Beat, Entry, IndexedTask, StoredTask, TaskPlace, Tables } from '../embedded/tables.ts';

interface MemorySession {
  readonly at: Address;
  entry: Entry | undefined;
  /** The one with number 1 first. */
  readonly records: (string | undefined)[];
  tasks: Map<string, StoredTask> | undefined;
  aliases: Set<string> | undefined;
  /** When its webhooks are due. */
  due: EpochMs | undefined;
}

const NO_TASKS: ReadonlyMap<string, StoredTask> = new Map();

const VOLATILE: StoreWarning = {
  concern: 'volatile',
  text: 'sessions are in memory only and end with this process: set A2A_STORE to lmdb or redis to keep them',
};

/** Keeps nothing beyond this process: for tests, and the plainest form of the rules that every store follows. */
export class MemorySessionStore extends EmbeddedSessionStore {
  override readonly kind = 'memory';
  override readonly location = 'memory';
  readonly #tables = new MemoryTables();
  #closed = false;

  constructor(now: () => EpochMs = Date.now) {
    super(now);
  }

  /** The task index of a tenant, by encoded task id. */
  tasks(tenant: string): ReadonlyMap<string, StoredTask> {
    return this.#tables.tasks(tenant);
  }

  protected override view<T>(work: (tables: Tables) => T): Promise<T> {
    // in an executor, so that what `work` throws becomes a rejection
    return new Promise((resolve) => {
      if (this.#closed) throw new StoreUnavailableError('the store is closed', { counts: false });
      resolve(work(this.#tables));
    });
  }

  protected override write<T>(work: (tables: Tables) => T): Promise<T> {
    return this.view(work);
  }

  override warnings(): Promise<readonly StoreWarning[]> {
    return Promise.resolve([VOLATILE]);
  }

  override close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}

class MemoryTables implements Tables {
  /** By tenant and session: a key of both would have to be put together for every look. */
  readonly #sessions = new Map<string, Map<string, MemorySession>>();
  #metAt: Address | undefined;
  #metSession: MemorySession | undefined;
  readonly #aliases = new Map<string, string>();
  readonly #beats = new Map<string, Beat>();
  readonly #running = new Map<string, Set<string>>();
  readonly #tenants = new Map<string, EpochMs>();
  readonly #settings = new Map<string, string>();

  #look({ tenant, session }: Address): MemorySession | undefined {
    return this.#sessions.get(tenant)?.get(session);
  }

  /** An operation looks at one session, again and again. */
  #find(at: Address): MemorySession | undefined {
    if (this.#metAt !== at) this.#met(at, this.#look(at));
    return this.#metSession;
  }

  #met(at: Address, session: MemorySession | undefined): void {
    this.#metAt = at;
    this.#metSession = session;
  }

  #of(tenant: string): MemorySession[] {
    return [...(this.#sessions.get(tenant)?.values() ?? [])];
  }

  #make(at: Address): MemorySession {
    const found = this.#find(at);
    if (found !== undefined) return found;
    const made: MemorySession = {
      at,
      entry: undefined,
      records: [],
      tasks: undefined,
      aliases: undefined,
      due: undefined,
    };
    let sessions = this.#sessions.get(at.tenant);
    if (sessions === undefined) this.#sessions.set(at.tenant, (sessions = new Map<string, MemorySession>()));
    sessions.set(at.session, made);
    this.#met(at, made);
    return made;
  }

  entry(at: Address): Entry | undefined {
    return this.#find(at)?.entry;
  }

  putEntry(at: Address, entry: Entry): void {
    this.#make(at).entry = entry;
  }

  record(at: Address, n: number): string | undefined {
    return this.#find(at)?.records[n - 1];
  }

  putRecord(at: Address, n: number, json: string): void {
    this.#make(at).records[n - 1] = json;
  }

  dropRecord(at: Address, n: number): void {
    const records = this.#find(at)?.records;
    if (records?.[n - 1] !== undefined) records[n - 1] = undefined;
  }

  putTask(at: Address, local: string, task: StoredTask): void {
    (this.#make(at).tasks ??= new Map<string, StoredTask>()).set(local, task);
  }

  dropTask(at: Address, local: string): void {
    this.#find(at)?.tasks?.delete(local);
  }

  tasksOf(at: Address): IndexedTask[] {
    const tasks = this.#find(at)?.tasks ?? NO_TASKS;
    return [...tasks].map(([local, task]) => ({ member: `${at.session}.${local}`, task }));
  }

  countTasks(tenant: string, state: TaskState | undefined, since: EpochMs | undefined): number {
    return this.#listed(tenant, state).filter(({ task }) => since === undefined || task.statusAt >= since)
      .length;
  }

  tasksBehind(
    tenant: string,
    state: TaskState | undefined,
    place: TaskPlace | undefined,
    limit: number,
  ): IndexedTask[] {
    const placeOf = ({ member, task }: IndexedTask): TaskPlace => ({ statusAt: task.statusAt, member });
    return this.#listed(tenant, state)
      .filter((task) => place === undefined || compare(placeOf(task), place) > 0)
      .sort((a, b) => compare(placeOf(a), placeOf(b)))
      .slice(0, limit);
  }

  #listed(tenant: string, state: TaskState | undefined): IndexedTask[] {
    return [...this.tasks(tenant)]
      .filter(([, task]) => state === undefined || task.state === state)
      .map(([member, task]) => ({ member, task }));
  }

  alias(tenant: string, field: string): string | undefined {
    return this.#aliases.get(`${tenant}/${field}`);
  }

  putAlias(at: Address, field: string, taskId: string): void {
    this.#aliases.set(`${at.tenant}/${field}`, taskId);
    (this.#make(at).aliases ??= new Set()).add(field);
  }

  purge(at: Address): void {
    const session = this.#find(at);
    if (session === undefined) return;
    for (const field of session.aliases ?? []) {
      if (this.alias(at.tenant, field)?.startsWith(`${at.session}.`)) {
        this.#aliases.delete(`${at.tenant}/${field}`);
      }
    }
    this.#sessions.get(at.tenant)?.delete(at.session);
    this.#met(at, undefined);
  }

  sessionsBehind(tenant: string, session: string | undefined, limit: number): Address[] {
    const ids = [...(this.#sessions.get(tenant)?.keys() ?? [])].sort();
    const behind = session === undefined ? ids : ids.filter((id) => id > session);
    return behind.slice(0, limit).map((id) => ({ tenant, session: id }));
  }

  expired(tenant: string, now: EpochMs, limit: number): Address[] {
    return this.#of(tenant)
      .filter(({ entry }) => entry !== undefined && entry.x <= now)
      .sort((a, b) => (a.entry?.x ?? 0) - (b.entry?.x ?? 0))
      .slice(0, limit)
      .map(({ at }) => at);
  }

  hasExpired(tenant: string, now: EpochMs): boolean {
    return this.expired(tenant, now, 1).length > 0;
  }

  dueAt(at: Address): EpochMs | undefined {
    return this.#find(at)?.due;
  }

  putDue(at: Address, due: EpochMs | undefined): void {
    const session = due === undefined ? this.#find(at) : this.#make(at);
    if (session !== undefined) session.due = due;
  }

  allDue(tenant: string, now: EpochMs, limit: number): Address[] {
    return this.#of(tenant)
      .filter(({ due }) => due !== undefined && due <= now)
      .sort((a, b) => (a.due ?? 0) - (b.due ?? 0))
      .slice(0, limit)
      .map(({ at }) => at);
  }

  setting(name: string): string | undefined {
    return this.#settings.get(name);
  }

  putSetting(name: string, value: string): void {
    this.#settings.set(name, value);
  }

  tenants(): [string, EpochMs][] {
    return [...this.#tenants];
  }

  putTenant(tenant: string, at: EpochMs | undefined): void {
    if (at === undefined) this.#tenants.delete(tenant);
    else this.#tenants.set(tenant, at);
  }

  beats(): [string, Beat][] {
    return [...this.#beats];
  }

  putBeat(instance: string, beat: Beat | undefined): void {
    if (beat === undefined) this.#beats.delete(instance);
    else this.#beats.set(instance, beat);
  }

  running(instance: string): string[] {
    return [...(this.#running.get(instance) ?? [])];
  }

  putRunning(instance: string, tenant: string): void {
    this.#running.set(instance, (this.#running.get(instance) ?? new Set()).add(tenant));
  }

  dropRunning(instance: string): void {
    this.#running.delete(instance);
  }

  tasks(tenant: string): ReadonlyMap<string, StoredTask> {
    const found = new Map<string, StoredTask>();
    for (const { at, tasks } of this.#of(tenant)) {
      for (const [local, task] of tasks ?? NO_TASKS) found.set(`${at.session}.${local}`, task);
    }
    return found;
  }
}
