import { ConfigError, parseConfig } from '../../server/config.ts';
import type { RedisAddress } from '../../server/config-redis.ts';

export type Env = Record<string, string | undefined>;

/** What is wrong with it; empty when nothing is. */
export function problemsOf(env: Env): readonly string[] {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

export function redisOf(env: Env): RedisAddress {
  const { store } = parseConfig(env);
  if (store.kind !== 'redis') throw new Error(`the store is ${store.kind}`);
  return store.redis;
}
