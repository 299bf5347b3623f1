import type { DurationMs } from '../../protocol/units.ts';
import { refKey, type SessionRef } from '../sessions/session-ref.ts';
import { StoreUnavailableError } from '../sessions/session-store.ts';
import type { DeliveryParts } from './delivery-parts.ts';
import { SessionDeliveries } from './session-deliveries.ts';

/** Sessions held at once; the others stay due, for this process or another. */
const SESSIONS_MAX = 256;
const CLAIM_MAX = 32;
/** How long the list of tenants is taken as it was read. */
const TENANTS_MS: DurationMs = 10_000;

/**
 * Tells webhooks what they are to be told, for all sessions of the store: what this process has just stored at once, and
 * what others left behind as it falls due. A session is told by whoever has claimed it in the store, and by nobody else.
 */
export class PushDispatcher {
  readonly #parts: DeliveryParts;
  readonly #active = new Map<string, { deliveries: SessionDeliveries; ended: Promise<void> }>();
  /** Sessions that something became due in while they were at work here: they may have looked for the last time. */
  readonly #again = new Set<string>();
  /** Tenants that were seen here, beside those that the store knows. */
  readonly #seen = new Set<string>();
  #known: readonly string[] = [];
  #knownAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** Webhooks that are being told something, or wait for their turn. */
  get size(): number {
    return [...this.#active.values()].reduce((sum, { deliveries }) => sum + deliveries.size, 0);
  }

  start(): void {
    if (this.#isStopping) return;
    // Several instances do not ask at the same moment for ever.
    const inMs = this.#parts.pollMs * (0.8 + 0.4 * Math.random());
    this.#timer = setTimeout(() => {
      void this.poll().finally(() => {
        this.start();
      });
    }, inMs).unref();
  }

  /** A commit has made something due at once. */
  wake(ref: SessionRef): void {
    this.#seen.add(ref.tenant);
    const key = refKey(ref);
    if (this.#active.has(key)) this.#again.add(key);
    else if (this.#hasRoom) void this.#claim(ref.tenant, 1, ref.sessionId);
  }

  /** Takes what is due. Never rejects. */
  async poll(): Promise<void> {
    for (const tenant of await this.#tenants()) {
      if (!this.#hasRoom) return;
      await this.#claim(tenant, Math.min(CLAIM_MAX, SESSIONS_MAX - this.#active.size));
    }
  }

  /** Begins no attempt any more, waits for those on their way, and gives back what is left. */
  async drain(withinMs: DurationMs): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    for (const { deliveries } of this.#active.values()) deliveries.stop();
    await this.#allEnded(withinMs);
    for (const { deliveries } of this.#active.values()) deliveries.close();
    this.#parts.sender.close();
    await this.#allEnded(1_000);
  }

  get #hasRoom(): boolean {
    return !this.#isStopping && this.#active.size < SESSIONS_MAX;
  }

  async #tenants(): Promise<ReadonlySet<string>> {
    const now = this.#parts.clock.mono();
    if (now - this.#knownAt > TENANTS_MS) {
      try {
        this.#known = await this.#parts.sessions.registry.tenants();
        this.#knownAt = now;
      } catch (error) {
        this.#failed(error);
      }
    }
    return new Set([...this.#known, ...this.#seen]);
  }

  async #claim(tenant: string, limit: number, only?: string): Promise<void> {
    const { sessions, holdMs } = this.#parts;
    try {
      for (const sessionId of await sessions.claimDue(tenant, limit, holdMs, only))
        this.#take({ tenant, sessionId });
    } catch (error) {
      this.#failed(error);
    }
  }

  #take(ref: SessionRef): void {
    const key = refKey(ref);
    // Its claim had run out while it was waiting for the store: whoever is at work on it goes on.
    if (this.#isStopping || this.#active.has(key)) return;
    const deliveries = new SessionDeliveries(this.#parts, ref);
    const ended = deliveries.run().finally(() => {
      this.#active.delete(key);
      if (this.#again.delete(key)) this.wake(ref);
    });
    this.#active.set(key, { deliveries, ended });
  }

  async #allEnded(withinMs: DurationMs): Promise<void> {
    if (this.#active.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([late, Promise.all([...this.#active.values()].map(({ ended }) => ended))]);
    clearTimeout(timer);
  }

  #failed(error: unknown): void {
    if (!(error instanceof StoreUnavailableError)) this.#parts.log('webhook_delivery_failed', {}, error);
  }
}
