import type { DurationMs } from '../../protocol/units.ts';
import type { InstanceSeen } from './instance-store.ts';
import type { Clock } from './session-parts.ts';
import type { SessionStore } from './session-store.ts';

/** So much of the time after which an instance is dead may an answer about all of them be old. */
const FRESH_SHARE = 1 / 20;
const FRESH_MAX_MS: DurationMs = 500;
/** One that is silent may be paused and come back: after so many times `deadMs` that is no longer to be expected. */
const FINAL_AFTER_DEATHS = 3;

interface Look {
  readonly at: DurationMs;
  /** By instance: the time since its last beat. */
  readonly ages: Promise<ReadonlyMap<string, DurationMs>>;
}

/**
 * Says who is alive, by store time. An instance is dead when its beat is older than `deadMs` **and** this one has itself
 * beaten for as long without a failure and without the store having changed: after an outage everybody has that time to
 * come back. One that has said goodbye is dead at once.
 */
export class Liveness {
  readonly instance: string;
  readonly deadMs: DurationMs;
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #onErasure: (newest: number) => void;
  readonly #silenceListeners = new Set<() => void>();
  readonly #lossListeners = new Set<() => void>();
  #healthySince: DurationMs | undefined;
  /** When the last beat that was answered was sent; before the first one, when this process began. */
  #lastBeat: DurationMs;
  /** Last moment at which the others may have taken this instance for dead. */
  #silentUntil: DurationMs | undefined;
  #look: Look | undefined;
  /** When others have beaten, as far as is known: an entry that is missing a moment later was lost, and comes back. */
  readonly #beats = new Map<string, DurationMs>();
  #alive = 1;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param onErasure told with each beat the number of the newest order to erase */
  constructor(
    instance: string,
    store: SessionStore,
    deadMs: DurationMs,
    clock: Clock,
    onErasure: (newest: number) => void = () => undefined,
  ) {
    this.instance = instance;
    this.deadMs = deadMs;
    this.#store = store;
    this.#clock = clock;
    this.#onErasure = onErasure;
    this.#lastBeat = clock.mono();
  }

  /** How many instances were alive when somebody last looked, this one included. */
  get alive(): number {
    return this.#alive;
  }

  /** Whether the others may take this instance for dead now, because it has not beaten for so long. */
  get isSilent(): boolean {
    return !this.#store.exclusive && this.#clock.mono() - this.#lastBeat > this.deadMs;
  }

