/** The process itself: how busy it is, how full, since when, and which release. A part of `METRICS`. */
import { getHeapStatistics } from 'node:v8';

export const RUNTIME_METRICS = {
  startTime: {
    name: 'holdfast_start_time_seconds',
    type: 'gauge',
    aggregator: 'max',
    help: 'When the process started, Unix time; of several workers the youngest.',
  },
  buildInfo: {
    name: 'holdfast_build_info',
    type: 'gauge',
    labels: ['version', 'store'],
    aggregator: 'max',
    help: '1, with the release and the kind of store as labels.',
  },
  processes: {
    name: 'holdfast_processes',
    type: 'gauge',
    help: 'Processes whose values these are: 1, or as many as there are workers.',
  },
  eventLoopLag: {
    name: 'holdfast_event_loop_lag_seconds',
    type: 'histogram',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    help: 'How late a timer of 20 ms came, each time.',
  },
  eventLoopBusy: {
    name: 'holdfast_event_loop_busy_seconds_total',
    type: 'counter',
    read: true,
    help: 'Seconds in which the event loop was working rather than waiting. Its rate is the load: 1 is full, for each of holdfast_processes.',
  },
  heapUsed: { name: 'holdfast_heap_used_bytes', type: 'gauge', help: 'Bytes of the heap that are in use.' },
  heapLimit: {
    name: 'holdfast_heap_limit_bytes',
    type: 'gauge',
    help: 'Bytes that the heap may grow to (--max-old-space-size).',
  },
  heapRatio: {
    name: 'holdfast_heap_used_ratio',
    type: 'gauge',
    aggregator: 'max',
    help: 'How much of its limit the heap uses, 0 to 1; of several workers the fullest.',
  },
  externalBytes: {
    name: 'holdfast_external_bytes',
    type: 'gauge',
    help: 'Bytes outside the heap that objects in it hold, such as buffers.',
  },
} as const;

/** The values of those that nobody else knows. */
export const RUNTIME_SOURCES = {
  processes: () => 1,
  startTime: () => performance.timeOrigin / 1000,
  eventLoopBusy: () => performance.eventLoopUtilization().active / 1000,
  heapUsed: () => getHeapStatistics().used_heap_size,
  heapLimit: () => getHeapStatistics().heap_size_limit,
  heapRatio: () => {
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    return used / limit;
  },
  externalBytes: () => getHeapStatistics().external_memory,
};
