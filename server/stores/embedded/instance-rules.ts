/** Who runs an embedded store, and for whom. Pure, over the tables of one transaction. */
import type { DurationMs, EpochMs } from '../../../protocol/units.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import type { InstanceSeen } from '../../sessions/session-store.ts';
import { decodeId } from '../encoded-ids.ts';
import { FORGET_INSTANCE_MS } from '../running-tasks.ts';
import type { Tables } from './tables.ts';

/** A tenant is known for twice the longest life that a configuration may give to a session. */
const FORGET_TENANT_MS: DurationMs = 2 * 31_536_000_000;

/** Walks over all of them: not with every note, of which there is one per tenant or subject. */
export function forgetTenants(tables: Tables, now: EpochMs): void {
  for (const [tenant, at] of tables.tenants()) {
    if (at < now - FORGET_TENANT_MS) tables.putTenant(tenant, undefined);
  }
}

export function noteTenant(tables: Tables, tenant: string, instance: string, now: EpochMs): void {
  tables.putTenant(encodeId(tenant), now);
  tables.putRunning(encodeId(instance), encodeId(tenant));
}

export function tenantsNoted(tables: Tables, now: EpochMs): string[] {
  const known = tables.tenants().filter(([, at]) => at >= now - FORGET_TENANT_MS);
  return known.map(([tenant]) => decodeId(tenant));
}

/** Those that were silent for a day are taken out on the way. */
export function instancesSeen(tables: Tables, now: EpochMs): InstanceSeen[] {
  const seen: InstanceSeen[] = [];
  for (const [encoded, { at, left }] of tables.beats()) {
    const instance = decodeId(encoded);
    if (at < now - FORGET_INSTANCE_MS) forget(tables, instance);
    else seen.push({ instance, ageMs: left === true ? Infinity : Math.max(0, now - at) });
  }
  return seen;
}

/** Who has noted no tenant has left nothing behind. */
export function leave(tables: Tables, instance: string, now: EpochMs): void {
  const encoded = encodeId(instance);
  tables.putBeat(encoded, tables.running(encoded).length > 0 ? { at: now, left: true } : undefined);
}

export function forget(tables: Tables, instance: string): void {
  const encoded = encodeId(instance);
  tables.putBeat(encoded, undefined);
  tables.dropRunning(encoded);
}

/** Nobody else has the store open, so whoever beat before is gone. */
export function partAll(tables: Tables, now: EpochMs): void {
  for (const { instance, ageMs } of instancesSeen(tables, now))
    if (ageMs !== Infinity) leave(tables, instance, now);
}
