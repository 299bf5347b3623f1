import type { DurationMs } from '../../protocol/units.ts';
import { StoreUnavailableError } from '../sessions/session-store.ts';
import { type InLine, Line } from './line.ts';
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
  /** What else has to answer before it closes, beside the beat. Default: nothing. */
  readonly alsoProbe?: () => Promise<unknown>;
  /** Whether our own event loop was late since then (`performance.now()`). Default: never. See `LoopWatch`. */
  readonly wasLateSince?: (since: number) => boolean;
}

/** What was asked of the store and is not answered yet. */
interface OpenCall extends InLine<OpenCall> {
  /** By `performance.now()`. */
  readonly since: number;
  /** What it says of the store when it comes, or does not come in time; a `hint` says nothing. */
  readonly answer: 'small' | 'large' | 'hint';
  readonly reject: (error: unknown) => void;
}

/**
 * Keeps requests from waiting for a store that is away: once it is open every call fails at once, and only a probe of
 * its own, one at a time, asks whether the store is back. It also bounds every call, so that a store that hangs never
 * hangs a caller.
 *
 * Not every failure is evidence: a time-out says nothing while our own loop was late, nor when the answer may have been
 * large (a read from the first record). Damaged data is an answer like any other.
 */
export abstract class CircuitBreaker {
  readonly #kind: string;
  readonly #beat: (instance: string) => Promise<unknown>;
  readonly #options: Required<BreakerOptions>;
  readonly #listeners: ((state: BreakerState, why: string) => void)[] = [];
  #state: BreakerState;
  #failures = 0;
  #probeWaitMs: DurationMs;
  #probeTimer: NodeJS.Timeout | undefined;
  #probing: Promise<void> | undefined;
  /** There was news while a probe was under way: should that fail, the next one does not wait for its turn. */
  #hasNews = false;
  #closed = false;
  /** In the order of their beginning. */
  readonly #calls = new Line<OpenCall>();
  #callTimer: NodeJS.Timeout | undefined;

  /**
   * @param kind of the store, for messages
   * @param beat the probe
   */
  protected constructor(kind: string, beat: (instance: string) => Promise<unknown>, options: BreakerOptions) {
    this.#kind = kind;
    this.#beat = beat;
    this.#options = {
      deadlineMs: 250,
      failures: 5,
      firstProbeMs: 250,
      lastProbeMs: 1_000,
      startOpen: false,
      alsoProbe: () => Promise.resolve(),
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
    this.#hasNews = this.#probing !== undefined;
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
      if (this.#hasNews) void this.probe();
    });
    return this.#probing;
  }

  async #probe(): Promise<void> {
    clearTimeout(this.#probeTimer);
    try {
      await this.#bounded(async () => {
        await this.#beat(this.#options.instance);
        await this.#options.alsoProbe();
      }, 'hint');
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
  protected call<T>(work: () => Promise<T>, large = false): Promise<T> {
    return this.#state === 'open' ? this.#refused() : this.#bounded(work, large ? 'large' : 'small');
  }

  /** As {@link call}, for what may be refused or fail while the store is well: it neither counts nor clears. */
  protected hint<T>(work: () => Promise<T>): Promise<T> {
    return this.#state === 'open' ? this.#refused() : this.#bounded(work, 'hint');
  }

  #refused(): Promise<never> {
    return Promise.reject(new StoreUnavailableError(`the ${this.#kind} store is away`, { counts: false }));
  }

  #isEvidence(error: StoreUnavailableError, { answer, since }: OpenCall): boolean {
    if (!error.counts || answer === 'hint') return false;
    return !(error instanceof StoreTimeoutError && (answer === 'large' || this.#options.wasLateSince(since)));
  }

  #count(error: StoreUnavailableError): void {
    this.#failures += 1;
    // Reads that succeed in between would keep the count low for ever.
    if (error.decisive) this.trip(error.message);
    else if (this.#failures >= this.#options.failures) {
      this.trip(`${this.#failures} failures in a row, the last: ${error.message}`);
    }
  }

  #bounded<T>(work: () => Promise<T>, answer: OpenCall['answer']): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const since = performance.now();
      const working = work();
      const call: OpenCall = { since, answer, reject, before: undefined, behind: undefined, isInLine: false };
      this.#calls.add(call);
      this.#watchCalls(this.#options.deadlineMs);
      // What comes after its deadline is nobody's any more.
      working.then(
        (value) => {
          if (!this.#calls.delete(call)) return;
          if (answer !== 'hint') this.#failures = 0;
          resolve(value);
        },
        (error: unknown) => {
          if (this.#calls.delete(call)) this.#failed(call, error);
        },
      );
    });
  }

  #failed(call: OpenCall, error: unknown): void {
    if (error instanceof StoreUnavailableError && this.#isEvidence(error, call)) this.#count(error);
    call.reject(error);
  }

  /** One timer for all calls, as long as there are any: they wait equally long, so the first to begin is the first to end. */
  #watchCalls(inMs: DurationMs): void {
    if (this.#callTimer !== undefined) return;
    this.#callTimer = setTimeout(() => {
      this.#callTimer = undefined;
      this.#endLate();
    }, Math.ceil(inMs)).unref();
  }

  #endLate(): void {
    const { deadlineMs } = this.#options;
    const now = performance.now();
    const late: OpenCall[] = [];
    for (let call = this.#calls.first; call !== undefined; call = call.behind) {
      const leftMs = call.since + deadlineMs - now;
      if (leftMs <= 0) late.push(call);
      else {
        this.#watchCalls(leftMs);
        break;
      }
    }
    if (late.length === 0) return;
    // timers run before I/O: an answer that has arrived meanwhile gets its turn first
    setImmediate(() => {
      for (const call of late) {
        if (!this.#calls.delete(call)) continue;
        const why = `the ${this.#kind} store did not answer within ${deadlineMs} ms`;
        this.#failed(call, new StoreTimeoutError(why));
      }
    });
  }

  /** Asks the store nothing any more. */
  protected end(): void {
    this.#closed = true;
    clearTimeout(this.#probeTimer);
  }
}
