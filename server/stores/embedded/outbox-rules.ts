/** The outbox and the tenants of an embedded store. Pure, over the tables of one transaction. */
import type { DurationMs, EpochMs } from '../../../protocol/units.ts';
import { decodeId } from '../encoded-ids.ts';
import type { Address, Tables } from './tables.ts';

/** A tenant is known for twice the longest life that a configuration may give to a session. */
const FORGET_TENANT_MS: DurationMs = 2 * 31_536_000_000;

export interface Claim {
  /** Encoded. */
  readonly tenant: string;
  readonly limit: number;
  readonly holdMs: DurationMs;
  readonly only?: Address;
}

/**
 * Sessions that are gone are taken out on the way.
 *
 * @returns session ids
 */
export function claimFrom(
  tables: Tables,
  { tenant, limit, holdMs, only }: Claim,
  now: EpochMs,
  isLive: (at: Address) => boolean,
): string[] {
  const taken: string[] = [];
  const find = (left: number): readonly Address[] => {
    if (only === undefined) return tables.allDue(tenant, now, left);
    const due = tables.dueAt(only);
    return due !== undefined && due <= now ? [only] : [];
  };
  while (taken.length < limit) {
    const due = find(limit - taken.length);
    if (due.length === 0) break;
    for (const at of due) {
      const isThere = isLive(at);
      tables.putDue(at, isThere ? now + holdMs : undefined);
      if (isThere) taken.push(decodeId(at.session));
    }
  }
  return taken;
}

/** @param tenant encoded */
export function noteTenant(tables: Tables, tenant: string, now: EpochMs): void {
  for (const [other, at] of tables.tenants()) {
    if (at < now - FORGET_TENANT_MS) tables.putTenant(other, undefined);
  }
  tables.putTenant(tenant, now);
}

export function tenantsNoted(tables: Tables, now: EpochMs): string[] {
  const known = tables.tenants().filter(([, at]) => at >= now - FORGET_TENANT_MS);
  return known.map(([tenant]) => decodeId(tenant));
}
