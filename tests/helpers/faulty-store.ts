import type { DurationMs } from '../../protocol/units.ts';
import type {
  CarriedOut,
  ErasedSession,
  ErasureOrder,
  ErasureTarget,
} from '../../server/sessions/erasure-store.ts';
import type { SessionList, SessionQuery } from '../../server/sessions/session-list.ts';
import type { SessionRef } from '../../server/sessions/session-ref.ts';
import {
  StoreUnavailableError,
  type AnsweredMark,
  type CommitRequest,
  type CommitResult,
  type Cursor,
  type InstanceSeen,
  type JournalRead,
  type RemoveResult,
  type RunningTasks,
  type SessionStore,
  type StoreWarning,
  type TaskList,
  type TaskQuery,
  type Unwatch,
} from '../../server/sessions/session-store.ts';
import type { TenantCensus } from '../../server/sessions/store-census.ts';

export type StoreMethod = Exclude<keyof SessionStore, 'kind' | 'location' | 'exclusive' | 'keyOf' | 'close'>;

/**
 * What happens to one call: `refuse` fails before it is run; `lose` runs it and loses the answer; `late` fails now and
 * runs at a later moment; `hang` waits and then runs; `hold` runs and then keeps its answer.
 */
export type Fault = 'refuse' | 'lose' | 'late' | 'hang' | 'hold';

/** A store in front of which everything can go wrong that a network can do. */
export class FaultyStore implements SessionStore {
  readonly #inner: SessionStore;
  readonly exclusive: boolean;
  /** Calls by method, with those that failed. */
  readonly calls: Partial<Record<StoreMethod, number>> = {};
  /** Every commit that was asked for, in order. */
  readonly requests: CommitRequest[] = [];
  /** Every answer of the store behind to a commit, also those that nobody got. */
  readonly answers: { ref: SessionRef; request: CommitRequest; result: CommitResult }[] = [];
  readonly faults: Record<Fault, number> = { refuse: 0, lose: 0, late: 0, hang: 0, hold: 0 };
  /** Late attempts that did not only run but wrote. */
  wroteLate = 0;
  /** Chooses for each call; undefined = nothing happens to it. */
  fault: (method: StoreMethod) => Fault | undefined = () => undefined;
  /** How long late attempts and what hangs take; undefined = until {@link runLate} and {@link release}. */
  lateBy: () => DurationMs | undefined = () => undefined;
  #late: (() => Promise<void>)[] = [];
  #running = new Set<Promise<void>>();
  #hung: (() => void)[] = [];
  #releases = 0;

  /** @param exclusive whether it says that nobody else writes; default: what the store behind says */
  constructor(inner: SessionStore, exclusive = inner.exclusive) {
    this.#inner = inner;
    this.exclusive = exclusive;
  }

  get kind(): string {
    return this.#inner.kind;
  }
  get location(): string {
    return this.#inner.location;
  }

  /** The next `times` calls of a method meet this; the others pass. */
  once(method: StoreMethod, fault: Fault, times = 1): void {
    let left = times;
    this.fault = (called) => (called === method && left-- > 0 ? fault : undefined);
  }

  /** Every call from now on. */
  always(fault: Fault | undefined, only?: StoreMethod): void {
    this.fault = (called) => (only === undefined || only === called ? fault : undefined);
  }

  get hanging(): number {
    return this.#hung.length;
  }

