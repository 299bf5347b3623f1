/** What the store holds, as it was counted last. A part of `METRICS`. Every instance says the same: take the highest. */
export const STORE_METRICS = {
  storeSessions: {
    name: 'holdfast_store_sessions',
    type: 'gauge',
    aggregator: 'max',
    help: 'Sessions in the store, of all instances. Redis only.',
  },
  storeTasks: {
    name: 'holdfast_store_tasks',
    type: 'gauge',
    labels: ['state'],
    aggregator: 'max',
    help: 'Tasks in the store by state (submitted, working, …), of all instances.',
  },
  storeOutbox: {
    name: 'holdfast_store_outbox_sessions',
    type: 'gauge',
    aggregator: 'max',
    help: 'Sessions in the store whose webhooks are still to be told something. Redis only.',
  },
  tenantSessions: {
    name: 'holdfast_tenant_sessions',
    type: 'gauge',
    labels: ['tenant'],
    aggregator: 'max',
    help: 'Sessions in the store of the tenants in A2A_METRICS_TENANTS. Redis only.',
  },
  tenantRequests: {
    name: 'holdfast_tenant_requests_total',
    type: 'counter',
    labels: ['tenant', 'outcome'],
    help: 'JSON-RPC requests of the tenants in A2A_METRICS_TENANTS (ok, error).',
  },
} as const;
