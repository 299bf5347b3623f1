/** Encryption keys for tests, and what seals with them. */
import { createHash, createSecretKey } from 'node:crypto';
import { EncryptionKeys, type KeySet } from '../../server/security/encryption-keys.ts';
import { alsoSecret } from './overheard.ts';
import { RecordSealer, type SealerOptions } from '../../server/security/record-sealer.ts';

/** As good as random: the same for the same seed. */
export const keyOf = (seed: string): Buffer => createHash('sha256').update(`key ${seed}`).digest();

/** What A2A_ENCRYPTION_KEYS_FILE names: each key is made from its id. */
export const encryptionKeysFile = (active: string, ...ids: string[]): object => ({
  active,
  keys: Object.fromEntries(
    [active, ...ids].map((id) => [id, alsoSecret(keyOf(id).toString('base64'), 'an encryption key')]),
  ),
});

export const keySet = (active: string, ...ids: string[]): KeySet => ({
  active,
  keys: new Map([active, ...ids].map((id) => [id, createSecretKey(keyOf(id))])),
});

/** Keys that do not change unless the test says so. */
export function toKeys(set: KeySet, reread = (): Promise<KeySet | undefined> => Promise.resolve(undefined)) {
  return new EncryptionKeys({ set, reread, mono: () => performance.now() });
}

export const sealerOf = (active = 'k1', options: SealerOptions = {}): RecordSealer =>
  new RecordSealer({ keys: toKeys(keySet(active)), ...options });
