/** The file of API keys: which key speaks for whom. It holds hashes, and not even those are repeated in a problem. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { id, listOf, nonEmptyText } from '../protocol/dialects/fields.ts';
import { type Parsed, parseMembers } from './config-card.ts';

/** One key. */
export interface ApiKeyRow {
  /** What people call it. Not secret. */
  readonly id?: string;
  /** SHA-256 of the key, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly tenant: string;
  readonly subject: string;
  readonly roles: readonly string[];
}

const HASH = /^sha256:[0-9a-f]{64}$/i;
const OF_NOTHING = createHash('sha256').update('').digest('hex');
const DEFAULT_ROLES = ['peer'];

const row = z
  .strictObject({
    id: id.exactOptional(),
    hash: z
      .string()
      .regex(HASH, 'must be sha256: and 64 hexadecimal digits')
      .transform((text) => text.slice('sha256:'.length).toLowerCase())
      // what `sha256sum` says of a variable that was not set
      .refine((sha256) => sha256 !== OF_NOTHING, 'must not be the hash of an empty key'),
    tenant: id,
    subject: id,
    roles: listOf(nonEmptyText, 0).exactOptional(),
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
