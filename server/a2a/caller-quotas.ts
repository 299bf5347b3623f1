import type { ProtocolError } from '../../protocol/errors.ts';
import { DEFAULT_TIER, type Principal } from '../security/principal.ts';
import { type Quota, QuotaReachedError } from '../sessions/quota.ts';
import type { QuotaLedger } from '../sessions/quota-ledger.ts';

/** How many webhooks a caller may have a task told to; what it is refused with. */
export interface WebhookQuota {
  readonly max: number;
  refuse(): ProtocolError;
}

interface TierQuotas {
  readonly ofCaller: Quota;
  /** What an agent produces is not refused for what others have: only its session may be full. */
  readonly ofAgent: Quota;
}

/** The quotas of tiers, by who calls. */
export class CallerQuotas {
  readonly #ledger: QuotaLedger;
  readonly #tiers = new Map<string, TierQuotas>();

  /** @param quotas of every tier, `default` among them */
  constructor(ledger: QuotaLedger, quotas: readonly Quota[]) {
    this.#ledger = ledger;
    for (const quota of quotas) {
      const { tier, maxRecordsPerSession, maxBytesPerSession } = quota;
      const ofAgent = {
        tier,
        ...(maxRecordsPerSession !== undefined && { maxRecordsPerSession }),
        ...(maxBytesPerSession !== undefined && { maxBytesPerSession }),
      };
      this.#tiers.set(tier, { ofCaller: quota, ofAgent });
    }
  }

  #of({ tier }: Principal): TierQuotas | undefined {
    return this.#tiers.get(tier) ?? this.#tiers.get(DEFAULT_TIER);
  }

  /** For the caller's own changes. */
  ofCaller(principal: Principal): Quota | undefined {
    return this.#of(principal)?.ofCaller;
  }

  /** For what is done at its call. */
  ofAgent(principal: Principal): Quota | undefined {
    return this.#of(principal)?.ofAgent;
  }

  ofWebhooks(principal: Principal): WebhookQuota | undefined {
    const quota = this.ofCaller(principal);
    if (quota?.maxWebhooksPerTask === undefined) return undefined;
    const refuse = (): ProtocolError =>
      this.#ledger.refused(principal.tenant, new QuotaReachedError('maxWebhooksPerTask', quota));
    return { max: quota.maxWebhooksPerTask, refuse };
  }
}
