import type { Config } from './config.ts';
import type { Log } from './observability/log-events.ts';
import type { Metrics } from './observability/metrics.ts';
import { createOnceAMinute } from './security/once-a-minute.ts';
import { Rates } from './security/rates.ts';
import { createRedisClient, type RedisClient } from './stores/redis/client.ts';
import { createKeys } from './stores/redis/keys.ts';

export interface RatesContext {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The rates of the configured tiers, and the life of the connection that they are counted over. */
export interface BuiltRates {
  readonly rates: Rates;
  start(): void;
  close(): void;
}

const mono = (): number => performance.now();

/** @returns undefined when no tier has a rate: a request then pays nothing */
export function buildRates({ config, log, metrics }: RatesContext): BuiltRates | undefined {
  const { tiers, store, keyPrefix, tenantBuckets } = config;
  const hasRate =
    tiers !== undefined && [...tiers.values()].some((tier) => tier.requestsPerSecond !== undefined);
  if (!hasRate) return undefined;
  for (const [tier, { requestsPerSecond }] of tiers)
    if (requestsPerSecond !== undefined) metrics.rateRefused.inc({ tier }, 0);
  const isDue = createOnceAMinute(mono);
  const onRefused = (tenant: string, tier: string): void => {
    metrics.rateRefused.inc({ tier });
    if (isDue(tenant)) log('rate_limited', { tenant, tier });
  };
  if (store.kind !== 'redis') {
    return { rates: new Rates({ tiers, onRefused, mono }), start: () => undefined, close: () => undefined };
  }
  // Its own: a flood that is counted must not stand before the commits of others.
  const client: RedisClient = createRedisClient(store.redis, (why) => {
    log('store_connection_error', { why });
  });
  const key = createKeys(keyPrefix, tenantBuckets).rate;
  return {
    rates: new Rates({ tiers, shared: { client, key }, onRefused, mono }),
    start: () => {
      // Until it is there, and whenever it is not, this process counts by itself.
      client.connect().catch(() => undefined);
    },
    close: () => {
      client.disconnect();
    },
  };
}
