import { FAULT_SCENARIOS } from './faults/fault-scenarios.ts';
import type { Scenario } from './scenario.ts';
import * as instances from './scenarios/instances.ts';
import * as redis from './scenarios/single-redis.ts';

/** In the order of the table. */
export const SCENARIOS: readonly Scenario[] = [
  instances.threeInstances,
  instances.instanceKilled,
  instances.instancePaused,
  instances.rollingRestart,
  instances.oneSession,
  instances.reaperRace,
  redis.redisKilled,
  redis.redisPaused,
  redis.redisLate,
  redis.clientKill,
  redis.flushall,
  redis.outageJournal,
  ...FAULT_SCENARIOS,
];
