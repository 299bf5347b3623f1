import type { DurationMs } from '../../protocol/units.ts';
import type { Log } from '../observability/log-events.ts';
import type { A2ASessionManager } from '../sessions/session-manager.ts';
import type { Clock } from '../sessions/session-parts.ts';
import type { DeliverySlots } from './delivery-slots.ts';
import type { RetryRules } from './webhook-receipt.ts';
import type { WebhookSender } from './webhook-sender.ts';

/** What telling webhooks is built from. */
export interface DeliveryParts {
  readonly sessions: Pick<
    A2ASessionManager,
    'openFresh' | 'catchUp' | 'release' | 'registry' | 'claimDue' | 'holdDue'
  >;
  readonly sender: Pick<WebhookSender, 'post' | 'close'>;
  readonly slots: DeliverySlots;
  readonly rules: RetryRules;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: { webhook(outcome: 'ok' | 'failed' | 'parked'): void };
  readonly ttlMs: DurationMs;
  /** How long nobody else is given a session that was claimed: longer than an attempt takes. */
  readonly holdMs: DurationMs;
  /** How often the store is asked what is due. */
  readonly pollMs: DurationMs;
}
