import type { Workload } from './workload.ts';
import { aging } from './workloads/aging.ts';
import { costs } from './workloads/costs.ts';
import { get } from './workloads/get.ts';
import { heap } from './workloads/heap.ts';
import { many } from './workloads/many.ts';
import { rehydrate } from './workloads/rehydrate.ts';
import { send } from './workloads/send.ts';
import { streaming } from './workloads/stream.ts';
import { workers } from './workloads/workers.ts';

/** In the order of the report. */
export const WORKLOADS: readonly Workload[] = [
  send,
  get,
  streaming,
  aging,
  costs,
  rehydrate,
  many,
  heap,
  workers,
];
