import type { DurationMs, EpochMs } from '../../../protocol/units.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
import type {
  AliasEntry,
  CommitRequest,
  CommitResult,
  Cursor,
  JournalRead,
  RemoveResult,
  SessionStore,
} from '../../sessions/session-store.ts';
import { checkCommitRequest, checkTtl } from '../request-checks.ts';
import { aliasField, decodeFullTaskId, encodeFullTaskId } from '../encoded-ids.ts';
import {
  cutTail,
  entryAfter,
  goneOf,
  isDead,
  judge,
  lastSeqOf,
  readAfter,
  snapshotOf,
  tombstoneOf,
  withAnswered,
} from './journal-rules.ts';
import { addressOf } from './tables.ts';
import type { Address, Entry, LiveEntry, Tables } from './tables.ts';

const RETIRE_MAX_SESSIONS = 50;
/** Retiring runs on our own event loop: about 50 ms of deletions, then the caller asks again. */
const RETIRE_MAX_RECORDS = 20_000;

/**
 * Everything a store in this process has to decide; a subclass brings the tables and the transaction. Each operation
 * looks first and writes afterwards, so a transaction that answers anything but success has written nothing.
 */
export abstract class EmbeddedSessionStore implements SessionStore {
  abstract readonly kind: string;
  abstract readonly location: string;
  readonly exclusive = true;
  readonly #now: () => EpochMs;

  /** @param now decides what has expired; this store's store time */
  protected constructor(now: () => EpochMs) {
    this.#now = now;
  }

  protected abstract view<T>(work: (tables: Tables) => T): Promise<T>;
  /** Resolves when what `work` wrote is committed; a `work` that throws has written nothing. */
  protected abstract write<T>(work: (tables: Tables) => T): Promise<T>;
  abstract close(): Promise<void>;

  keyOf(ref: SessionRef): string {
    const { tenant, session } = addressOf(ref);
    return `s ${tenant} ${session}`;
  }

