import type { DurationMs } from '../../../protocol/units.ts';
import type { OpenFailure, RecordSealer, SealScope } from '../../security/record-sealer.ts';
import type { CarriedOut, ErasedSession, ErasureOrder, ErasureTarget } from '../../sessions/erasure-store.ts';
import type { Rewrite } from '../../sessions/rewrite-store.ts';
import type { SessionList, SessionQuery } from '../../sessions/session-list.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
import { TAIL_MAX_BYTES } from '../../sessions/session-store.ts';
import type {
  AnsweredMark,
  CommitRequest,
  CommitResult,
  Cursor,
  InstanceSeen,
  JournalRead,
  JournalTail,
  RemoveResult,
  RunningTasks,
  SessionStore,
  StoredRecord,
  StoreWarning,
  TaskList,
  TaskQuery,
  Unwatch,
} from '../../sessions/session-store.ts';
import type { TenantCensus } from '../../sessions/store-census.ts';
import { openSummary, sealedIn, sealSummary } from './sealed-summary.ts';

/** Something stored that did not open. */
export interface Unopened {
  readonly ref: SessionRef;
  /** Record number, or the local part of a task's id. */
  readonly field: number | string;
  readonly failure: OpenFailure;
  readonly keyId: string | undefined;
}

/** What is handed on for a record that does not open: no JSON, so it is a damaged record to everybody. */
const UNREADABLE = '~';

/**
 * A store whose content is encrypted or compressed, as the sealer says. Records are bound to tenant, session, epoch and
 * number: a commit seals them for the numbers it is sent with, each time it is sent. What does not open is a damaged
 * record: kept, never applied. With a sealer that does neither it only opens what was written otherwise.
 */
export class SealedStore implements SessionStore {
  readonly kind: string;
  readonly location: string;
  readonly exclusive: boolean;
  readonly #inner: SessionStore;
  readonly #sealer: RecordSealer;
  readonly #onUnopened: (found: Unopened) => void;

  /** @param onUnopened told each time that something is met, also when it is met again */
  constructor(inner: SessionStore, sealer: RecordSealer, onUnopened: (found: Unopened) => void) {
    this.kind = inner.kind;
    this.location = inner.location;
    this.exclusive = inner.exclusive;
    this.#inner = inner;
    this.#sealer = sealer;
    this.#onUnopened = onUnopened;
  }

  async read(ref: SessionRef, after?: Cursor, renewTtlMs?: DurationMs): Promise<JournalRead> {
    const read = await this.#inner.read(ref, after, renewTtlMs);
    if (!read.found || !this.#concerns(read.tail)) return read;
    return { ...read, tail: await this.#openTail(ref, read.cursor.epoch, read.tail) };
  }

  /** Of all answers only what was missed is opened. Not an async function: each send waits for two of these. */
  commit(ref: SessionRef, request: CommitRequest): Promise<CommitResult> {
    const opened = (result: CommitResult): CommitResult | Promise<CommitResult> =>
      result.outcome === 'ok' ? result : this.#opened(ref, result);
    const sent = this.#sealer.changes ? this.#commitSealed(ref, request) : this.#inner.commit(ref, request);
    return sent.then(opened);
  }

  async #commitSealed(ref: SessionRef, request: CommitRequest): Promise<CommitResult> {
    return await this.#inner.commit(ref, this.#seal(ref, request));
  }

  async #opened(ref: SessionRef, result: CommitResult): Promise<CommitResult> {
    if (!('tail' in result) || !this.#concerns(result.tail)) return result;
    return { ...result, tail: await this.#openTail(ref, result.cursor.epoch, result.tail) };
  }

  #seal(ref: SessionRef, request: CommitRequest): CommitRequest {
    this.#sealer.look();
    const { expected, createEpoch, records, tasks } = request;
    // What a create finds there is told in `exists`, and is not behind what it sends.
    const scope = this.#recordsOf(ref, createEpoch ?? expected.epoch);
    const sealed = records.map(({ seq, json }, i) => ({
      seq,
      json: scope.seal(json, expected.head + 1 + i),
    }));
    if (!this.#sealer.encrypts || tasks.length === 0) return { ...request, records: sealed };
    const summaries = this.#summariesOf(ref);
    const entries = tasks.map((task) =>
      task.state === null ? task : { ...task, summary: sealSummary(summaries, task.local, task.summary) },
    );
    return { ...request, records: sealed, tasks: entries };
  }

  #concerns({ records }: JournalTail): boolean {
    return records.some(({ json }) => json !== null && this.#sealer.concerns(json));
  }

  async #openTail(ref: SessionRef, epoch: string, { records, more }: JournalTail): Promise<JournalTail> {
    await this.#keysFor(records.map(({ json }) => json));
    const scope = this.#recordsOf(ref, epoch);
    const opened: StoredRecord[] = [];
    let bytes = 0;
    for (const { n, json } of records) {
      const text = json === null ? null : this.#open(scope, ref, n, json);
      bytes += text === null ? 0 : Buffer.byteLength(text);
      // The store counts what it holds, which is less where that is compressed.
      if (bytes > TAIL_MAX_BYTES && opened.length > 0) return { records: opened, more: true };
      opened.push({ n, json: text });
    }
    return { records: opened, more };
  }

  #open(scope: SealScope, ref: SessionRef, n: number, stored: string): string {
    const opened = scope.open(stored, n);
    if ('text' in opened) return opened.text;
    this.#onUnopened({ ref, field: n, ...opened });
    return UNREADABLE;
  }

