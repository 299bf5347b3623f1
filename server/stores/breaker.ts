import type { DurationMs } from '../../protocol/units.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import { StoreUnavailableError } from '../sessions/session-store.ts';
import type {
  CommitRequest,
  CommitResult,
  Cursor,
  JournalRead,
  RemoveResult,
  SessionStore,
  TaskList,
  TaskQuery,
} from '../sessions/session-store.ts';
import { StoreTimeoutError } from './store-timeout-error.ts';

export type BreakerState = 'open' | 'closed';

export interface BreakerOptions {
  /** Whose beat is the probe. */
  readonly instance: string;
  /** No call waits longer, whatever the store does. Default 250 ms. */
  readonly deadlineMs?: DurationMs;
  /** So many failures in a row open it. Default 5. */
  readonly failures?: number;
  /** Wait before the first probe; doubles with each that fails. Default 250 ms. */
  readonly firstProbeMs?: DurationMs;
  /** Longest wait between probes. Default 1 s. */
  readonly lastProbeMs?: DurationMs;
  /** A store that has never answered is not there yet: open until the first probe succeeds. Default false. */
  readonly startOpen?: boolean;
  /** Whether our own event loop was late since then (`performance.now()`). Default: never. See `LoopWatch`. */
  readonly wasLateSince?: (since: number) => boolean;
}

/**
 * Keeps requests from waiting for a store that is away: once it is open every call fails at once, and only a probe of
 * its own, one at a time, asks whether the store is back. It also bounds every call, so that a store that hangs never
 * hangs a caller.
 *
 * Not every failure is evidence: a time-out says nothing while our own loop was late, nor when the answer may have been
 * large (a read from the first record). Damaged data is an answer like any other.
 */
export class BreakerStore implements SessionStore {
  readonly kind: string;
  readonly location: string;
  readonly exclusive: boolean;
  readonly #inner: SessionStore;
  readonly #options: Required<BreakerOptions>;
  readonly #listeners: ((state: BreakerState, why: string) => void)[] = [];
  #state: BreakerState;
  #failures = 0;
  #probeWaitMs: DurationMs;
  #probeTimer: NodeJS.Timeout | undefined;
  #probing: Promise<void> | undefined;
  #closed = false;

