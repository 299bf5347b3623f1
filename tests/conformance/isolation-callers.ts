/** Who asks for what belongs to somebody else, and by which credential. */
import { withKey } from '../helpers/keys.ts';
import { newPair, sign } from '../helpers/tokens.ts';

/** Every key here is worth the same to who guesses; what tells them apart is the file. */
export const KEYS = {
  owner: { key: 'owner-key', tenant: 'acme', subject: 'ann' },
  tenant: { key: 'tenant-key', tenant: 'rival', subject: 'ann' },
  subject: { key: 'subject-key', tenant: 'acme', subject: 'bob' },
  roleless: { key: 'roleless-key', tenant: 'acme', subject: 'ann', roles: ['operator'] },
  expired: { key: 'expired-key', tenant: 'acme', subject: 'ann' },
} as const;

/** The same by tokens. */
const TOKENS = {
  'owner by token': { tenant: 'acme', sub: 'ann' },
  'tenant by token': { tenant: 'rival', sub: 'ann' },
  'subject by token': { tenant: 'acme', sub: 'bob' },
  'roleless by token': { tenant: 'acme', sub: 'ann', roles: ['operator'] },
  'expired token': { tenant: 'acme', sub: 'ann', exp: 1_700_000_000 },
} as const;

export type Caller = keyof typeof KEYS | keyof typeof TOKENS | 'none' | 'wrong';

const tokens = new Map<string, string>();
/** Signs for this file of tests. */
export const issuer = await newPair('one', 'EdDSA');
for (const [caller, claims] of Object.entries(TOKENS)) tokens.set(caller, await sign(issuer, claims));

export const credentialOf = (caller: Caller): Record<string, string> => {
  const token = tokens.get(caller);
  if (token !== undefined) return { Authorization: `Bearer ${token}` };
  if (caller === 'none') return {};
  return withKey(caller in KEYS ? KEYS[caller as keyof typeof KEYS].key : 'wrong-key');
};
