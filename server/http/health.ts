/** What an operator's probe learns, and what it is told from. */
export interface Readiness {
  /** Since the start. Until then nobody knows whether the store is the right one. */
  readonly storeAnsweredOnce: boolean;
  readonly draining: boolean;
  /** What works less well than it should, e.g. `store away`. Requests are served all the same. */
  readonly degraded: readonly string[];
  /** What waits for the store. */
  readonly pending: { readonly records: number; readonly bytes: number };
}

export interface HealthAnswer {
  readonly status: number;
  readonly body: object;
}

/** The process runs and its event loop turns; nothing else, or an outage of the store would restart every instance. */
export const livez = (): HealthAnswer => ({ status: 200, body: { status: 'alive' } });

/** Whether to send requests here. A store that went away later is no reason not to: requests are served from memory. */
export function readyz(readiness: Readiness): HealthAnswer {
  const { storeAnsweredOnce, draining, degraded, pending } = readiness;
  if (draining)
    return { status: 503, body: { status: 'draining', reasons: ['the server is stopping'], pending } };
  if (!storeAnsweredOnce) {
    return {
      status: 503,
      body: { status: 'starting', reasons: ['the store has not answered yet'], pending },
    };
  }
  return {
    status: 200,
    body: { status: degraded.length > 0 ? 'degraded' : 'ready', reasons: degraded, pending },
  };
}
