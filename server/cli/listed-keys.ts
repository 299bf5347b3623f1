import type { EpochMs } from '../../protocol/units.ts';
import type { ApiKeyRow } from '../config-keys.ts';

/** What is shown of a key: nothing of its hash or salt. */
export interface ListedKey {
  readonly id: string | null;
  readonly state: 'active' | 'expired' | 'revoked';
  readonly tenant: string;
  readonly subject: string;
  readonly roles: readonly string[];
  readonly tier: string;
  readonly created: string | null;
  readonly expires: string | null;
  readonly revoked: string | null;
}

const shown = (moment: EpochMs | undefined): string | null =>
  moment === undefined ? null : new Date(moment).toISOString();

export function toListed(row: ApiKeyRow, now: EpochMs): ListedKey {
  const isExpired = row.expires !== undefined && row.expires <= now;
  return {
    id: row.id ?? null,
    state: row.revoked !== undefined ? 'revoked' : isExpired ? 'expired' : 'active',
    tenant: row.tenant,
    subject: row.subject,
    roles: row.roles,
    tier: row.tier ?? 'default',
    created: shown(row.created),
    expires: shown(row.expires),
    revoked: shown(row.revoked),
  };
}

const COLUMNS = [
  'id',
  'state',
  'tenant',
  'subject',
  'roles',
  'tier',
  'created',
  'expires',
  'revoked',
] as const;

/** For a terminal. */
export function table(keys: readonly ListedKey[]): string {
  const rows = keys.map((key) =>
    COLUMNS.map((column) => {
      const value = key[column];
      return typeof value === 'string' ? value : value === null || value.length === 0 ? '-' : value.join(',');
    }),
  );
  const lines = [[...COLUMNS], ...rows];
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
