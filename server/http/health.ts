import { type HealthReason, toldOf } from './health-reasons.ts';

/** What an operator's probe learns, and what it is told from. */
export interface Readiness {
  /** Since the start. Until then nobody knows whether the store is the right one. */
  readonly storeAnsweredOnce: boolean;
  readonly draining: boolean;
  /** What works less well than it should. Requests are served all the same. */
  readonly degraded: readonly HealthReason[];
  /** How the store is set up, where that may cost sessions. Requests are served as well as ever. */
  readonly warnings?: readonly { readonly reason: HealthReason; readonly text: string }[];
  /** What waits for the store. `kept`: the outage journal has all of it; absent where there is none. */
  readonly pending: { readonly records: number; readonly bytes: number; readonly kept?: boolean };
  /** This instance's name in logs and records, and how many share the store and are alive. */
  readonly instances?: { readonly me: string; readonly alive: number };
  /** Of several processes that share the port, which one answers. */
  readonly worker?: number;
}

export interface HealthAnswer {
  readonly status: number;
  readonly body: object;
}

/** The process runs and its event loop turns; nothing else, or an outage of the store would restart every instance. */
export const livez = (): HealthAnswer => ({ status: 200, body: { status: 'alive' } });

/** Whether to send requests here. A store that went away later is no reason not to: requests are served from memory. */
export function readyz(readiness: Readiness): HealthAnswer {
  const { storeAnsweredOnce, draining, degraded, warnings = [], pending, instances, worker } = readiness;
  const state = {
    ...(warnings.length > 0 && { warnings: warnings.map(({ reason, text }) => toldOf(reason, text)) }),
    pending,
    ...(instances && { instances }),
    ...(worker !== undefined && { worker }),
  };
  const answer = (status: number, word: string, ...reasons: HealthReason[]): HealthAnswer => ({
    status,
    body: { status: word, reasons: [...reasons, ...degraded].map((reason) => toldOf(reason)), ...state },
  });
  if (draining) return answer(503, 'draining', 'draining');
  if (!storeAnsweredOnce) return answer(503, 'starting', 'starting');
  return answer(200, degraded.length > 0 ? 'degraded' : 'ready');
}
