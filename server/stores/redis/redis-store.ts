import type { Redis } from 'ioredis';
import type { DurationMs } from '../../../protocol/units.ts';
import type { Rewrite } from '../../sessions/rewrite-store.ts';
import type { SessionList, SessionQuery } from '../../sessions/session-list.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
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
import { checkCommitRequest, checkTtl } from '../request-checks.ts';
import { aliasField, decodeFullTaskId, decodeId } from '../encoded-ids.ts';
import { AliasShelves } from './alias-shelves.ts';
import { shareMasters, type RedisClient } from './client.ts';
import { toCommitCall } from './commit-call.ts';
import { CommitCalls } from './commit-calls.ts';
import { FailedShelves } from './failed-shelves.ts';
import { createKeys, indexKeys } from './keys.ts';
import type { RedisKeys, ShelfKeys } from './keys.ts';
import { compactRecords, rewriteTexts } from './redis-contents.ts';
import { RedisErasures } from './redis-erasures.ts';
import type { RedisInstancesOptions } from './redis-instances.ts';
import { RedisOutbox } from './redis-outbox.ts';
import { RETIRE_MAX_SESSIONS, RedisTaskLists, type Retired } from './redis-task-lists.ts';
import { markAnswered } from './redis-marks.ts';
import { RedisSessionLists } from './redis-session-lists.ts';
import { checkSettings, type RedisSettings } from './redis-settings.ts';
import { type Reply, toJournalRead, toReply } from './replies.ts';
import { ScriptRunner } from './script-runner.ts';

export interface RedisStoreOptions extends RedisInstancesOptions, RedisSettings {
  /** First part of every key. */
  readonly prefix: string;
}

const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/** Sessions in Redis 6.2 or later: one hash, one TTL and one script call each. */
export class RedisSessionStore extends RedisErasures implements SessionStore {
  readonly kind = 'redis';
  readonly location: string;
  readonly exclusive: boolean;
  readonly #client: RedisClient;
  readonly #bulkClient: RedisClient;
  readonly #scripts: ScriptRunner;
  readonly #bulk: ScriptRunner;
  readonly #keys: RedisKeys;
  readonly #aliases: AliasShelves | undefined;
  readonly #lists: RedisTaskLists;
  readonly #commits: CommitCalls;
  readonly #outbox: RedisOutbox;
  readonly #options: RedisStoreOptions;
  #closed = false;

  /**
   * @param client from `createRedisClient`; the store closes it
   * @param bulkClient for reads from the first record, which may answer with a megabyte: commits need not queue behind
   *   them. Absent: the same
   */
  constructor(client: RedisClient, options: RedisStoreOptions, bulkClient: RedisClient = client) {
    const failed = 'nodes' in client ? new FailedShelves() : undefined;
    const scripts = new ScriptRunner(client, failed);
    const keys = createKeys(options.prefix, options.buckets);
    super(client, scripts, keys, options);
    this.location = options.location;
    this.exclusive = options.exclusive;
    this.#options = options;
    this.#client = client;
    this.#bulkClient = bulkClient;
    shareMasters(client, bulkClient);
    this.#scripts = scripts;
    this.#bulk = bulkClient === client ? scripts : new ScriptRunner(bulkClient, failed);
    this.#keys = keys;
    this.#outbox = new RedisOutbox(scripts, keys);
    const retire = (tenant: string, shelf: ShelfKeys, only?: string) => this.#retire(tenant, shelf, only);
    this.#commits = new CommitCalls(scripts, retire, options.indexTtlMs);
    this.#lists = new RedisTaskLists(this.#scripts, this.#keys, retire);
    if (options.buckets > 1) this.#aliases = new AliasShelves(this.#scripts, this.#keys, options.indexTtlMs);
  }