  /** Lets go what hangs, what is held, and what would be held once it has run. */
  release(): void {
    this.#releases += 1;
    for (const go of this.#hung.splice(0)) go();
  }

  /** Runs what is late, and waits for what already runs. */
  async runLate(): Promise<void> {
    while (this.#late.length > 0 || this.#running.size > 0) {
      await Promise.all([...this.#running, ...this.#late.splice(0).map((run) => run())]);
    }
  }

  keyOf(ref: SessionRef): string {
    return this.#inner.keyOf(ref);
  }
  read(ref: SessionRef, after?: Cursor, renewTtlMs?: DurationMs): Promise<JournalRead> {
    return this.#call('read', () => this.#inner.read(ref, after, renewTtlMs));
  }

  commit(ref: SessionRef, request: CommitRequest): Promise<CommitResult> {
    this.requests.push(request);
    return this.#call('commit', async (isLate) => {
      const result = await this.#inner.commit(ref, request);
      this.answers.push({ ref, request, result });
      if (isLate && result.outcome === 'ok') this.wroteLate += 1;
      return result;
    });
  }

  remove(ref: SessionRef, tombstoneTtlMs: DurationMs, expected?: Cursor): Promise<RemoveResult> {
    return this.#call('remove', () => this.#inner.remove(ref, tombstoneTtlMs, expected));
  }

  markAnswered(marks: readonly AnsweredMark[]): Promise<void> {
    return this.#call('markAnswered', () => this.#inner.markAnswered(marks));
  }

  claimDerived(ref: SessionRef, epoch: string, seen: string, next: string): Promise<string | undefined> {
    return this.#call('claimDerived', () => this.#inner.claimDerived(ref, epoch, seen, next));
  }

  resolveAlias(tenant: string, subject: string, clientTaskId: string): Promise<string | undefined> {
    return this.#call('resolveAlias', () => this.#inner.resolveAlias(tenant, subject, clientTaskId));
  }

  listTasks(tenant: string, query: TaskQuery): Promise<TaskList> {
    return this.#call('listTasks', () => this.#inner.listTasks(tenant, query));
  }

  listSessions(tenant: string, query: SessionQuery): Promise<SessionList> {
    return this.#call('listSessions', () => this.#inner.listSessions(tenant, query));
  }

  erase(ref: SessionRef, tombstoneTtlMs: DurationMs): Promise<ErasedSession | undefined> {
    return this.#call('erase', () => this.#inner.erase(ref, tombstoneTtlMs));
  }

  firstRecord(ref: SessionRef): Promise<string | undefined> {
    return this.#call('firstRecord', () => this.#inner.firstRecord(ref));
  }
  forgetTenant(tenant: string): Promise<void> {
    return this.#call('forgetTenant', () => this.#inner.forgetTenant(tenant));
  }
  orderErasure(target: ErasureTarget, keepMs: DurationMs): Promise<number> {
    return this.#call('orderErasure', () => this.#inner.orderErasure(target, keepMs));
  }
  erasuresAfter(number: number): Promise<readonly ErasureOrder[]> {
    return this.#call('erasuresAfter', () => this.#inner.erasuresAfter(number));
  }
  erasureCarriedOut(number: number, instance: string, what: CarriedOut): Promise<void> {
    return this.#call('erasureCarriedOut', () => this.#inner.erasureCarriedOut(number, instance, what));
  }

  erasureCarriedOutBy(number: number): Promise<ReadonlyMap<string, CarriedOut>> {
    return this.#call('erasureCarriedOutBy', () => this.#inner.erasureCarriedOutBy(number));
  }

  rewrite(...of: Parameters<SessionStore['rewrite']>): Promise<number> {
    return this.#call('rewrite', () => this.#inner.rewrite(...of));
  }

  compact(ref: SessionRef, epoch: string, ranges: readonly (readonly [number, number])[]): Promise<void> {
    return this.#call('compact', () => this.#inner.compact(ref, epoch, ranges));
  }

  noteTenant(tenant: string, instance: string): Promise<void> {
    return this.#call('noteTenant', () => this.#inner.noteTenant(tenant, instance));
  }

  tenants(): Promise<readonly string[]> {
    return this.#call('tenants', () => this.#inner.tenants());
  }

  claimDue(tenant: string, limit: number, holdMs: DurationMs, only?: string): Promise<readonly string[]> {
    return this.#call('claimDue', () => this.#inner.claimDue(tenant, limit, holdMs, only));
  }

  holdDue(ref: SessionRef, holdMs: DurationMs): Promise<void> {
    return this.#call('holdDue', () => this.#inner.holdDue(ref, holdMs));
  }

  retire(tenant: string): Promise<number> {
    return this.#call('retire', () => this.#inner.retire(tenant));
  }

  beat(instance: string): Promise<number> {
    return this.#call('beat', () => this.#inner.beat(instance));
  }

  instances(): Promise<readonly InstanceSeen[]> {
    return this.#call('instances', () => this.#inner.instances());
  }

  leave(instance: string): Promise<void> {
    return this.#call('leave', () => this.#inner.leave(instance));
  }

  forget(instance: string): Promise<void> {
    return this.#call('forget', () => this.#inner.forget(instance));
  }

  tenantsOf(instance: string): Promise<readonly string[]> {
    return this.#call('tenantsOf', () => this.#inner.tenantsOf(instance));
  }

  runningTasks(tenant: string, limit: number, after?: string): Promise<RunningTasks> {
    return this.#call('runningTasks', () => this.#inner.runningTasks(tenant, limit, after));
  }

  watch(ref: SessionRef, onWake: (head?: number) => void): Promise<Unwatch> {
    return this.#call('watch', () => this.#inner.watch(ref, onWake));
  }

  nudge(instance: string, ref: SessionRef): Promise<void> {
    return this.#call('nudge', () => this.#inner.nudge(instance, ref));
  }

  onNudge(instance: string, listener: (ref: SessionRef) => void): Promise<Unwatch> {
    return this.#call('onNudge', () => this.#inner.onNudge(instance, listener));
  }

  census(tenant: string): Promise<TenantCensus> {
    return this.#call('census', () => this.#inner.census(tenant));
  }

  shared(name: string, value: string): Promise<string> {
    return this.#call('shared', () => this.#inner.shared(name, value));
  }

  warnings(): Promise<readonly StoreWarning[]> {
    return this.#call('warnings', () => this.#inner.warnings());
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #call<T>(method: StoreMethod, run: (isLate: boolean) => Promise<T>): Promise<T> {
    this.calls[method] = (this.calls[method] ?? 0) + 1;
    const fault = this.fault(method);
    if (fault === undefined) return await run(false);
    this.faults[fault] += 1;
    switch (fault) {
      case 'refuse':
        throw new StoreUnavailableError('refused');
      case 'lose':
        await run(false);
        throw new StoreUnavailableError('the answer was lost');
      case 'late':
        this.#runLater(run);
        throw new StoreUnavailableError('timed out');
      case 'hang':
        await this.#hang();
        return await run(false);
      case 'hold': {
        const releases = this.#releases;
        const answer = await run(false);
        if (this.#releases === releases) await this.#hang();
        return answer;
      }
    }
  }

  #hang(): Promise<void> {
    const delay = this.lateBy();
    return new Promise((resolve) => {
      if (delay === undefined) this.#hung.push(resolve);
      else setTimeout(resolve, delay);
    });
  }

  #runLater(run: (isLate: boolean) => Promise<unknown>): void {
    const attempt = async (): Promise<void> => {
      try {
        await run(true);
      } catch {
        // Nobody waits for it any more.
      }
    };
    const delay = this.lateBy();
    if (delay === undefined) {
      this.#late.push(attempt);
      return;
    }
    const running = new Promise<void>((resolve) => {
      setTimeout(() => {
        void attempt().then(resolve);
      }, delay);
    }).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}
