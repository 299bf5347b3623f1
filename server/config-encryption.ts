/** The file of keys that records are encrypted with. Nothing of a key is ever repeated in a problem. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { type Parsed, parseMembers } from './config-card.ts';

/** What the file says. */
export interface EncryptionKeySet {
  /** Id of the key that seals from now on. */
  readonly active: string;
  /** Key id -> 256 bits. */
  readonly keys: ReadonlyMap<string, KeyObject>;
}

/** They stand in what is stored, and in log lines. */
const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/;
const KEY_BYTES = 32;
const KEYS_MAX = 1_000;

const BAD_ID = 'has a key id that is not 1 to 32 of A-Z a-z 0-9 _ -';
const BAD_KEY = `must be base64 of ${KEY_BYTES} bytes`;

/** The standard alphabet, padded or not, and nothing that decoding would pass over. */
function toBytes(text: unknown): Buffer | undefined {
  if (typeof text !== 'string') return undefined;
  const bytes = Buffer.from(text, 'base64');
  const isWhole = bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '');
  return isWhole && bytes.length === KEY_BYTES ? bytes : undefined;
}

const keysFile = z
  .strictObject({
    active: z.string(),
    keys: z.looseObject({}).superRefine((keys, ctx) => {
      const ids = Object.keys(keys);
      const complain = (message: string, path: string[] = []): void => {
        ctx.addIssue({ code: 'custom', path, message });
      };
      if (ids.length === 0) complain('must not be empty');
      if (ids.length > KEYS_MAX) complain(`must have at most ${KEYS_MAX} entries`);
      const seen = new Set<string>();
      for (const id of ids) {
        // somebody may have written a key where its name belongs
        if (!KEY_ID.test(id)) {
          complain(BAD_ID);
          continue;
        }
        const bytes = toBytes(keys[id]);
        if (bytes === undefined) complain(BAD_KEY, [id]);
        else if (bytes.every((byte) => byte === bytes[0])) complain('must be random', [id]);
        else if (seen.has(bytes.toString('base64'))) complain('is that of an earlier id', [id]);
        else seen.add(bytes.toString('base64'));
      }
    }),
  })
  .superRefine(({ active, keys }, ctx) => {
    if (Object.keys(keys).length > 0 && !Object.hasOwn(keys, active))
      ctx.addIssue({ code: 'custom', path: ['active'], message: 'must be the id of one of the keys' });
  })
  .transform(({ active, keys }): EncryptionKeySet => {
    const secrets = Object.entries(keys).map(([id, text]) => {
      return [id, createSecretKey(Buffer.from(text as string, 'base64'))] as const;
    });
    return { active, keys: new Map(secrets) };
  });

export function parseEncryptionKeys(value: unknown): Parsed<EncryptionKeySet> {
  return parseMembers(keysFile, value, (at, name) =>
    /^[a-z]{1,12}$/i.test(name) ? `${at} is not known` : 'a member has a name that is not known',
  );
}