  async listTasks(tenant: string, query: TaskQuery): Promise<TaskList> {
    const list = await this.#inner.listTasks(tenant, query);
    const isRequired = this.#sealer.isRequired;
    const seals = list.tasks.map(({ summary }) => sealedIn(summary) ?? null);
    if (!isRequired && seals.every((sealed) => sealed === null)) return list;
    await this.#keysFor(seals);
    const tasks = list.tasks.map((task) => {
      const { sessionId, local, summary } = task;
      const ref = { tenant, sessionId };
      const onFailure = (failure: OpenFailure, keyId: string | undefined): void => {
        this.#onUnopened({ ref, field: `t:${local}`, failure, keyId });
      };
      return {
        ...task,
        summary: openSummary(this.#summariesOf(ref), local, summary, isRequired, onFailure),
      };
    });
    return { ...list, tasks };
  }

  /** A key that another instance seals with already may be in the file, and not have been read yet. */
  async #keysFor(stored: readonly (string | null)[]): Promise<void> {
    if (stored.some((text) => text !== null && this.#sealer.lacksKeyOf(text))) await this.#sealer.refresh();
  }

  #recordsOf({ tenant, sessionId }: SessionRef, epoch: string): SealScope {
    return this.#sealer.scope('record', tenant, sessionId, epoch);
  }

  #summariesOf({ tenant, sessionId }: SessionRef): SealScope {
    return this.#sealer.scope('summary', tenant, sessionId);
  }

  /** Also what makes a process that has nothing to do notice other keys. */
  beat(instance: string): Promise<number> {
    this.#sealer.look();
    return this.#inner.beat(instance);
  }

