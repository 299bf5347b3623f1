import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import { firstDue, type Outbox, type Trigger, type Webhook } from '../sessions/outbox.ts';
import type { ReceiptRecord, RecordBody } from '../sessions/records.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import { SessionDamagedError, StoreUnavailableError } from '../sessions/session-store.ts';
import type { Session } from '../sessions/session.ts';
import type { DeliveryParts } from './delivery-parts.ts';
import { toPost } from './webhook-notification.ts';
import { toReceipt, type Finding } from './webhook-receipt.ts';

/** A session whose receivers are all taken is given back for about this long. */
const CROWDED_MS: DurationMs = 1_500;

/** Names one webhook as it was registered: registered anew it is another. */
interface Lane {
  readonly local: string;
  readonly id: string;
  readonly since: number;
}

interface Due {
  readonly webhook: Webhook;
  readonly trigger: Trigger;
  readonly outbox: Outbox;
}

type Receipt = Omit<ReceiptRecord, 'at'>;

/**
 * Tells the webhooks of one session, which this process holds, what they are to be told: each one event after another,
 * different ones side by side. What is due is read from the stored fold alone, so nothing is told that is not stored.
 */
export class SessionDeliveries {
  readonly #parts: DeliveryParts;
  readonly #ref: SessionRef;
  readonly #lanes = new Map<string, Promise<void>>();
  /** Not to be begun again as long as this session is held. */
  readonly #left = new Set<string>();
  #isCrowded = false;
  #hasReceipts = false;
  #isStopping = false;
  #isClosed = false;

  constructor(parts: DeliveryParts, ref: SessionRef) {
    this.#parts = parts;
    this.#ref = ref;
  }

  /** Webhooks that are being told something, or wait for their turn. */
  get size(): number {
    return this.#lanes.size;
  }

  /** Begins no attempt any more. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Waits no longer for a receipt to be stored. */
  close(): void {
    this.#isClosed = true;
  }

