import { LRUCache } from 'lru-cache';
import { readSpace } from '../security/space.ts';
import {
  exceeded,
  excesses,
  NO_USE,
  wasAdmitted,
  type Excess,
  type QuotaReachedError,
  type Use,
} from './quota.ts';
import type { TenantCounts } from './tenant-counts.ts';

/** Tenants that are remembered: those that nobody asked for longest are taken to have nothing. */
const TENANTS_MAX = 10_000;

/** Told of what is refused, and of what was admitted too much. `tenant` is the whole one, never a place in it. */
export interface QuotaNews {
  refused(tenant: string, why: QuotaReachedError): void;
  /** @param changes how many of those that were acknowledged unasked have led to it */
  exceeded(tenant: string, excess: Excess, changes: number): void;
}

type Asking = Parameters<typeof exceeded>[0];

interface Known {
  /** By the last word of the store, and what this process has had stored since. */
  stored: Use;
  /** Acknowledged here, and not stored yet. */
  waiting: Use;
}

const sum = (a: Use, b: Use, sign = 1): Use => ({
  sessions: a.sessions + sign * b.sessions,
  runningTasks: a.runningTasks + sign * b.runningTasks,
});
const isNone = ({ sessions, runningTasks }: Use): boolean => sessions === 0 && runningTasks === 0;

/**
 * What this process knows of how much each tenant has. The store decides what is admitted; this is what is gone by while
 * it is away.
 */
export class QuotaLedger {
  readonly #tenants = new LRUCache<string, Known>({ max: TENANTS_MAX });
  readonly #news: QuotaNews;

  constructor(news: QuotaNews) {
    this.#news = news;
  }

  /** A change is refused. @param tenant or a place in it */
  refused(tenant: string, why: QuotaReachedError): QuotaReachedError {
    this.#news.refused(readSpace(tenant).tenant, why);
    return why;
  }

  /** @returns why a change cannot be acknowledged before it is stored; undefined when it can */
  objection(place: string, intent: Asking): QuotaReachedError | undefined {
    const known = this.#tenants.get(readSpace(place).tenant);
    const why = exceeded(intent, known === undefined ? NO_USE : sum(known.stored, known.waiting));
    return why && this.refused(place, why);
  }

  /** A change was acknowledged and waits for the store. */
  waits(place: string, use: Use): void {
    if (isNone(use)) return;
    const known = this.#known(place);
    known.waiting = sum(known.waiting, use);
  }

  /** It waits no longer, whatever became of it. */
  waitsNoMore(place: string, use: Use): void {
    const known = isNone(use) ? undefined : this.#tenants.get(readSpace(place).tenant);
    if (known !== undefined) known.waiting = sum(known.waiting, use, -1);
  }

  /** @param counts what the store said that the tenant has now; absent where it was not asked */
  stored(place: string, intents: readonly Asking[], counts: TenantCounts | undefined): void {
    const { tenant } = readSpace(place);
    if (counts === undefined && !this.#tenants.has(tenant)) return;
    const known = this.#known(place);
    const added = intents.reduce((all, { use }) => sum(all, use), NO_USE);
    known.stored = { ...sum(known.stored, added), ...counts };
    if (counts === undefined) return;
    const found = new Map<string, { excess: Excess; changes: number }>();
    for (const intent of intents.filter(wasAdmitted)) {
      for (const excess of excesses(intent, counts)) {
        const { changes } = found.get(excess.limit) ?? { changes: 0 };
        found.set(excess.limit, { excess, changes: changes + 1 });
      }
    }
    for (const { excess, changes } of found.values())
      this.#news.exceeded(tenant, excess, Math.min(changes, excess.count - excess.max));
  }

  #known(place: string): Known {
    const { tenant } = readSpace(place);
    const found = this.#tenants.get(tenant);
    if (found !== undefined) return found;
    const known: Known = { stored: NO_USE, waiting: NO_USE };
    this.#tenants.set(tenant, known);
    return known;
  }
}