  constructor(inner: SessionStore, options: BreakerOptions) {
    this.kind = inner.kind;
    this.location = inner.location;
    this.exclusive = inner.exclusive;
    this.#inner = inner;
    this.#options = {
      deadlineMs: 250,
      failures: 5,
      firstProbeMs: 250,
      lastProbeMs: 1_000,
      startOpen: false,
      wasLateSince: () => false,
      ...options,
    };
    this.#probeWaitMs = this.#options.firstProbeMs;
    this.#state = this.#options.startOpen ? 'open' : 'closed';
    if (this.#state === 'open') this.#scheduleProbe();
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** @param listener told of every transition, with its reason */
  onChange(listener: (state: BreakerState, why: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Opens at once: for news that need no counting, such as a lost connection. */
  trip(why: string): void {
    if (this.#state === 'open' || this.#closed) return;
    this.#probeWaitMs = this.#options.firstProbeMs;
    this.#scheduleProbe();
    this.#become('open', why);
  }

  /** Asks now instead of at the next turn: for news that the store is back. Does nothing while closed. */
  probe(): Promise<void> {
    if (this.#state === 'closed' || this.#closed) return Promise.resolve();
    this.#probing ??= this.#probe().finally(() => (this.#probing = undefined));
    return this.#probing;
  }

  async #probe(): Promise<void> {
    clearTimeout(this.#probeTimer);
    try {
      await this.#bounded(() => this.#inner.beat(this.#options.instance));
    } catch {
      this.#probeWaitMs = Math.min(this.#probeWaitMs * 2, this.#options.lastProbeMs);
      this.#scheduleProbe();
      return;
    }
    this.#failures = 0;
    if (!this.#isClosed()) this.#become('closed', 'a probe succeeded');
  }

  /** As a method, because it may have changed while the probe was under way. */
  #isClosed(): boolean {
    return this.#closed;
  }

  #scheduleProbe(): void {
    if (this.#closed) return;
    clearTimeout(this.#probeTimer);
    this.#probeTimer = setTimeout(() => void this.probe(), this.#probeWaitMs);
    this.#probeTimer.unref();
  }

  #become(state: BreakerState, why: string): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state, why);
  }

  /** @param large whether the answer may be large, so that waiting for it in vain is no evidence */
  async #call<T>(work: () => Promise<T>, large = false): Promise<T> {
    if (this.#state === 'open') {
      throw new StoreUnavailableError(`the ${this.kind} store is away`, { counts: false });
    }
    const since = performance.now();
    try {
      const value = await this.#bounded(work);
      this.#failures = 0;
      return value;
    } catch (error) {
      if (error instanceof StoreUnavailableError && this.#isEvidence(error, since, large)) this.#count(error);
      throw error;
    }
  }

  #isEvidence(error: StoreUnavailableError, since: number, large: boolean): boolean {
    if (!error.counts) return false;
    return !(error instanceof StoreTimeoutError && (large || this.#options.wasLateSince(since)));
  }

  #count(error: StoreUnavailableError): void {
    this.#failures += 1;
    // Reads that succeed in between would keep the count low for ever.
    if (error.decisive) this.trip(error.message);
    else if (this.#failures >= this.#options.failures) {
      this.trip(`${this.#failures} failures in a row, the last: ${error.message}`);
    }
  }

  async #bounded<T>(work: () => Promise<T>): Promise<T> {
    const { deadlineMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // timers run before I/O: an answer that has arrived meanwhile gets its turn first
        setImmediate(() => {
          reject(new StoreTimeoutError(`the ${this.kind} store did not answer within ${deadlineMs} ms`));
        });
      }, deadlineMs);
      timer.unref();
    });
    try {
      // what comes of the loser is heard by the race and by nobody else
      return await Promise.race([work(), deadline]);
    } finally {
      clearTimeout(timer);
    }
  }

  keyOf(ref: SessionRef): string {
    return this.#inner.keyOf(ref);
  }

  read(ref: SessionRef, after?: Cursor, renewTtlMs?: DurationMs): Promise<JournalRead> {
    const fromStart = after === undefined || after.head === 0;
    return this.#call(() => this.#inner.read(ref, after, renewTtlMs), fromStart);
  }

  commit(ref: SessionRef, request: CommitRequest): Promise<CommitResult> {
    return this.#call(() => this.#inner.commit(ref, request));
  }

  remove(ref: SessionRef, tombstoneTtlMs: DurationMs, expected?: Cursor): Promise<RemoveResult> {
    return this.#call(() => this.#inner.remove(ref, tombstoneTtlMs, expected));
  }

  markAnswered(ref: SessionRef, epoch: string, messages: readonly number[]): Promise<void> {
    return this.#call(() => this.#inner.markAnswered(ref, epoch, messages));
  }

  markDerivedAnswered(ref: SessionRef, epoch: string, serves: string): Promise<void> {
    return this.#call(() => this.#inner.markDerivedAnswered(ref, epoch, serves));
  }

  claimDerived(ref: SessionRef, epoch: string, seen: string, next: string): Promise<string | undefined> {
    return this.#call(() => this.#inner.claimDerived(ref, epoch, seen, next));
  }

  resolveAlias(tenant: string, subject: string, clientTaskId: string): Promise<string | undefined> {
    return this.#call(() => this.#inner.resolveAlias(tenant, subject, clientTaskId));
  }

  /** Its answer may be large, and what has expired is cleared away before. */
  listTasks(tenant: string, query: TaskQuery): Promise<TaskList> {
    return this.#call(() => this.#inner.listTasks(tenant, query), true);
  }

  /** Of a long run of records, many calls in one. */
  compact(ref: SessionRef, epoch: string, ranges: readonly (readonly [number, number])[]): Promise<void> {
    return this.#call(() => this.#inner.compact(ref, epoch, ranges), true);
  }

  noteTenant(tenant: string): Promise<void> {
    return this.#call(() => this.#inner.noteTenant(tenant));
  }

  tenants(): Promise<readonly string[]> {
    return this.#call(() => this.#inner.tenants(), true);
  }

  claimDue(tenant: string, limit: number, holdMs: DurationMs, only?: string): Promise<readonly string[]> {
    return this.#call(() => this.#inner.claimDue(tenant, limit, holdMs, only));
  }

  holdDue(ref: SessionRef, holdMs: DurationMs): Promise<void> {
    return this.#call(() => this.#inner.holdDue(ref, holdMs));
  }

  retire(tenant: string): Promise<number> {
    return this.#call(() => this.#inner.retire(tenant));
  }

  beat(instance: string): Promise<void> {
    return this.#call(() => this.#inner.beat(instance));
  }

  beatAge(instance: string): Promise<DurationMs | undefined> {
    return this.#call(() => this.#inner.beatAge(instance));
  }

  leave(instance: string): Promise<void> {
    return this.#call(() => this.#inner.leave(instance));
  }

  /** Not bounded: what a store does to close, it does so that nothing is lost. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#probeTimer);
    await this.#inner.close();
  }
}