  /** Whether they may have done so at any time since a monotonic moment: then its tasks may be others' by now. */
  wasSilentSince(mono: DurationMs): boolean {
    return this.isSilent || (this.#silentUntil ?? -Infinity) >= mono;
  }

  /** The listener is called once for every silence, when it is noticed: at its end at the latest. @returns how to stop */
  onSilence(listener: () => void): () => void {
    this.#silenceListeners.add(listener);
    return () => this.#silenceListeners.delete(listener);
  }

  /** The listener is called when the store has lost what it knew of this instance. @returns how to stop */
  onLoss(listener: () => void): () => void {
    this.#lossListeners.add(listener);
    return () => this.#lossListeners.delete(listener);
  }

  /** Beats at once and from then on. Never rejects. */
  async start(): Promise<void> {
    await this.beat();
    this.#schedule();
  }

  async beat(): Promise<void> {
    const sentAt = this.#clock.mono();
    this.#noticeSilence();
    try {
      const newest = await this.#store.beat(this.instance);
      this.#onErasure(newest);
      // A machine that was paused wakes up together with others: they need the time to come back as well.
      this.#noticeSilence();
      this.#healthySince ??= this.#clock.mono();
      this.#lastBeat = sentAt;
    } catch {
      this.#healthySince = undefined;
    }
  }

  /** The connection was lost, or leads to another server: what this one says of others begins to count anew. */
  storeChanged(): void {
    this.#healthySince = undefined;
    this.#look = undefined;
  }

  /**
   * @param runner `''`: nobody, such as for a task that was handed over
   * @returns true only when the runner is certainly gone
   * @throws {StoreUnavailableError}
   */
  async isDead(runner: string): Promise<boolean> {
    if (runner === '') return true;
    if (runner === this.instance) return false;
    // Nobody else can have this store open.
    if (this.#store.exclusive) return true;
    return this.#judge(runner, await this.#ages());
  }

  /** Those that the store knows and that are certainly gone. @throws {StoreUnavailableError} */
  async dead(): Promise<readonly InstanceSeen[]> {
    const ages = await this.#ages();
    return [...ages]
      .filter(([instance]) => instance !== this.instance)
      .filter(([instance]) => this.#store.exclusive || this.#judge(instance, ages))
      .map(([instance, ageMs]) => ({ instance, ageMs }));
  }

  /** Whether a dead instance is not to be expected back, by the store's word of this moment. @throws {StoreUnavailableError} */
  async isFinal(instance: string): Promise<boolean> {
    if (this.#store.exclusive) return true;
    this.#look = undefined;
    const age = (await this.#ages()).get(instance);
    return age === undefined || age > FINAL_AFTER_DEATHS * this.deadMs;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    try {
      await this.#store.leave(this.instance);
    } catch {
      // The store is away: the others will find the last beat old.
    }
  }

  #judge(runner: string, ages: ReadonlyMap<string, DurationMs>): boolean {
    const age = ages.get(runner);
    // A goodbye is for ever, whatever else is known.
    if (age === Infinity) return true;
    if (!this.#isHealthy) return false;
    if (age !== undefined) return age > this.deadMs;
    return this.#clock.mono() - (this.#beats.get(runner) ?? -Infinity) > this.deadMs;
  }

  get #isHealthy(): boolean {
    const mono = this.#clock.mono();
    return this.#healthySince !== undefined && mono - this.#healthySince >= this.deadMs && !this.isSilent;
  }

  /** Many questions at about the same time are one to the store. */
  #ages(): Promise<ReadonlyMap<string, DurationMs>> {
    const mono = this.#clock.mono();
    const freshMs = Math.min(FRESH_MAX_MS, this.deadMs * FRESH_SHARE);
    if (this.#look !== undefined && mono - this.#look.at < freshMs) return this.#look.ages;
    const look: Look = { at: mono, ages: this.#ask() };
    this.#look = look;
    look.ages.catch(() => {
      if (this.#look === look) this.#look = undefined;
    });
    return look.ages;
  }

  async #ask(): Promise<ReadonlyMap<string, DurationMs>> {
    const asked = this.#clock.mono();
    const seen = await this.#store.instances();
    const ages = new Map(seen.map(({ instance, ageMs }) => [instance, ageMs]));
    for (const [instance, at] of this.#beats) if (asked - at > this.deadMs) this.#beats.delete(instance);
    for (const [instance, age] of ages)
      if (age <= this.deadMs && instance !== this.instance) this.#beats.set(instance, asked - age);
    // Ages are told for an instance that has beaten itself: without its entry the store has lost it, or went back.
    if ((ages.get(this.instance) ?? Infinity) > this.deadMs) this.#lost();
    this.#alive = this.#store.exclusive
      ? 1
      : Math.max(1, [...ages.values()].filter((age) => age <= this.deadMs).length);
    return ages;
  }

  #lost(): void {
    if (this.#store.exclusive || this.#healthySince === undefined) return;
    this.#healthySince = undefined;
    for (const listener of this.#lossListeners) listener();
  }

  #noticeSilence(): void {
    if (!this.isSilent) return;
    const isNew = (this.#silentUntil ?? -Infinity) <= this.#lastBeat;
    this.#silentUntil = this.#clock.mono();
    this.#healthySince = undefined;
    if (isNew) for (const listener of this.#silenceListeners) listener();
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.beat().finally(() => {
        this.#schedule();
      });
    }, this.deadMs / 4).unref();
  }
}