  /** Ends when nothing is due at once. Never rejects. */
  async run(): Promise<void> {
    try {
      const session = await this.#parts.sessions.openFresh(this.#ref);
      // Gone: the store takes it out of the outbox by itself.
      if (session === undefined) return;
      try {
        await this.#tell(session);
        await this.#giveBack(session);
      } finally {
        this.#parts.sessions.release(session);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  /** While the store is away, or the session is damaged, which is said elsewhere, the claim runs out by itself. */
  #failed(error: unknown): void {
    const isSaid = [StoreUnavailableError, SessionDamagedError, ProtocolError].some(
      (of) => error instanceof of,
    );
    if (!isSaid) this.#parts.log('webhook_delivery_failed', { ...this.#ref }, error);
  }

  async #tell(session: LiveSession): Promise<void> {
    const stop = session.observe(() => {
      this.#begin(session);
    });
    try {
      this.#begin(session);
      while (this.#lanes.size > 0) {
        // What other instances have added meanwhile is looked for now and then.
        if ((await this.#someEnd()) === 'none') await this.#parts.sessions.catchUp(session);
        this.#begin(session);
      }
    } finally {
      stop();
    }
  }

  async #someEnd(): Promise<'some' | 'none'> {
    let timer: NodeJS.Timeout | undefined;
    const tick = new Promise<'none'>((resolve) => {
      timer = setTimeout(resolve, this.#parts.pollMs, 'none');
    });
    const ends = [...this.#lanes.values()].map((lane) => lane.then(() => 'some' as const));
    try {
      return await Promise.race([tick, ...ends]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A lane for every webhook that is due and has none. */
  #begin(session: LiveSession): void {
    const stored = session.journal.session;
    for (const local of stored.waiting) {
      for (const { id, since } of stored.task(local)?.outbox?.webhooks.values() ?? []) {
        const lane = { local, id, since };
        const key = JSON.stringify(lane);
        if (this.#lanes.has(key) || this.#left.has(key) || this.#due(session, lane) === undefined) continue;
        const running = this.#run(session, lane)
          .catch((error: unknown) => {
            this.#failed(error);
            return 'left' as const;
          })
          .then((end) => {
            this.#lanes.delete(key);
            if (end === 'left') this.#left.add(key);
          });
        this.#lanes.set(key, running);
      }
    }
  }

  /** What a webhook is to be told now; nothing when it is gone, was registered anew, is parked, or is to wait. */
  #due(session: LiveSession, { local, id, since }: Lane): Due | undefined {
    const stored = session.journal.session;
    if (this.#isStopping || stored.readOnly) return undefined;
    const outbox = stored.task(local)?.outbox;
    const webhook = outbox?.webhooks.get(id);
    if (outbox === undefined || webhook?.since !== since || webhook.next > this.#parts.clock.now())
      return undefined;
    const trigger = firstDue(outbox, webhook);
    return trigger && { webhook, trigger, outbox };
  }

  /** One webhook, event after event. @returns `left` when there is more and it cannot be told now */
  async #run(session: LiveSession, lane: Lane): Promise<'done' | 'left'> {
    for (let due = this.#due(session, lane); due !== undefined; due = this.#due(session, lane)) {
      const told = await this.#attempt(session, lane, due);
      if (told === undefined) return 'left';
      if (told !== 'unneeded' && !(await this.#keep(session, lane, told.due, told.finding))) return 'left';
    }
    return 'done';
  }

  async #attempt(
    session: LiveSession,
    lane: Lane,
    { webhook }: Due,
  ): Promise<{ due: Due; finding: Finding } | 'unneeded' | undefined> {
    const { slots, sender, sessions, holdMs } = this.#parts;
    const giveBack = await slots.take(new URL(webhook.config.url).origin);
    if (giveBack === undefined) {
      this.#isCrowded = true;
      return undefined;
    }
    try {
      await sessions.holdDue(this.#ref, holdMs);
      // Right before each attempt: it may have been removed, or told by somebody who held the session meanwhile.
      const isThere = await sessions.catchUp(session);
      if (!isThere || !session.isConfirmed) return undefined;
      const due = this.#due(session, lane);
      const task = session.journal.session.task(lane.local);
      if (due === undefined || task === undefined) return 'unneeded';
      const finding = await sender.post(toPost(this.#ref.sessionId, task, due.webhook, due.trigger));
      return finding.outcome === 'aborted' ? undefined : { due, finding };
    } finally {
      giveBack();
    }
  }

  /** Has what became of an attempt stored, however long the store is away. @returns false when that was given up */
  async #keep(session: LiveSession, lane: Lane, due: Due, finding: Finding): Promise<boolean> {
    const { rules, clock, pollMs } = this.#parts;
    const receipt = toReceipt(due, finding, lane.local, rules, clock.now());
    const decide = (draft: Session, at: number): RecordBody[] => {
      const webhook = draft.task(lane.local)?.outbox?.webhooks.get(lane.id);
      const isStill = webhook?.since === lane.since && !webhook.parked && webhook.upTo < due.trigger.n;
      return isStill ? [{ ...receipt, at }] : [];
    };
    for (;;) {
      try {
        const slides = this.#holds(session, due, receipt);
        if ((await session.change(decide, { mustStore: true, slides })) !== 'unchanged')
          this.#report(due, receipt);
        this.#hasReceipts = true;
        return true;
      } catch (error) {
        const isPassing = error instanceof ProtocolError && error.reason !== 'SESSION_DAMAGED';
        if (!isPassing) throw error;
        if (this.#isClosed || !session.view.exists) return false;
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    }
  }

  /** What waits to be told holds its session as a running task does; by itself a receipt makes nothing live longer. */
  #holds(session: LiveSession, { outbox }: Due, { upTo, parked }: Receipt): boolean {
    const { clock, ttlMs } = this.#parts;
    const waits = upTo === undefined ? parked !== true : (outbox.triggers.at(-1)?.n ?? 0) > upTo;
    return waits && session.journal.expiresAt - clock.mono() < ttlMs / 2;
  }

  #report({ webhook, trigger }: Due, { task, upTo, tries, next, parked, why }: Receipt): void {
    const { counters, log } = this.#parts;
    if (upTo !== undefined) {
      counters.webhook('ok');
      return;
    }
    // The path of a webhook is often a secret, its origin is not.
    const { origin } = new URL(webhook.config.url);
    const about = { ...this.#ref, task, webhook: webhook.id, origin, record: trigger.n, tries, why };
    counters.webhook('failed');
    log('webhook_failed', { ...about, ...(next !== undefined && { next: new Date(next).toISOString() }) });
    if (parked !== true) return;
    counters.webhook('parked');
    log('webhook_parked', about);
  }

  /** The time that the last receipt set stands, unless something is left that is due at once. */
  async #giveBack(session: LiveSession): Promise<void> {
    const { sessions, clock } = this.#parts;
    const due = session.journal.session.deliveryDue;
    if (due === undefined) return;
    const inMs = due - clock.now();
    if (inMs > 0) {
      // Claimed before its time: the clock of the store is ahead of ours.
      if (!this.#hasReceipts) await sessions.holdDue(this.#ref, inMs);
    } else if (this.#isStopping) await sessions.holdDue(this.#ref, 1);
    else if (this.#isCrowded)
      await sessions.holdDue(this.#ref, Math.ceil(CROWDED_MS * (0.5 + Math.random())));
  }
}
