/** The file of tiers: which limits apply to whom. */
import { z } from 'zod';
import { type Parsed, parseMembers } from './config-card.ts';
import { TIER } from './config-keys.ts';

/** The limits of one tier. */
export interface Tier {
  /** Of all callers of one tenant together. Absent: as many as they like. */
  readonly requestsPerSecond?: number;
  /** How many more than that within a minute. */
  readonly burst?: number;
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
