import type { ErrorReason } from '../../protocol/errors.ts';
import type { Selection } from '../../protocol/dialects/select.ts';
import type { Operation } from '../../protocol/operations.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Tally } from '../observability/tallied-counter.ts';
import type { HistogramTally } from '../observability/tallied-histogram.ts';

/** What is counted of the requests that ask for one thing. */
interface Meter {
  readonly ok: Tally;
  readonly okSeconds: HistogramTally;
  readonly errorSeconds: HistogramTally;
}

interface TenantMeter {
  readonly ok: Tally;
  readonly error: Tally;
}

/**
 * Counts requests, and how long they took. Every request pays for it, so what is counted is looked up once: by selection,
 * which is one object for every method of a dialect.
 */
export class RequestMeter {
  readonly #metrics: Metrics;
  readonly #meters = new Map<Selection, Meter>();
  /** Undefined: nobody asked for any. */
  readonly #tenants: ReadonlyMap<string, TenantMeter> | undefined;

  /** @param tenants those whose requests are counted apart */
  constructor(metrics: Metrics, tenants: readonly string[] = []) {
    this.#metrics = metrics;
    const { tenantRequests } = metrics;
    const meters = tenants.map((tenant): [string, TenantMeter] => [
      tenant,
      {
        ok: tenantRequests.tally({ tenant, outcome: 'ok' }),
        error: tenantRequests.tally({ tenant, outcome: 'error' }),
      },
    ]);
    if (meters.length > 0) this.#tenants = new Map(meters);
  }

  /** A request that was refused before anything of it was read: it took no time worth telling. */
  refused(selection: Selection, outcome: ErrorReason): void {
    const { dialect, operation: method = 'unknown' } = selection;
    this.#metrics.requests.inc({ dialect, method, outcome });
  }

  /** @param since when the whole request was there, by `performance.now()` */
  answered(selection: Selection, tenant: string, outcome: ErrorReason | 'ok', since: number): void {
    const isOk = outcome === 'ok';
    if (!isOk) this.refused(selection, outcome);
    // What asks for nothing that there is, is another object each time.
    const { operation } = selection;
    if (operation !== undefined) {
      const meter = this.#meters.get(selection) ?? this.#begin(selection, operation);
      if (isOk) meter.ok.count += 1;
      (isOk ? meter.okSeconds : meter.errorSeconds).observe((performance.now() - since) / 1000);
    }
    const own = this.#tenants?.get(tenant);
    if (own !== undefined) (isOk ? own.ok : own.error).count += 1;
  }

  #begin(selection: Selection, method: Operation): Meter {
    const { dialect } = selection;
    const { requests, requestSeconds } = this.#metrics;
    const meter = {
      ok: requests.tally({ dialect, method, outcome: 'ok' }),
      okSeconds: requestSeconds.tally({ dialect, method, outcome: 'ok' }),
      errorSeconds: requestSeconds.tally({ dialect, method, outcome: 'error' }),
    };
    this.#meters.set(selection, meter);
    return meter;
  }
}
