/** The file of API keys: which key speaks for whom. It holds hashes, and not even those are repeated in a problem. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { id, listOf, nonEmptyText } from '../protocol/dialects/fields.ts';
import type { EpochMs } from '../protocol/units.ts';
import { type Parsed, parseMembers } from './config-card.ts';

/** One key. */
export interface ApiKeyRow {
  /** What people call it. Not secret. Of a key with a salt it is a part of the key, by which its entry is found. */
  readonly id?: string;
  readonly salt?: string;
  /** SHA-256 of the salt, if any, and the key: 64 hexadecimal digits. */
  readonly sha256: string;
  readonly tenant: string;
  readonly subject: string;
  readonly roles: readonly string[];
  readonly tier?: string;
  readonly created?: EpochMs;
  readonly expires?: EpochMs;
  /** When it was taken back. The entry stays, so that who looks at the list sees it. */
  readonly revoked?: EpochMs;
}

const HASH = /^sha256:[0-9a-f]{64}$/i;
const OF_NOTHING = createHash('sha256').update('').digest('hex');
const DEFAULT_ROLES = ['peer'];
/** Beside salt: it is in the key, between underscores. */
export const MADE_ID = /^[A-Za-z0-9-]{1,64}$/;
export const TIER = /^[\w.-]{1,64}$/;
const MOMENT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** @returns undefined when it is no date, or a time without its zone */
export function parseMoment(text: string): EpochMs | undefined {
  const moment = MOMENT.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(moment) ? undefined : moment;
}

const moment = z.string().transform((text, ctx): EpochMs => {
  const parsed = parseMoment(text);
  if (parsed !== undefined) return parsed;
  ctx.addIssue({
    code: 'custom',
    message: 'must be a date, or a time with its zone, such as 2030-01-31T12:00:00Z',
  });
  return z.NEVER;
});

const row = z
  .strictObject({
    id: id.exactOptional(),
    salt: z
      .string()
      .regex(/^[\w-]{16,128}$/, 'must be 16 to 128 of A-Z a-z 0-9 _ -')
      .exactOptional(),
    hash: z
      .string()
      .regex(HASH, 'must be sha256: and 64 hexadecimal digits')
      .transform((text) => text.slice('sha256:'.length).toLowerCase())
      // what `sha256sum` says of a variable that was not set
      .refine((sha256) => sha256 !== OF_NOTHING, 'must not be the hash of an empty key'),
    tenant: id,
    subject: id,
    roles: listOf(nonEmptyText, 0).exactOptional(),
    tier: z.string().regex(TIER, 'must be 1 to 64 of A-Z a-z 0-9 _ . -').exactOptional(),
    created: moment.exactOptional(),
    expires: moment.exactOptional(),
    revoked: moment.exactOptional(),
  })
  .superRefine(({ id: name, salt }, ctx) => {
    if (salt === undefined || (name !== undefined && MADE_ID.test(name))) return;
    const message = 'must be 1 to 64 of A-Z a-z 0-9 - beside salt';
    ctx.addIssue({ code: 'custom', path: ['id'], message });
  })
  .transform(({ hash, roles, ...rest }): ApiKeyRow => ({
    ...rest,
    sha256: hash,
    roles: roles ?? DEFAULT_ROLES,
  }));

const keysFile = z
  .strictObject({
    keys: listOf(row, 1, 100_000).superRefine((list, ctx) => {
      const seen = new Set<string>();
      list.forEach(({ id: name, sha256 }, i) => {
        const taken = (member: string): void => {
          ctx.addIssue({ code: 'custom', path: [i, member], message: 'is that of an earlier key' });
        };
        if (seen.has(`sha256 ${sha256}`)) taken('hash');
        if (name !== undefined && seen.has(`id ${name}`)) taken('id');
        seen.add(`sha256 ${sha256}`);
        if (name !== undefined) seen.add(`id ${name}`);
      });
    }),
  })
  .transform(({ keys }) => keys);

export function parseApiKeys(value: unknown): Parsed<readonly ApiKeyRow[]> {
  // Somebody may have written a key where a name belongs: names that do not look like one are not repeated.
  return parseMembers(keysFile, value, (at, name) =>
    /^[a-z]{1,12}$/i.test(name) ? `${at} is not known` : 'a member has a name that is not known',
  );
}

/** What is wrong with roles that mean nothing: a misspelt one would leave its caller without. */
export function findUnknownRoles(keys: readonly ApiKeyRow[], known: readonly string[]): string[] {
  return keys.flatMap(({ roles }, i) =>
    roles.flatMap((role, at) =>
      known.includes(role) ? [] : [`keys[${i}].roles[${at}] must be one of ${known.join(', ')}`],
    ),
  );
}
