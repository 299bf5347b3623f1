import { setTimeout as delay } from 'node:timers/promises';
import type { Bytes, DurationMs } from '../../protocol/units.ts';
import { readSpace, spaceOf, type Scope } from '../security/space.ts';
import type { ErasureTarget } from './erasure-store.ts';
import type { InstanceSeen } from './instance-store.ts';
import { NO_SESSION } from './nudges.ts';
import type { SessionRef } from './session-ref.ts';
import { SessionDamagedError, StoreUnavailableError, type SessionStore } from './session-store.ts';

/** What went, and who has not said yet that it did. */
export interface ErasureReport {
  /** In the store. */
  sessions: number;
  records: number;
  bytes: Bytes;
  tasks: number;
  aliases: number;
  /** Sessions in the memory of instances. */
  cachedSessions: number;
  /** Acknowledged records that waited for the store, in the memory and the outage journals of instances. */
  waitingRecords: number;
  /** Instances that have given up what they held. */
  instances: number;
  /** Those that are known and have not answered: they do so when they are back. */
  unanswered: readonly string[];
  /** Sessions of the tenant of which is not recorded who began them, and which were therefore left. */
  unattributed: number;
}

/** The store went away in the middle. `done` is what went until then; the erasure can be asked for again. */
export class ErasureFailedError extends Error {
  override readonly name = 'ErasureFailedError';
  readonly done: ErasureReport;

  constructor(done: ErasureReport, cause: unknown) {
    super('the store is away: not all is erased', { cause });
    this.done = done;
  }
}

export interface EraserOptions {
  readonly store: SessionStore;
  readonly scope: Scope;
  /** Life of sessions: so long a tombstone is kept. */
  readonly ttlMs: DurationMs;
  /** An instance that is silent for longer is not waited for. */
  readonly deadMs: DurationMs;
  readonly mono: () => DurationMs;
  /** How long instances are waited for in all. Default 10 s. */
  readonly waitMs?: DurationMs;
}

const PAGE = 500;
const CONCURRENCY = 16;
const WAIT_MS: DurationMs = 10_000;
const POLL_MS: DurationMs = 50;
/** Beside the life of a session, which is as long as what waits for the store may wait. */
const KEEP_MORE_MS: DurationMs = 3_600_000;
/** What an instance stored before it heard of the order is found by looking again. */
const ROUNDS_MAX = 4;

/**
 * Erases sessions: in the store, and by an order that all instances carry out in what they hold. What is written meanwhile
 * may be erased too.
 */
export class Eraser {
  readonly #options: EraserOptions;

  constructor(options: EraserOptions) {
    this.#options = options;
  }

  /** May be repeated. @throws {ErasureFailedError} */
  async erase(target: ErasureTarget): Promise<ErasureReport> {
    const report = emptyReport();
    try {
      await this.#erase(target, report);
    } catch (error) {
      if (error instanceof StoreUnavailableError) throw new ErasureFailedError(report, error);
      throw error;
    }
    return report;
  }

  async #erase(target: ErasureTarget, report: ErasureReport): Promise<void> {
    const places = new Set<string>();
    const until = this.#options.mono() + (this.#options.waitMs ?? WAIT_MS);
    for (let round = 1; round <= ROUNDS_MAX; round += 1) {
      const before = report.sessions;
      report.unattributed = 0;
      for (const place of await this.#placesOf(target)) places.add(place);
      for (const place of places) await this.#sweep(target, place, report);
      if (round > 1 && report.sessions === before) return;
      // First the store, then the order: whoever carries it out asks the store what is gone.
      await this.#order(target, until, report);
    }
  }

