import { createHash, randomBytes, randomInt } from 'node:crypto';

/** A new key: what its owner gets, and what the file has of it. */
export interface MadeKey {
  readonly key: string;
  readonly id: string;
  readonly salt: string;
  /** As the file spells it. */
  readonly hash: string;
}

/** None that are read as another. */
const ID_LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';
const ID_LENGTH = 12;
const SECRET_BYTES = 32;
const SALT_BYTES = 16;

/** `hf_<id>_<256 random bits>`. The id is no secret: it finds the entry. */
export function makeKey(): MadeKey {
  const id = Array.from({ length: ID_LENGTH }, () => ID_LETTERS[randomInt(ID_LETTERS.length)]).join('');
  const key = `hf_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  const salt = randomBytes(SALT_BYTES).toString('base64url');
  return {
    key,
    id,
    salt,
    hash: `sha256:${createHash('sha256')
      .update(salt + key)
      .digest('hex')}`,
  };
}
