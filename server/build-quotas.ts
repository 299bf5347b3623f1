import { CallerQuotas } from './a2a/caller-quotas.ts';
import type { BackendContext } from './backend.ts';
import type { Tier } from './config-tiers.ts';
import { createOnceAMinute } from './security/once-a-minute.ts';
import type { Quota } from './sessions/quota.ts';
import { QuotaLedger } from './sessions/quota-ledger.ts';

export interface BuiltQuotas {
  /** For the sessions. */
  readonly ledger: QuotaLedger;
  /** For the operations. */
  readonly callers: CallerQuotas;
}

function toQuota(tier: string, limits: Tier): Quota {
  const quota: { -readonly [K in keyof Tier]: Tier[K] } = { ...limits };
  delete quota.requestsPerSecond;
  delete quota.burst;
  return { tier, ...quota };
}

/** @returns undefined when no tier has any: nothing is counted then, and nothing costs more */
export function buildQuotas({ config, log, metrics }: BackendContext): BuiltQuotas | undefined {
  const quotas = [...(config.tiers ?? [])].map(([tier, limits]) => toQuota(tier, limits));
  if (quotas.every((quota) => Object.keys(quota).length === 1)) return undefined;
  for (const { tier, ...limits } of quotas)
    for (const limit of Object.keys(limits)) {
      // So that a rate has something to begin with.
      metrics.quotaRefused.inc({ limit, tier }, 0);
      if (limit === 'maxSessions' || limit === 'maxRunningTasks')
        metrics.quotaExceeded.inc({ limit, tier }, 0);
    }
  const isDue = createOnceAMinute(() => performance.now());
  const ledger = new QuotaLedger({
    refused: (tenant, { limit, tier, max }) => {
      metrics.quotaRefused.inc({ limit, tier });
      if (isDue(`refused ${limit} ${tenant}`)) log('quota_refused', { tenant, tier, limit, max });
    },
    exceeded: (tenant, { limit, tier, max, count }, changes) => {
      metrics.quotaExceeded.inc({ limit, tier }, changes);
      const tooMany = count - max;
      if (isDue(`exceeded ${limit} ${tenant}`))
        log('quota_exceeded', { tenant, tier, limit, max, count, tooMany });
    },
  });
  return { ledger, callers: new CallerQuotas(ledger, quotas) };
}