  /** It is bound to the epoch, so the session is read as far as that takes. */
  async firstRecord(ref: SessionRef): Promise<string | undefined> {
    const stored = await this.#inner.firstRecord(ref);
    if (stored === undefined || !this.#sealer.concerns(stored)) return stored;
    const read = await this.read(ref);
    return (read.found && read.tail.records[0]?.json) || undefined;
  }

  // The rest holds ids, numbers and times alone.

  erase(ref: SessionRef, tombstoneTtlMs: DurationMs): Promise<ErasedSession | undefined> {
    return this.#inner.erase(ref, tombstoneTtlMs);
  }
  forgetTenant(tenant: string): Promise<void> {
    return this.#inner.forgetTenant(tenant);
  }
  orderErasure(target: ErasureTarget, keepMs: DurationMs): Promise<number> {
    return this.#inner.orderErasure(target, keepMs);
  }
  erasuresAfter(number: number): Promise<readonly ErasureOrder[]> {
    return this.#inner.erasuresAfter(number);
  }
  erasureCarriedOut(number: number, instance: string, what: CarriedOut): Promise<void> {
    return this.#inner.erasureCarriedOut(number, instance, what);
  }
  erasureCarriedOutBy(number: number): Promise<ReadonlyMap<string, CarriedOut>> {
    return this.#inner.erasureCarriedOutBy(number);
  }

  keyOf(ref: SessionRef): string {
    return this.#inner.keyOf(ref);
  }
  remove(ref: SessionRef, tombstoneTtlMs: DurationMs, expected?: Cursor): Promise<RemoveResult> {
    return this.#inner.remove(ref, tombstoneTtlMs, expected);
  }
  markAnswered(marks: readonly AnsweredMark[]): Promise<void> {
    return this.#inner.markAnswered(marks);
  }
  claimDerived(ref: SessionRef, epoch: string, seen: string, next: string): Promise<string | undefined> {
    return this.#inner.claimDerived(ref, epoch, seen, next);
  }
  resolveAlias(tenant: string, subject: string, clientTaskId: string): Promise<string | undefined> {
    return this.#inner.resolveAlias(tenant, subject, clientTaskId);
  }
  listSessions(tenant: string, query: SessionQuery): Promise<SessionList> {
    return this.#inner.listSessions(tenant, query);
  }
  compact(ref: SessionRef, epoch: string, ranges: readonly (readonly [number, number])[]): Promise<void> {
    return this.#inner.compact(ref, epoch, ranges);
  }
  /** Texts as they are stored, whoever seals them: see `migrateSession`. */
  rewrite(ref: SessionRef, epoch: string, rewrites: readonly Rewrite[]): Promise<number> {
    return this.#inner.rewrite(ref, epoch, rewrites);
  }
  claimDue(tenant: string, limit: number, holdMs: DurationMs, only?: string): Promise<readonly string[]> {
    return this.#inner.claimDue(tenant, limit, holdMs, only);
  }
  holdDue(ref: SessionRef, holdMs: DurationMs): Promise<void> {
    return this.#inner.holdDue(ref, holdMs);
  }
  retire(tenant: string): Promise<number> {
    return this.#inner.retire(tenant);
  }
  instances(): Promise<readonly InstanceSeen[]> {
    return this.#inner.instances();
  }
  leave(instance: string): Promise<void> {
    return this.#inner.leave(instance);
  }
  forget(instance: string): Promise<void> {
    return this.#inner.forget(instance);
  }
  noteTenant(tenant: string, instance: string): Promise<void> {
    return this.#inner.noteTenant(tenant, instance);
  }
  tenants(): Promise<readonly string[]> {
    return this.#inner.tenants();
  }
  tenantsOf(instance: string): Promise<readonly string[]> {
    return this.#inner.tenantsOf(instance);
  }
  /** From the part of the summaries that is legible. */
  runningTasks(tenant: string, limit: number, after?: string): Promise<RunningTasks> {
    return this.#inner.runningTasks(tenant, limit, after);
  }
  watch(ref: SessionRef, onWake: (head?: number) => void): Promise<Unwatch> {
    return this.#inner.watch(ref, onWake);
  }
  onNudge(instance: string, listener: (ref: SessionRef) => void): Promise<Unwatch> {
    return this.#inner.onNudge(instance, listener);
  }
  nudge(instance: string, ref: SessionRef): Promise<void> {
    return this.#inner.nudge(instance, ref);
  }
  census(tenant: string): Promise<TenantCensus> {
    return this.#inner.census(tenant);
  }
  shared(name: string, value: string): Promise<string> {
    return this.#inner.shared(name, value);
  }
  warnings(): Promise<readonly StoreWarning[]> {
    return this.#inner.warnings();
  }
  close(): Promise<void> {
    return this.#inner.close();
  }
}
