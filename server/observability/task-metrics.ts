/** Tasks, who runs them, and who is told of them. A part of `METRICS`. */
export const TASK_METRICS = {
  tasksRunning: { name: 'holdfast_tasks_running', type: 'gauge', help: 'Tasks this instance is running.' },
  instancesAlive: {
    name: 'holdfast_instances_alive',
    type: 'gauge',
    aggregator: 'max',
    help: 'Instances that share the store and were alive when this one last looked, itself included.',
  },
  tasksRecovered: {
    name: 'holdfast_tasks_recovered_total',
    type: 'counter',
    help: 'Tasks settled because their runner was gone.',
  },
  tasksFenced: {
    name: 'holdfast_tasks_fenced_total',
    type: 'counter',
    help: 'Executors stopped because their task was no longer theirs; what they still published was dropped.',
  },
  cancels: {
    name: 'holdfast_cancels_total',
    type: 'counter',
    help: 'Cancels by how far this instance took them: requested, delivered, stopped or forced.',
    labels: ['outcome'],
    known: ['requested', 'delivered', 'stopped', 'forced'],
  },
  webhooks: {
    name: 'holdfast_webhooks_total',
    type: 'counter',
    labels: ['outcome'],
    known: ['ok', 'failed', 'parked'],
    help: 'Attempts to deliver to a webhook (ok, failed), and webhooks that were given up (parked).',
  },
  webhooksWaiting: {
    name: 'holdfast_webhooks_waiting',
    type: 'gauge',
    help: 'Webhooks that this instance is delivering to, or has an attempt waiting for.',
  },
} as const;
