import type { Bytes, DurationMs } from '../../../protocol/units.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import type { Rewrite } from '../../sessions/rewrite-store.ts';
import type { SessionList, SessionQuery } from '../../sessions/session-list.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
import { SessionDamagedError } from '../../sessions/session-store.ts';
import type {
  AnsweredMark,
  CommitRequest,
  CommitResult,
  Cursor,
  JournalRead,
  RemoveResult,
  SessionStore,
  TaskList,
  TaskQuery,
} from '../../sessions/session-store.ts';
import { checkCommitRequest, checkPageLimit, checkTaskQuery, checkTtl } from '../request-checks.ts';
import { aliasField, decodeFullTaskId } from '../encoded-ids.ts';
import { toPortions, type RecordRange } from '../record-ranges.ts';
import { toRewritePortions } from '../rewrites.ts';
import { commitIn, entryIn, seenIn } from './commit-rules.ts';
import { isDead, readAfter, tombstoneOf, withAnswered } from './journal-rules.ts';
import { isThere, listFrom, listSessionsFrom } from './list-rules.ts';
import { EmbeddedErasures } from './embedded-erasures.ts';
import { claimFrom } from './outbox-rules.ts';
import { rewriteIn } from './rewrite-rules.ts';
import { addressOf, wholeOf } from './tables.ts';
import type { Address, Tables } from './tables.ts';

const RETIRE_MAX_SESSIONS = 50;
/** Retiring runs on our own event loop: about 50 ms of deletions, then the caller asks again. */
const RETIRE_MAX_RECORDS = 20_000;
/** A list clears away what has expired before it answers, but it does not wait for ever. */
const CLEAR_ROUNDS = 40;
const CLEAR_MAX_MS: DurationMs = 100;
/** Sessions that one transaction marks, which runs on our own event loop. */
const MARK_MAX_SESSIONS = 100;
/** Records that one transaction deletes: it runs on our own event loop too. */
const COMPACT_MAX_RECORDS = 5_000;

/**
 * Everything a store in this process has to decide; a subclass brings the tables and the transaction. Each operation
 * looks first and writes afterwards, so a transaction that answers anything but success has written nothing.
 */
