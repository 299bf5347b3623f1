/** The file of tiers: which limits apply to whom. */
import { z } from 'zod';
import type { Bytes } from '../protocol/units.ts';
import { type Parsed, parseMembers } from './config-card.ts';
import { TIER } from './config-keys.ts';
import type { Complain } from './config-kinds.ts';

/** The limits of one tier. */
export interface Tier {
  /** Of all callers of one tenant together. Absent: as many as they like. */
  readonly requestsPerSecond?: number;
  /** How many more than that within a minute. */
  readonly burst?: number;
  /** That a tenant may have at most when a caller of this tier adds one. Absent: as many as they like. */
  readonly maxSessions?: number;
  /** As `maxSessions`, of tasks in the states submitted and working. */
  readonly maxRunningTasks?: number;
  /** Beside A2A_MAX_SESSION_RECORDS and A2A_MAX_SESSION_BYTES: the smaller one holds. */
  readonly maxRecordsPerSession?: number;
  readonly maxBytesPerSession?: Bytes;
  /** 0: none at all. */
  readonly maxWebhooksPerTask?: number;
}

/** By name. `default` is among them. */
export type Tiers = ReadonlyMap<string, Tier>;

const TIERS_MAX = 100;
const DEFAULT_NAME = 'default';

const count = (min: number, max: number): z.ZodNumber =>
  z
    .number('must be a whole number')
    .int('must be a whole number')
    .min(min, `must be at least ${min}`)
    .max(max, `must be at most ${max}`);

const tier = z
  .strictObject({
    requestsPerSecond: count(1, 1_000_000).exactOptional(),
    burst: count(0, 10_000_000).exactOptional(),
    maxSessions: count(1, 1_000_000_000).exactOptional(),
    maxRunningTasks: count(1, 1_000_000_000).exactOptional(),
    maxRecordsPerSession: count(10, 10_000_000).exactOptional(),
    maxBytesPerSession: count(1_024, 1_073_741_824).exactOptional(),
    maxWebhooksPerTask: count(0, 16).exactOptional(),
  })
  .superRefine(({ requestsPerSecond, burst }, ctx) => {
    if (burst === undefined || requestsPerSecond !== undefined) return;
    ctx.addIssue({ code: 'custom', path: ['burst'], message: 'does nothing without requestsPerSecond' });
  });

const tiersFile = z.record(z.string(), tier).superRefine((tiers, ctx) => {
  const names = Object.keys(tiers);
  const complain = (message: string, path: string[] = []): void => {
    ctx.addIssue({ code: 'custom', path, message });
  };
  if (names.length > TIERS_MAX) complain(`must have at most ${TIERS_MAX} tiers`);
  for (const name of names)
    if (!TIER.test(name)) complain('must be named by 1 to 64 of A-Z a-z 0-9 _ . -', [name]);
  if (!names.includes(DEFAULT_NAME))
    complain('must be there: it is for every tier that is not in the file', [DEFAULT_NAME]);
});

export function parseTiers(value: unknown): Parsed<Tiers> {
  const parsed = parseMembers(tiersFile, value, (at) => `${at} does nothing in this version`);
  return 'problems' in parsed ? parsed : { value: new Map(Object.entries(parsed.value)) };
}

/** What a tenant has in all is counted where one script sees all of it: in one bucket. */
export function checkTiers(tiers: Tiers | undefined, tenantBuckets: number, complain: Complain): void {
  if (tenantBuckets === 1) return;
  for (const [name, { maxSessions, maxRunningTasks }] of tiers ?? []) {
    for (const [limit, value] of Object.entries({ maxSessions, maxRunningTasks })) {
      if (value === undefined) continue;
      const why = `a tenant in ${tenantBuckets} buckets cannot be counted exactly`;
      complain('A2A_TIERS_FILE', `${name}.${limit} needs A2A_TENANT_BUCKETS to be 1, because ${why}`);
    }
  }
}
