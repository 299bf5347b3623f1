import type { Scenario } from '../scenario.ts';
import { badNetwork } from './bad-network.ts';
import { clusterMasterHung, clusterMasterKilled } from './cluster-failover.ts';
import { outOfMemory } from './out-of-memory.ts';
import { promotedSynced, promotedUnsynced } from './sentinel-failover.ts';
import { clockAhead, clockBehind } from './wrong-clock.ts';

/** Faults of the network, of clocks, of memory, and of more than one Redis. */
export const FAULT_SCENARIOS: readonly Scenario[] = [
  outOfMemory,
  badNetwork,
  clockAhead,
  clockBehind,
  promotedSynced,
  promotedUnsynced,
  clusterMasterKilled,
  clusterMasterHung,
];
