import type { DurationMs } from '../../protocol/units.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import {
  StoreUnavailableError,
  type CommitRequest,
  type CommitResult,
  type Cursor,
  type JournalRead,
  type RemoveResult,
  type SessionStore,
} from '../sessions/session-store.ts';
import { StoreTimeoutError } from './store-timeout-error.ts';

export type BreakerState = 'open' | 'closed';
export type BreakerListener = (state: BreakerState, why: string) => void;

export interface BreakerOptions {
  /** Who probes: the probe is this instance's beat. */
  readonly instance: string;
  /** Failures in a row that open it. Default 5. */
  readonly failuresMax?: number;
  /** The first probe comes after this, each further one after twice as long, up to the maximum. Default 250 and 1,000. */
  readonly probeMinMs?: DurationMs;
  readonly probeMaxMs?: DurationMs;
  /** Nobody has heard of the store yet: open until the first probe succeeds. Default false. */
  readonly startOpen?: boolean;
  /** A bound on every call, for a store that has none of its own. Default: none. */
  readonly deadlineMs?: DurationMs;
  /** Whether our own event loop stood still at some time since; then a time-out does not count. */
  readonly wasLateSince?: (since: DurationMs) => boolean;
  readonly mono?: () => DurationMs;
}

/**
 * A store that stops asking when the other side is away: while it is open every call is rejected at once, and one probe
 * at a time finds out when that is over. What fails is decided by the store behind it; damage is no failure.
 */
export class BreakerStore implements SessionStore {
  readonly #inner: SessionStore;
  readonly #options: BreakerOptions;
  readonly #mono: () => DurationMs;
  readonly #listeners = new Set<BreakerListener>();
  #state: BreakerState = 'closed';
  #failures = 0;
  #probeDelayMs: DurationMs;
  #timer: NodeJS.Timeout | undefined;
  #probing = false;
  #closed = false;

  constructor(inner: SessionStore, options: BreakerOptions) {
    this.#inner = inner;
    this.#options = options;
    this.#mono = options.mono ?? (() => performance.now());
    this.#probeDelayMs = options.probeMinMs ?? 250;
    if (options.startOpen === true) {
      this.#state = 'open';
      this.#scheduleProbe();
    }
  }

  get kind(): string {
    return this.#inner.kind;
  }
  get location(): string {
    return this.#inner.location;
  }
  get exclusive(): boolean {
    return this.#inner.exclusive;
  }
  get state(): BreakerState {
    return this.#state;
  }

  /** Told once per transition. */
  onChange(listener: BreakerListener): void {
    this.#listeners.add(listener);
  }

  /** The connection is lost: no need to count. */
  trip(why: string): void {
    if (this.#state === 'open' || this.#closed) return;
    this.#state = 'open';
    this.#failures = 0;
    this.#probeDelayMs = this.#options.probeMinMs ?? 250;
    this.#scheduleProbe();
    this.#tell(why);
  }

  /** There is reason to think that it is back: asks now instead of at the next turn. */
  async probe(): Promise<void> {
    if (this.#state === 'closed' || this.#probing || this.#closed) return;
    this.#probing = true;
    clearTimeout(this.#timer);
    try {
      await this.#bounded(() => this.#inner.beat(this.#options.instance));
      this.#recover();
    } catch {
      this.#probeDelayMs = Math.min(2 * this.#probeDelayMs, this.#options.probeMaxMs ?? 1_000);
      this.#scheduleProbe();
    } finally {
      this.#probing = false;
    }
  }

  read(ref: SessionRef, after?: Cursor, renewTtlMs?: DurationMs): Promise<JournalRead> {
    return this.#guard(() => this.#inner.read(ref, after, renewTtlMs));
  }
  commit(ref: SessionRef, request: CommitRequest): Promise<CommitResult> {
    return this.#guard(() => this.#inner.commit(ref, request));
  }
  remove(ref: SessionRef, tombstoneTtlMs: DurationMs, expected?: Cursor): Promise<RemoveResult> {
    return this.#guard(() => this.#inner.remove(ref, tombstoneTtlMs, expected));
  }
  markAnswered(ref: SessionRef, epoch: string, messages: readonly number[]): Promise<void> {
    return this.#guard(() => this.#inner.markAnswered(ref, epoch, messages));
  }
  markDerivedAnswered(ref: SessionRef, epoch: string, serves: string): Promise<void> {
    return this.#guard(() => this.#inner.markDerivedAnswered(ref, epoch, serves));
  }
  claimDerived(ref: SessionRef, epoch: string, seen: string, next: string): Promise<string | undefined> {
    return this.#guard(() => this.#inner.claimDerived(ref, epoch, seen, next));
  }
  resolveAlias(tenant: string, subject: string, clientTaskId: string): Promise<string | undefined> {
    return this.#guard(() => this.#inner.resolveAlias(tenant, subject, clientTaskId));
  }
  retire(tenant: string): Promise<number> {
    return this.#guard(() => this.#inner.retire(tenant));
  }
  beat(instance: string): Promise<void> {
    return this.#guard(() => this.#inner.beat(instance));
  }
  beatAge(instance: string): Promise<DurationMs | undefined> {
    return this.#guard(() => this.#inner.beatAge(instance));
  }
  leave(instance: string): Promise<void> {
    return this.#guard(() => this.#inner.leave(instance));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#inner.close();
  }

  async #guard<T>(call: () => Promise<T>): Promise<T> {
    if (this.#state === 'open') throw new StoreUnavailableError('the store is away', { counts: false });
    const since = this.#mono();
    try {
      const answer = await this.#bounded(call);
      this.#failures = 0;
      return answer;
    } catch (error) {
      // Any other error is an answer.
      if (error instanceof StoreUnavailableError) this.#failed(error, since);
      else this.#failures = 0;
      throw error;
    }
  }

  #failed(error: StoreUnavailableError, since: DurationMs): void {
    if (!error.counts) return;
    if (error instanceof StoreTimeoutError && this.#options.wasLateSince?.(since) === true) return;
    this.#failures += 1;
    if (this.#failures >= (this.#options.failuresMax ?? 5)) this.trip(error.message);
  }

  #recover(): void {
    if (this.#closed) return;
    this.#state = 'closed';
    this.#failures = 0;
    this.#probeDelayMs = this.#options.probeMinMs ?? 250;
    this.#tell('the store answers');
  }

  #tell(why: string): void {
    for (const listener of this.#listeners) listener(this.#state, why);
  }

  #scheduleProbe(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.probe(), this.#probeDelayMs).unref();
  }

  async #bounded<T>(call: () => Promise<T>): Promise<T> {
    const { deadlineMs } = this.#options;
    if (deadlineMs === undefined) return call();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new StoreTimeoutError(`the store did not answer within ${deadlineMs} ms`));
      }, deadlineMs);
    });
    const answer = call();
    // Should it fail after all, nobody listens any more.
    answer.catch(() => undefined);
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
