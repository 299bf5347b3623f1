/** The outbox of an embedded store. Pure, over the tables of one transaction. */
import type { DurationMs, EpochMs } from '../../../protocol/units.ts';
import { decodeId } from '../encoded-ids.ts';
import type { Address, Tables } from './tables.ts';

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
