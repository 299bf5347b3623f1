/** Erasure in an embedded store. Pure, over the tables of one transaction. */
import type { DurationMs, EpochMs } from '../../../protocol/units.ts';
import type { CarriedOut, ErasedSession, ErasureOrder, ErasureTarget } from '../../sessions/erasure-store.ts';
import { SessionDamagedError } from '../../sessions/session-store.ts';
import { ERASURES_MAX } from '../erasures.ts';
import { isDead } from './journal-rules.ts';
import type { Address, Entry, Tables } from './tables.ts';

/** An order as it is kept. */
interface KeptOrder {
  readonly n: number;
  /** Until then. */
  readonly x: EpochMs;
  readonly target: ErasureTarget;
  /** Who has carried it out. */
  readonly by: Readonly<Record<string, CarriedOut>>;
}

const SETTING = 'erasures';

export function eraseIn(
  tables: Tables,
  at: Address,
  tombstoneTtlMs: DurationMs,
  now: EpochMs,
): ErasedSession | undefined {
  const entry = entryOrDamage(tables, at);
  if (entry === undefined || (entry !== 'damaged' && isDead(entry))) return undefined;
  const tasks = tables.tasksOf(at).length;
  const aliases = tables.aliasesOf(at);
  tables.purge(at);
  if (entry === 'damaged') return { records: 0, bytes: 0, tasks, aliases };
  const { e, v, b, x, g } = entry;
  tables.putEntry(at, { e, d: now, x: now + tombstoneTtlMs, ...(g && { g }) });
  // What had expired was no session any more: its content is gone now, and counts for nothing.
  return x > now ? { records: v, bytes: b, tasks, aliases } : undefined;
}

function entryOrDamage(tables: Tables, at: Address): Entry | 'damaged' | undefined {
  try {
    return tables.entry(at);
  } catch (error) {
    if (!(error instanceof SessionDamagedError)) throw error;
    return 'damaged';
  }
}

/** @param tenant encoded */
export function forgetTenantIn(tables: Tables, tenant: string): void {
  tables.putTenant(tenant, undefined);
  for (const [instance] of tables.beats()) {
    const noted = tables.running(instance);
    if (!noted.includes(tenant)) continue;
    tables.dropRunning(instance);
    for (const other of noted) if (other !== tenant) tables.putRunning(instance, other);
  }
}

export function orderIn(tables: Tables, target: ErasureTarget, keepMs: DurationMs, now: EpochMs): number {
  const kept = ordersIn(tables);
  const n = Math.max(now, (kept.at(-1)?.n ?? 0) + 1);
  const live = kept.filter(({ x }) => x > now);
  putOrders(tables, [...live, { n, x: now + keepMs, target, by: {} }]);
  return n;
}

export function ordersAfter(tables: Tables, number: number, now: EpochMs): ErasureOrder[] {
  const kept = ordersIn(tables);
  const after = (kept.at(-1)?.n ?? 0) < number ? 0 : number;
  return kept
    .filter(({ n, x }) => n > after && x > now)
    .slice(0, ERASURES_MAX)
    .map(({ n, target }) => ({ number: n, target, ageMs: Math.max(0, now - n) }));
}

export const newestOrder = (tables: Tables): number => ordersIn(tables).at(-1)?.n ?? 0;

export function noteCarriedOut(tables: Tables, number: number, instance: string, what: CarriedOut): void {
  const kept = ordersIn(tables);
  if (!kept.some(({ n }) => n === number)) return;
  putOrders(
    tables,
    kept.map((order) => (order.n === number ? { ...order, by: { ...order.by, [instance]: what } } : order)),
  );
}

export function carriedOutBy(tables: Tables, number: number): ReadonlyMap<string, CarriedOut> {
  return new Map(Object.entries(ordersIn(tables).find(({ n }) => n === number)?.by ?? {}));
}

const ordersIn = (tables: Tables): readonly KeptOrder[] =>
  JSON.parse(tables.setting(SETTING) ?? '[]') as KeptOrder[];

const putOrders = (tables: Tables, orders: readonly KeptOrder[]): void => {
  tables.putSetting(SETTING, JSON.stringify(orders));
};