  async #placesOf({ tenant, subject }: ErasureTarget): Promise<readonly string[]> {
    const { store, scope } = this.#options;
    if (scope === 'tenant') return [tenant];
    if (subject !== undefined) return [spaceOf(scope, { tenant, subject })];
    return (await store.tenants()).filter((place) => readSpace(place).tenant === tenant);
  }

  async #sweep(target: ErasureTarget, place: string, report: ErasureReport): Promise<void> {
    const { store, scope } = this.#options;
    const { sessionId } = target;
    // Where sessions are a tenant's, the place is not the subject's.
    const owner = scope === 'tenant' ? target.subject : undefined;
    if (sessionId !== undefined) {
      await this.#eraseOne({ tenant: place, sessionId }, owner, report);
      return;
    }
    for (let after: string | undefined; ;) {
      const query = { limit: PAGE, ...(after !== undefined && { after }) };
      const { sessions, next } = await store.listSessions(place, query);
      const ids = sessions.values();
      const worker = async (): Promise<void> => {
        for (const each of ids)
          await this.#eraseOne({ tenant: place, sessionId: each.sessionId }, owner, report);
      };
      await Promise.all(Array.from({ length: CONCURRENCY }, worker));
      if (next === undefined) break;
      after = next;
    }
    if (owner === undefined) await store.forgetTenant(place);
  }

  /** @param owner only when this subject has begun it */
  async #eraseOne(ref: SessionRef, owner: string | undefined, report: ErasureReport): Promise<void> {
    const { store, ttlMs } = this.#options;
    if (owner !== undefined) {
      const first = await this.#firstRecord(ref);
      const began = first === undefined ? undefined : subjectIn(first);
      if (began === undefined && first !== undefined) report.unattributed += 1;
      if (began !== owner) return;
    }
    const erased = await store.erase(ref, ttlMs);
    if (erased === undefined) return;
    report.sessions += 1;
    for (const what of ['records', 'bytes', 'tasks', 'aliases'] as const) report[what] += erased[what];
  }

  /** Of one that cannot be read no JSON: it is there, and does not say whose it is. */
  async #firstRecord(ref: SessionRef): Promise<string | undefined> {
    try {
      return await this.#options.store.firstRecord(ref);
    } catch (error) {
      if (error instanceof SessionDamagedError) return '';
      throw error;
    }
  }

  async #order(target: ErasureTarget, until: DurationMs, report: ErasureReport): Promise<void> {
    const { store, ttlMs, deadMs, mono } = this.#options;
    const number = await store.orderErasure(target, ttlMs + KEEP_MORE_MS);
    // A hint: with its next beat it hears of it all the same.
    for (const { instance } of await this.#known())
      await store.nudge(instance, { tenant: target.tenant, sessionId: NO_SESSION }).catch(() => undefined);
    for (;;) {
      const by = await store.erasureCarriedOutBy(number);
      const missing = (await this.#known()).filter(({ instance }) => !by.has(instance));
      // One that has died meanwhile is not waited for.
      if (missing.some(({ ageMs }) => ageMs <= deadMs) && mono() < until) {
        await delay(POLL_MS);
        continue;
      }
      for (const { sessions, records } of by.values()) {
        report.cachedSessions += sessions;
        report.waitingRecords += records;
      }
      report.instances = by.size;
      report.unanswered = missing.map(({ instance }) => instance);
      return;
    }
  }

  /** Those that have not said goodbye. */
  async #known(): Promise<readonly InstanceSeen[]> {
    return (await this.#options.store.instances()).filter(({ ageMs }) => ageMs !== Infinity);
  }
}

const emptyReport = (): ErasureReport => ({
  ...{ sessions: 0, records: 0, bytes: 0, tasks: 0, aliases: 0 },
  ...{ cachedSessions: 0, waitingRecords: 0, instances: 0, unanswered: [], unattributed: 0 },
});

/** Who began a session, by its first record. */
function subjectIn(first: string): string | undefined {
  try {
    const record = JSON.parse(first) as { t?: unknown; subject?: unknown } | null;
    return record?.t === 'created' && typeof record.subject === 'string' ? record.subject : undefined;
  } catch {
    return undefined;
  }
}
