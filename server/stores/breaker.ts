import type { DurationMs } from '../../protocol/units.ts';
import type { CarriedOut, ErasedSession, ErasureOrder, ErasureTarget } from '../sessions/erasure-store.ts';
import type { Rewrite } from '../sessions/rewrite-store.ts';
import type { SessionList, SessionQuery } from '../sessions/session-list.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import type {
  AnsweredMark,
  CommitRequest,
  CommitResult,
  Cursor,
  InstanceSeen,
  JournalRead,
  RemoveResult,
  RunningTasks,
  SessionStore,
  StoreWarning,
  TaskList,
  TaskQuery,
  Unwatch,
} from '../sessions/session-store.ts';
import type { TenantCensus } from '../sessions/store-census.ts';
import { CircuitBreaker, type BreakerOptions } from './circuit-breaker.ts';

export type { BreakerOptions, BreakerState } from './circuit-breaker.ts';

/** A store behind a {@link CircuitBreaker}. */
export class BreakerStore extends CircuitBreaker implements SessionStore {
  readonly kind: string;
  readonly location: string;
  readonly exclusive: boolean;
  readonly #inner: SessionStore;

  constructor(inner: SessionStore, options: BreakerOptions) {
    super(inner.kind, (instance) => inner.beat(instance), options);
    this.kind = inner.kind;
    this.location = inner.location;
    this.exclusive = inner.exclusive;
    this.#inner = inner;
  }

  keyOf(ref: SessionRef): string {
    return this.#inner.keyOf(ref);
  }

  read(ref: SessionRef, after?: Cursor, renewTtlMs?: DurationMs): Promise<JournalRead> {
    const fromStart = after === undefined || after.head === 0;
    return this.call(() => this.#inner.read(ref, after, renewTtlMs), fromStart);
  }

  commit(ref: SessionRef, request: CommitRequest): Promise<CommitResult> {
    return this.call(() => this.#inner.commit(ref, request));
  }

  remove(ref: SessionRef, tombstoneTtlMs: DurationMs, expected?: Cursor): Promise<RemoveResult> {
    return this.call(() => this.#inner.remove(ref, tombstoneTtlMs, expected));
  }

  markAnswered(marks: readonly AnsweredMark[]): Promise<void> {
    return this.call(() => this.#inner.markAnswered(marks));
  }

  claimDerived(ref: SessionRef, epoch: string, seen: string, next: string): Promise<string | undefined> {
    return this.call(() => this.#inner.claimDerived(ref, epoch, seen, next));
  }

  resolveAlias(tenant: string, subject: string, clientTaskId: string): Promise<string | undefined> {
    return this.call(() => this.#inner.resolveAlias(tenant, subject, clientTaskId));
  }

  /** Its answer may be large, and what has expired is cleared away before. */
  listTasks(tenant: string, query: TaskQuery): Promise<TaskList> {
    return this.call(() => this.#inner.listTasks(tenant, query), true);
  }

  listSessions(tenant: string, query: SessionQuery): Promise<SessionList> {
    return this.call(() => this.#inner.listSessions(tenant, query), true);
  }

  erase(ref: SessionRef, tombstoneTtlMs: DurationMs): Promise<ErasedSession | undefined> {
    return this.call(() => this.#inner.erase(ref, tombstoneTtlMs));
  }
  firstRecord(ref: SessionRef): Promise<string | undefined> {
    return this.call(() => this.#inner.firstRecord(ref), true);
  }
  forgetTenant(tenant: string): Promise<void> {
    return this.call(() => this.#inner.forgetTenant(tenant));
  }
  orderErasure(target: ErasureTarget, keepMs: DurationMs): Promise<number> {
    return this.call(() => this.#inner.orderErasure(target, keepMs));
  }
  erasuresAfter(number: number): Promise<readonly ErasureOrder[]> {
    return this.call(() => this.#inner.erasuresAfter(number), true);
  }
  erasureCarriedOut(number: number, instance: string, what: CarriedOut): Promise<void> {
    return this.call(() => this.#inner.erasureCarriedOut(number, instance, what));
  }
  erasureCarriedOutBy(number: number): Promise<ReadonlyMap<string, CarriedOut>> {
    return this.call(() => this.#inner.erasureCarriedOutBy(number));
  }

  /** Of a long run of records, many calls in one. */
  compact(ref: SessionRef, epoch: string, ranges: readonly (readonly [number, number])[]): Promise<void> {
    return this.call(() => this.#inner.compact(ref, epoch, ranges), true);
  }

  rewrite(ref: SessionRef, epoch: string, rewrites: readonly Rewrite[]): Promise<number> {
    return this.call(() => this.#inner.rewrite(ref, epoch, rewrites), true);
  }

  noteTenant(tenant: string, instance: string): Promise<void> {
    return this.call(() => this.#inner.noteTenant(tenant, instance));
  }

  tenants(): Promise<readonly string[]> {
    return this.call(() => this.#inner.tenants(), true);
  }

  claimDue(tenant: string, limit: number, holdMs: DurationMs, only?: string): Promise<readonly string[]> {
    return this.call(() => this.#inner.claimDue(tenant, limit, holdMs, only));
  }

  holdDue(ref: SessionRef, holdMs: DurationMs): Promise<void> {
    return this.call(() => this.#inner.holdDue(ref, holdMs));
  }

  retire(tenant: string): Promise<number> {
    return this.call(() => this.#inner.retire(tenant));
  }

  beat(instance: string): Promise<number> {
    return this.call(() => this.#inner.beat(instance));
  }

  instances(): Promise<readonly InstanceSeen[]> {
    return this.call(() => this.#inner.instances());
  }

  leave(instance: string): Promise<void> {
    return this.call(() => this.#inner.leave(instance));
  }

  forget(instance: string): Promise<void> {
    return this.call(() => this.#inner.forget(instance));
  }

  tenantsOf(instance: string): Promise<readonly string[]> {
    return this.call(() => this.#inner.tenantsOf(instance), true);
  }

  runningTasks(tenant: string, limit: number, after?: string): Promise<RunningTasks> {
    return this.call(() => this.#inner.runningTasks(tenant, limit, after), true);
  }

  shared(name: string, value: string): Promise<string> {
    return this.call(() => this.#inner.shared(name, value));
  }

  /** Asks the store nothing that could fail: also while it is away, so that hints come as soon as it is back. */
  watch(ref: SessionRef, onWake: (head?: number) => void): Promise<Unwatch> {
    return this.#inner.watch(ref, onWake);
  }

  onNudge(instance: string, listener: (ref: SessionRef) => void): Promise<Unwatch> {
    return this.#inner.onNudge(instance, listener);
  }

  /** A hint that is lost says nothing of the store: it may be a right to its channels that is missing. */
  nudge(instance: string, ref: SessionRef): Promise<void> {
    return this.hint(() => this.#inner.nudge(instance, ref));
  }

  /** For people to look at: that it could not be had says nothing of the store. */
  census(tenant: string): Promise<TenantCensus> {
    return this.hint(() => this.#inner.census(tenant));
  }

  warnings(): Promise<readonly StoreWarning[]> {
    return this.hint(() => this.#inner.warnings());
  }

  /** Not bounded: what a store does to close, it does so that nothing is lost. */
  async close(): Promise<void> {
    this.end();
    await this.#inner.close();
  }
}