  async read(ref: SessionRef, after?: Cursor, renewTtlMs?: DurationMs): Promise<JournalRead> {
    const at = addressOf(ref);
    if (renewTtlMs === undefined) return await this.view((tables) => this.#read(tables, at, after));
    const ttlMs = checkTtl(renewTtlMs);
    return await this.write((tables) => {
      const entry = this.#live(tables, at);
      if (entry !== undefined) tables.putEntry(at, { ...entry, x: this.#now() + ttlMs });
      return this.#read(tables, at, after);
    });
  }

  #read(tables: Tables, at: Address, cursor?: Cursor): JournalRead {
    const entry = this.#entry(tables, at);
    if (entry === undefined || isDead(entry)) return { found: false, ...tombstoneOf(entry, this.#now()) };
    const after = readAfter(entry, cursor);
    return { found: true, after, ...this.#seen(tables, at, entry, after) };
  }

  async commit(ref: SessionRef, request: CommitRequest): Promise<CommitResult> {
    checkCommitRequest(request);
    const at = addressOf(ref);
    return await this.write((tables) => this.#commit(tables, at, request));
  }

  #commit(tables: Tables, at: Address, request: CommitRequest): CommitResult {
    const entry = this.#entry(tables, at);
    const outcome = judge(entry, request);
    if (outcome === 'gone') return { outcome, ...goneOf(entry, request.createEpoch, this.#now()) };
    if (outcome === 'diverged') return { outcome };
    const live = entry === undefined || isDead(entry) ? undefined : entry;
    if (live !== undefined && outcome !== 'append') return this.#missed(tables, at, live, outcome, request);
    // what is left of an expired session must not come back with the new one
    if (live === undefined) tables.purge(at);
    for (const alias of request.aliases) {
      const taken = this.#takenBy(tables, at, alias);
      if (taken !== undefined) {
        // a tombstone was purged only to be written over
        if (entry !== undefined && live === undefined) tables.putEntry(at, entry);
        return { outcome: 'aliased', clientTaskId: alias.clientTaskId, taskId: decodeFullTaskId(taken) };
      }
    }
    this.#apply(tables, at, entry, request);
    return { outcome: 'ok' };
  }

  #missed(
    tables: Tables,
    at: Address,
    entry: LiveEntry,
    outcome: 'create' | 'exists' | 'stored' | 'moved',
    request: CommitRequest,
  ): CommitResult {
    const seen = this.#seen(tables, at, entry, request.expected.head);
    if (outcome === 'stored') return { outcome, upTo: lastSeqOf(entry, request.instance), ...seen };
    if (outcome === 'moved') return { outcome, ...seen };
    const hidden = request.onExists === 'head';
    return { outcome: 'exists', ...seen, ...(hidden && { tail: { records: [], more: entry.v > 0 } }) };
  }

  /** An alias of a session that has expired is free, whether it was retired yet or not. */
  #takenBy(tables: Tables, { tenant, session }: Address, alias: AliasEntry): string | undefined {
    const named = tables.alias(tenant, aliasField(alias.subject, alias.clientTaskId));
    if (named === undefined || named === `${session}.${encodeId(alias.local)}`) return undefined;
    if (alias.expected !== null && named === encodeFullTaskId(alias.expected)) return undefined;
    const owner = { tenant, session: named.slice(0, named.indexOf('.')) };
    return this.#live(tables, owner) === undefined ? undefined : named;
  }

  #apply(tables: Tables, at: Address, before: Entry | undefined, request: CommitRequest): void {
    const head = before === undefined || isDead(before) ? 0 : before.v;
    const entry = entryAfter(before, request, this.#now());
    for (const { local, state, statusAt, summary } of request.tasks) {
      if (state === null) tables.dropTask(at, encodeId(local));
      else tables.putTask(at, encodeId(local), { state, statusAt, summary });
    }
    for (const { subject, clientTaskId, local } of request.aliases) {
      tables.putAlias(at, aliasField(subject, clientTaskId), `${at.session}.${encodeId(local)}`);
    }
    request.records.forEach(({ json }, i) => {
      tables.putRecord(at, head + 1 + i, json);
    });
    tables.putEntry(at, entry);
  }

  async remove(ref: SessionRef, tombstoneTtlMs: DurationMs, expected?: Cursor): Promise<RemoveResult> {
    const at = addressOf(ref);
    const ttlMs = checkTtl(tombstoneTtlMs);
    return await this.write((tables) => {
      const entry = this.#live(tables, at);
      if (entry === undefined) return 'missing';
      const { e, v, w, g } = entry;
      if (expected && (expected.epoch !== e || expected.head !== v || expected.w !== w)) return 'moved';
      const now = this.#now();
      tables.purge(at);
      tables.putEntry(at, { e, d: now, x: now + ttlMs, ...(g && { g }) });
      return 'removed';
    });
  }

  markAnswered(ref: SessionRef, epoch: string, messages: readonly number[]): Promise<void> {
    const at = addressOf(ref);
    return this.write((tables) => {
      const entry = this.#live(tables, at, epoch);
      if (entry !== undefined) tables.putEntry(at, withAnswered(entry, messages));
    });
  }

  markDerivedAnswered(ref: SessionRef, epoch: string, serves: string): Promise<void> {
    const at = addressOf(ref);
    return this.write((tables) => {
      const entry = this.#live(tables, at, epoch);
      if (entry !== undefined && (entry.n ?? '') === serves) tables.putEntry(at, { ...entry, a: true });
    });
  }

  claimDerived(ref: SessionRef, epoch: string, seen: string, next: string): Promise<string | undefined> {
    const at = addressOf(ref);
    return this.write((tables) => {
      const entry = this.#live(tables, at, epoch);
      if (entry === undefined) return undefined;
      const serves = entry.n ?? '';
      if (serves !== seen || entry.a !== true) return serves;
      tables.putEntry(at, { ...entry, n: next, a: false });
      return next;
    });
  }

  async resolveAlias(tenant: string, subject: string, clientTaskId: string): Promise<string | undefined> {
    const field = aliasField(subject, clientTaskId);
    const named = await this.view((tables) => tables.alias(encodeId(tenant), field));
    return named === undefined ? undefined : decodeFullTaskId(named);
  }

  retire(tenant: string): Promise<number> {
    return this.write((tables) => {
      const now = this.#now();
      let retired = 0;
      let records = 0;
      for (const at of tables.expired(encodeId(tenant), now, RETIRE_MAX_SESSIONS)) {
        const entry = tables.entry(at);
        if (entry === undefined || entry.x > now) continue;
        tables.purge(at);
        if (isDead(entry)) continue;
        retired += 1;
        records += entry.v;
        if (records > RETIRE_MAX_RECORDS) break;
      }
      return retired;
    });
  }

  beat(instance: string): Promise<void> {
    return this.write((tables) => {
      tables.putBeat(instance, this.#now());
    });
  }

  async beatAge(instance: string): Promise<DurationMs | undefined> {
    const at = await this.view((tables) => tables.beatOf(instance));
    return at === undefined ? undefined : Math.max(0, this.#now() - at);
  }

  leave(instance: string): Promise<void> {
    return this.write((tables) => {
      tables.putBeat(instance, undefined);
    });
  }

  #entry(tables: Tables, at: Address): Entry | undefined {
    const entry = tables.entry(at);
    return entry !== undefined && entry.x > this.#now() ? entry : undefined;
  }

  #live(tables: Tables, at: Address, epoch?: string): LiveEntry | undefined {
    const entry = this.#entry(tables, at);
    if (entry === undefined || isDead(entry)) return undefined;
    return epoch === undefined || entry.e === epoch ? entry : undefined;
  }

  #seen(tables: Tables, at: Address, entry: LiveEntry, after: number) {
    const tail = cutTail(entry, after, (n) => tables.record(at, n));
    return { ...snapshotOf(entry, this.#now()), tail };
  }
}
