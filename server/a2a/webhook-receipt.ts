import type { DurationMs, EpochMs } from '../../protocol/units.ts';
import type { Trigger, Webhook } from '../sessions/outbox.ts';
import type { ReceiptRecord } from '../sessions/records.ts';
import type { Attempt } from './webhook-sender.ts';

const BACKOFF_MIN_MS: DurationMs = 1_000;
const BACKOFF_MAX_MS: DurationMs = 300_000;

/** Exponential with full jitter: receivers that came back are not met by everybody at once. @param tries so far, from 1 */
export const backoffMs = (tries: number, random: () => number = Math.random): DurationMs =>
  Math.ceil(Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** (tries - 1)) * random());

/** What is known of an attempt that was made. */
export type Finding = Exclude<Attempt, { outcome: 'aborted' }>;

export interface RetryRules {
  /** Failed attempts in a row at one event, then the webhook is parked. */
  readonly maxTries: number;
  readonly backoffMs: (tries: number) => DurationMs;
  /** No pause is longer: the session has to live until the next attempt. */
  readonly pauseMaxMs: DurationMs;
}

export function toReceipt(
  { webhook, trigger }: { readonly webhook: Webhook; readonly trigger: Trigger },
  finding: Finding,
  task: string,
  rules: RetryRules,
  now: EpochMs,
): Omit<ReceiptRecord, 'at'> {
  const of = { t: 'receipt' as const, task, id: webhook.id };
  if (finding.outcome === 'ok') return { ...of, upTo: trigger.n };
  const tries = webhook.tries + 1;
  const { why } = finding;
  if (finding.outcome === 'hopeless' || tries >= rules.maxTries) return { ...of, tries, parked: true, why };
  const pause = Math.max(rules.backoffMs(tries), finding.retryAfterMs ?? 0);
  return { ...of, tries, next: now + Math.min(pause, rules.pauseMaxMs), why };
}