export abstract class EmbeddedSessionStore extends EmbeddedErasures implements SessionStore {
  abstract readonly kind: string;
  abstract readonly location: string;
  readonly exclusive = true;

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
      const entry = this.live(tables, at);
      if (entry !== undefined) tables.putEntry(at, { ...entry, x: this.now() + ttlMs });
      return this.#read(tables, at, after);
    });
  }

  #read(tables: Tables, at: Address, cursor?: Cursor): JournalRead {
    const now = this.now();
    const entry = entryIn(tables, at, now);
    if (entry === undefined || isDead(entry)) return { found: false, ...tombstoneOf(entry, now) };
    const after = readAfter(entry, cursor);
    return { found: true, after, ...seenIn(tables, at, entry, after, now) };
  }

  async commit(ref: SessionRef, request: CommitRequest): Promise<CommitResult> {
    checkCommitRequest(request);
    const at = addressOf(ref);
    const commit = (): Promise<CommitResult> =>
      this.write((tables) => commitIn(tables, at, request, this.now()));
    let result = await commit();
    for (let round = 0; result.outcome === 'refused' && round < CLEAR_ROUNDS; round += 1) {
      if (!(await this.#clearWhole(wholeOf(at.tenant)))) break;
      result = await commit();
    }
    if (result.outcome === 'ok') this.wake(ref, request.expected.head + request.records.length);
    return result;
  }

  async remove(ref: SessionRef, tombstoneTtlMs: DurationMs, expected?: Cursor): Promise<RemoveResult> {
    const at = addressOf(ref);
    const ttlMs = checkTtl(tombstoneTtlMs);
    const result = await this.write<RemoveResult>((tables) => {
      const entry = this.live(tables, at);
      if (entry === undefined) {
        // what a damaged file or a hand has left of it goes as well; a tombstone stays
        if (tables.entry(at) === undefined) tables.purge(at);
        return 'missing';
      }
      const { e, v, w, g } = entry;
      if (expected && (expected.epoch !== e || expected.head !== v || expected.w !== w)) return 'moved';
      const now = this.now();
      tables.purge(at);
      tables.putEntry(at, { e, d: now, x: now + ttlMs, ...(g && { g }) });
      return 'removed';
    });
    if (result === 'removed') this.wake(ref, 0);
    return result;
  }

  async markAnswered(marks: readonly AnsweredMark[]): Promise<void> {
    let damage: unknown;
    for (let from = 0; from < marks.length; from += MARK_MAX_SESSIONS) {
      await this.write((tables) => {
        for (const mark of marks.slice(from, from + MARK_MAX_SESSIONS)) {
          try {
            this.#mark(tables, mark);
          } catch (error) {
            // the others are marked all the same
            if (!(error instanceof SessionDamagedError)) throw error;
            damage ??= error;
          }
        }
      });
    }
    if (damage instanceof SessionDamagedError) throw damage;
  }

  #mark(tables: Tables, { ref, epoch, messages, serves }: AnsweredMark): void {
    const at = addressOf(ref);
    const entry = this.live(tables, at, epoch);
    if (entry === undefined) return;
    const a = serves !== undefined && (entry.n ?? '') === serves;
    if (a || messages.length > 0) tables.putEntry(at, withAnswered(entry, messages, a));
  }

  claimDerived(ref: SessionRef, epoch: string, seen: string, next: string): Promise<string | undefined> {
    const at = addressOf(ref);
    return this.write((tables) => {
      const entry = this.live(tables, at, epoch);
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

  async listTasks(tenant: string, query: TaskQuery): Promise<TaskList> {
    checkTaskQuery(query);
    const encoded = encodeId(tenant);
    if (query.sessionId === undefined) await this.#clear(tenant);
    return await this.view((tables) =>
      listFrom(tables, encoded, query, (at) => isThere(() => this.live(tables, at))),
    );
  }

  async listSessions(tenant: string, query: SessionQuery): Promise<SessionList> {
    checkPageLimit(query.limit);
    return await this.view((tables) =>
      listSessionsFrom(tables, encodeId(tenant), query, (at) => this.live(tables, at), this.now()),
    );
  }

  /** Nothing is written when nothing has expired. */
  async #clear(tenant: string): Promise<void> {
    const until = performance.now() + CLEAR_MAX_MS;
    const hasExpired = () => this.view((tables) => tables.hasExpired(encodeId(tenant), this.now()));
    for (let round = 0; round < CLEAR_ROUNDS && performance.now() < until; round += 1) {
      if (!(await hasExpired())) return;
      await this.retire(tenant);
    }
  }

  async compact(
    ref: SessionRef,
    epoch: string,
    ranges: readonly (readonly [number, number])[],
  ): Promise<void> {
    const at = addressOf(ref);
    for (const portion of toPortions(ranges, COMPACT_MAX_RECORDS)) {
      await this.write((tables) => {
        const entry = this.live(tables, at, epoch);
        if (entry === undefined) return;
        const bytes = dropRecords(tables, at, portion, entry.v);
        if (bytes > 0) tables.putEntry(at, { ...entry, b: Math.max(0, entry.b - bytes) });
      });
    }
  }

  async rewrite(ref: SessionRef, epoch: string, rewrites: readonly Rewrite[]): Promise<number> {
    const at = addressOf(ref);
    let done = 0;
    for (const portion of toRewritePortions(rewrites)) {
      done += await this.write((tables) => {
        const entry = this.live(tables, at, epoch);
        return entry === undefined ? 0 : rewriteIn(tables, at, entry, portion);
      });
    }
    return done;
  }

  claimDue(tenant: string, limit: number, holdMs: DurationMs, only?: string): Promise<readonly string[]> {
    const claim = {
      tenant: encodeId(tenant),
      limit,
      holdMs: checkTtl(holdMs),
      ...(only !== undefined && { only: addressOf({ tenant, sessionId: only }) }),
    };
    return this.write((tables) =>
      claimFrom(tables, claim, this.now(), (at) => isThere(() => this.live(tables, at))),
    );
  }

  holdDue(ref: SessionRef, holdMs: DurationMs): Promise<void> {
    const at = addressOf(ref);
    const ms = checkTtl(holdMs);
    return this.write((tables) => {
      if (tables.dueAt(at) !== undefined) tables.putDue(at, this.now() + ms);
    });
  }

  /** Expired sessions are not to be counted. @returns whether there were any */
  async #clearWhole(whole: string): Promise<boolean> {
    const places = await this.view((tables) =>
      tables.places(whole).filter((place) => tables.hasExpired(place, this.now())),
    );
    let retired = 0;
    for (const place of places) retired += await this.#retire(place);
    return retired > 0;
  }

  retire(tenant: string): Promise<number> {
    return this.#retire(encodeId(tenant));
  }

  /** @param place encoded */
  #retire(place: string): Promise<number> {
    return this.write((tables) => {
      const now = this.now();
      let retired = 0;
      let records = 0;
      for (const at of tables.expired(place, now, RETIRE_MAX_SESSIONS)) {
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
}

/** @returns how many bytes they had */
function dropRecords(tables: Tables, at: Address, ranges: readonly RecordRange[], head: number): Bytes {
  let bytes = 0;
  for (const [from, to] of ranges) {
    for (let n = from; n <= Math.min(to, head); n += 1) {
      bytes += Buffer.byteLength(tables.record(at, n) ?? '');
      tables.dropRecord(at, n);
    }
  }
  return bytes;
}
