/** API keys for tests: what an operator's file says of them, and how a client shows them. */
import { createHash } from 'node:crypto';
import { alsoSecret } from './overheard.ts';

export interface TestKey {
  readonly key: string;
  readonly tenant: string;
  readonly subject?: string;
  readonly roles?: readonly string[];
  readonly tier?: string;
}

/** What A2A_API_KEYS_FILE names. */
export function keysFile(...keys: TestKey[]): object {
  return {
    keys: keys.map(({ key, tenant, subject = 'ada', roles, tier }) => ({
      hash: `sha256:${createHash('sha256').update(alsoSecret(key, 'an API key')).digest('hex')}`,
      tenant,
      subject,
      ...(roles === undefined ? {} : { roles }),
      ...(tier === undefined ? {} : { tier }),
    })),
  };
}

export const withKey = (key: string): Record<string, string> => ({
  Authorization: `Bearer ${alsoSecret(key, 'a credential')}`,
});
