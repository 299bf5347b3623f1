import type { SessionsContext } from './backend.ts';
import { readAtStart } from './build-principals.ts';
import { isExposed, watchFile } from './build-rereads.ts';
import { readEncryptionKeys } from './config-files.ts';
import { EncryptionKeys } from './security/encryption-keys.ts';
import { RecordSealer } from './security/record-sealer.ts';
import type { SessionStore } from './sessions/session-store.ts';
import { SealedStore, type Unopened } from './stores/sealed/sealed-store.ts';

/**
 * What seals and opens what is stored, as the configuration says it. Without any of it: what only opens.
 *
 * @throws {ConfigError} when the file of keys is no longer usable
 */
export async function buildSealer({
  config,
  log,
}: Pick<SessionsContext, 'config' | 'log'>): Promise<RecordSealer> {
  const { encryption, compressAboveBytes } = config;
  const compresses = compressAboveBytes !== undefined && { compressAboveBytes };
  if (encryption === undefined) return new RecordSealer({ ...compresses });
  const { keysFile, required } = encryption;
  const reread = await watchFile({
    path: keysFile,
    read: readEncryptionKeys,
    onRead: ({ active, keys }) => {
      log('encryption_keys_read', { active, keys: [...keys.keys()] });
    },
    onRefused: (problems) => {
      log('encryption_keys_refused', { problems });
    },
  });
  const set = readAtStart('A2A_ENCRYPTION_KEYS_FILE', () => readEncryptionKeys(keysFile));
  if (await isExposed(keysFile)) log('encryption_keys_exposed', { path: keysFile });
  const keys = new EncryptionKeys({ set, reread, mono: () => performance.now() });
  return new RecordSealer({ keys, required, ...compresses });
}

/** So many are remembered as said; after that some may be said again. */
const SAID_MAX = 1_000;

/** The store, with content in the form that the configuration says, and a log line for what does not open. */
export function sealStore(
  inner: SessionStore,
  sealer: RecordSealer,
  { log, metrics }: Pick<SessionsContext, 'log' | 'metrics'>,
): SealedStore {
  const said = new Set<string>();
  return new SealedStore(inner, sealer, ({ ref, field, failure, keyId }: Unopened) => {
    metrics.unopenedRecords.inc({ reason: failure });
    const key = inner.keyOf(ref);
    const what = `${failure} ${field} ${key}`;
    if (said.has(what)) return;
    if (said.size >= SAID_MAX) said.clear();
    said.add(what);
    log('record_unopened', { ...ref, key, field: String(field), why: failure, keyId });
  });
}
