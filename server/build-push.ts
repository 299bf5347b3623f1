import { DeliverySlots } from './a2a/delivery-slots.ts';
import { PushDispatcher } from './a2a/push-dispatcher.ts';
import { backoffMs } from './a2a/webhook-receipt.ts';
import { WebhookSender } from './a2a/webhook-sender.ts';
import { traceSender } from './build-tracing.ts';
import type { Config } from './config.ts';
import type { Log } from './observability/log-events.ts';
import type { Metrics } from './observability/metrics.ts';
import type { Tracing } from './observability/tracing.ts';
import { packageVersion } from './package-info.ts';
import type { UrlGuard } from './security/url-guard.ts';
import type { A2ASessionManager } from './sessions/session-manager.ts';
import type { Clock } from './sessions/session-parts.ts';

export interface PushContext {
  readonly config: Config;
  readonly sessions: A2ASessionManager;
  readonly urlGuard: UrlGuard;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
}

/** What tells webhooks. Nothing is sent before it is started, or woken. */
export function buildPush(context: PushContext): PushDispatcher {
  const { config, sessions, urlGuard, clock, log, metrics, tracing } = context;
  const { pushTimeoutMs: timeoutMs, pushMaxTries: maxTries, sessionTtlMs: ttlMs } = config;
  return new PushDispatcher({
    sessions,
    sender: traceSender(
      new WebhookSender({
        guard: urlGuard,
        timeoutMs,
        userAgent: `holdfast/${packageVersion()}`,
        now: () => clock.now(),
      }),
      tracing,
    ),
    slots: new DeliverySlots({ total: 64, perOrigin: 8, waitMs: timeoutMs }),
    // A session that waits is renewed at each attempt: the next one comes while it lives.
    rules: { maxTries, backoffMs, pauseMaxMs: Math.floor(ttlMs / 3) },
    clock,
    log,
    counters: {
      webhook: (outcome) => {
        metrics.webhooks.inc({ outcome });
      },
    },
    ttlMs,
    // Waiting for a slot and an attempt fit into it.
    holdMs: 3 * timeoutMs,
    pollMs: 1_000,
  });
}
