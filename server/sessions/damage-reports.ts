import { LRUCache } from 'lru-cache';
import type { DurationMs } from '../../protocol/units.ts';
import type { Log } from '../observability/log-events.ts';
import type { SessionCounters } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import type { SessionDamagedError } from './session-store.ts';

const EVERY_MS: DurationMs = 60_000;

/** Tells of damaged sessions: once a minute for each, not once for each request that meets it. */
export class DamageReports {
  readonly #counters: SessionCounters;
  readonly #log: Log;
  readonly #reported = new LRUCache<string, true>({ max: 1_000, ttl: EVERY_MS });

  constructor(counters: SessionCounters, log: Log) {
    this.#counters = counters;
    this.#log = log;
  }

  met(ref: SessionRef, error: SessionDamagedError): void {
    if (this.#reported.has(error.key)) return;
    this.#reported.set(error.key, true);
    this.#counters.damaged();
    this.#log('session_damaged', { ...ref, key: error.key, field: error.field });
  }
}