  /** Starts connecting and keeps at it. Whether it succeeds is told by {@link onConnection}. */
  connect(): void {
    for (const client of new Set([this.#client, this.#bulkClient])) {
      // a failure is told by the events, and the client goes on trying
      if (client.status === 'wait') client.connect().catch(() => undefined);
    }
  }

  /** @param listener told `true` when commands can be sent, `false` when the connection is lost or could not be made */
  onConnection(listener: (up: boolean) => void): void {
    const up = (): void => {
      listener(true);
    };
    this.#client.on('ready', up);
    if ('nodes' in this.#client) {
      // one master may come back, or be replaced, while all other connections stand
      this.#client.on('refresh', up);
      this.#client.on('+node', (node: Redis) => node.on('ready', up));
    }
    this.#client.on('close', () => {
      listener(false);
    });
  }

  /**
   * A cluster whose registry answers may still lack the masters of some sessions: asks those that failed the last time.
   *
   * @returns whether there were any
   * @throws {StoreUnavailableError} when one still fails
   */
  touchFailed(): Promise<boolean> {
    return this.#scripts.touchFailed();
  }

  /**
   * The first process on an empty store decides.
   *
   * @throws {StoreSettingsError} when the store was set up with other settings
   */
  checkSettings(): Promise<void> {
    return checkSettings(this.#scripts, this.#keys, this.#options);
  }

  keyOf(ref: SessionRef): string {
    return this.#keys.session(ref).session;
  }

  read(ref: SessionRef, after?: Cursor, renewTtlMs?: DurationMs): Promise<JournalRead> {
    try {
      return this.#read(ref, after, renewTtlMs);
    } catch (error) {
      return Promise.reject(toError(error));
    }
  }

  #read(
    ref: SessionRef,
    after: Cursor | undefined,
    renewTtlMs: DurationMs | undefined,
  ): Promise<JournalRead> {
    const keys = this.#keys.session(ref);
    const named = [keys.session];
    const args: (string | number)[] = after === undefined ? [] : [after.epoch, after.head, after.w];
    if (renewTtlMs !== undefined) {
      named.push(keys.shelf.sessions);
      if (keys.shelf.whole !== undefined) named.push(keys.shelf.whole.sessions);
      if (after === undefined) args.push('', 0, '');
      args.push(checkTtl(renewTtlMs), this.#options.indexTtlMs, keys.session.length - keys.member.length + 1);
    }
    // That connection may come back later than the other, by which it is told that the store is back.
    const isBulk = (after === undefined || after.head === 0) && this.#bulkClient.status === 'ready';
    const runner = isBulk ? this.#bulk : this.#scripts;
    return runner.runFor('read', named, args, (answer) =>
      toJournalRead(answer, keys.session, after, this.#options.indexTtlMs),
    );
  }

  commit(ref: SessionRef, request: CommitRequest): Promise<CommitResult> {
    return this.#aliases === undefined || request.aliases.length === 0
      ? this.#commit(ref, request)
      : this.#commitSettled(this.#aliases, ref, request);
  }

  async #commitSettled(
    shelves: AliasShelves,
    ref: SessionRef,
    request: CommitRequest,
  ): Promise<CommitResult> {
    checkCommitRequest(request);
    const settled = await shelves.settle(ref, request.aliases, (task) => this.#isTaken(ref, task));
    const result = await this.#commit(ref, request, settled.marks);
    if (result.outcome !== 'ok' && result.outcome !== 'stored') await settled.undo();
    return result;
  }

  /**
   * An alias of a session that has expired is free, retired or not. So is one of this very session whose task is not
   * there: a commit that came to nothing has left it, or it has moved the head by now and this one is refused.
   */
  async #isTaken(ref: SessionRef, task: string): Promise<boolean> {
    const sessionId = decodeId(task.split('.')[0] ?? '');
    if (sessionId !== ref.sessionId) return (await this.read({ ...ref, sessionId })).found;
    const { session } = this.#keys.session(ref);
    return (await this.plain((client) => client.hexists(session, `t:${task}`))) === 1;
  }

  #commit(ref: SessionRef, request: CommitRequest, settled?: readonly string[]): Promise<CommitResult> {
    try {
      checkCommitRequest(request);
      this.writesAs(request.instance);
      const keys = this.#keys.session(ref);
      const call = toCommitCall(keys, request, this.#options, settled);
      return this.#commits.send(ref.tenant, keys, call);
    } catch (error) {
      return Promise.reject(toError(error));
    }
  }

  async remove(ref: SessionRef, tombstoneTtlMs: DurationMs, expected?: Cursor): Promise<RemoveResult> {
    const keys = this.#keys.session(ref);
    const channel = this.exclusive ? '' : this.#keys.wakes(ref);
    const args = [keys.member, checkTtl(tombstoneTtlMs), channel];
    if (expected !== undefined) args.push(expected.epoch, expected.head, expected.w);
    const answer = await this.#scripts.run('remove', [keys.session, ...indexKeys(keys.shelf)], args);
    const [result, ...loose] = toReply(answer, keys.session);
    await this.release(loose, ref.tenant);
    return result as RemoveResult;
  }

  protected override async release(loose: Reply, tenant: string): Promise<void> {
    await this.#aliases?.release(loose, tenant);
  }

  listTasks(tenant: string, query: TaskQuery): Promise<TaskList> {
    return this.#lists.list(tenant, query);
  }

  listSessions(tenant: string, query: SessionQuery): Promise<SessionList> {
    const { indexTtlMs } = this.#options;
    return new RedisSessionLists(this.#scripts, this.#keys, indexTtlMs).list(tenant, query);
  }

  compact(ref: SessionRef, epoch: string, ranges: readonly (readonly [number, number])[]): Promise<void> {
    return compactRecords(this.#scripts, this.#keys, ref, epoch, ranges);
  }

  rewrite(ref: SessionRef, epoch: string, rewrites: readonly Rewrite[]): Promise<number> {
    return rewriteTexts(this.#scripts, this.#keys, ref, epoch, rewrites);
  }

  claimDue(tenant: string, limit: number, holdMs: DurationMs, only?: string): Promise<readonly string[]> {
    return this.#outbox.claim(tenant, limit, holdMs, only);
  }

  holdDue(ref: SessionRef, holdMs: DurationMs): Promise<void> {
    return this.#outbox.hold(ref, holdMs);
  }

  async retire(tenant: string): Promise<number> {
    let retired = 0;
    for (const shelf of this.#keys.shelves(tenant)) retired += (await this.#retire(tenant, shelf)).retired;
    return retired;
  }

  async #retire(tenant: string, shelf: ShelfKeys, only?: string): Promise<Retired> {
    const args = [`${shelf.base}s:`, RETIRE_MAX_SESSIONS, this.#options.indexTtlMs];
    if (only !== undefined) args.push(only);
    const answer = await this.#scripts.run('retire', indexKeys(shelf), args);
    const [retired, due, ...loose] = toReply(answer, shelf.base);
    await this.release(loose, tenant);
    return { retired: Number(retired), more: Number(due) === RETIRE_MAX_SESSIONS };
  }

  markAnswered(marks: readonly AnsweredMark[]): Promise<void> {
    return markAnswered(this.#scripts, this.#keys, marks);
  }

  async claimDerived(
    ref: SessionRef,
    epoch: string,
    seen: string,
    next: string,
  ): Promise<string | undefined> {
    const { session } = this.#keys.session(ref);
    const answer = await this.#scripts.run('claimDerived', [session], [epoch, seen, next]);
    const serves = toReply(answer, session)[0] ?? null;
    return serves === null ? undefined : String(serves);
  }

  async resolveAlias(tenant: string, subject: string, clientTaskId: string): Promise<string | undefined> {
    const { aliases } = this.#keys.aliasShelf(tenant, subject, clientTaskId);
    const named = await this.fieldOf(aliases, aliasField(subject, clientTaskId));
    return named === null ? undefined : decodeFullTaskId(named);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.endHints();
    for (const client of new Set([this.#client, this.#bulkClient])) {
      // QUIT lets what is in flight finish; a server that does not answer it is left all the same
      if (client.status === 'ready') await client.quit().catch(() => undefined);
      client.disconnect();
    }
  }
}
