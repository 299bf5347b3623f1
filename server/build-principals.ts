import type { IncomingMessage } from 'node:http';
import type { SecurityScheme } from '../protocol/card-security.ts';
import type { EpochMs } from '../protocol/units.ts';
import { readAtStart, rereadOnChange } from './build-rereads.ts';
import { readApiKeys } from './config-files.ts';
import type { Config } from './config.ts';
import { createHostGuard } from './http/request-guards.ts';
import type { Log } from './observability/log-events.ts';
import { API_KEY_SCHEMES, ApiKeys } from './security/api-keys.ts';
import { type Principal, resolvePrincipal } from './security/principal.ts';

/** Who may come in, and how the agent card says it. */
export interface Admission {
  /** @throws {ProtocolError} UNAUTHENTICATED */
  readonly resolvePrincipal: (req: IncomingMessage) => Principal | Promise<Principal>;
  readonly isHostAllowed: (req: IncomingMessage) => boolean;
  /** None: calls need no credentials. */
  readonly schemes: readonly SecurityScheme[];
}

/** @throws {ConfigError} when the file of keys is no longer usable */
export async function buildAdmission(config: Config, now: () => EpochMs, log: Log): Promise<Admission> {
  const { apiKeysFile: path, host, publicUrl } = config;
  if (path === undefined) {
    return { resolvePrincipal, isHostAllowed: createHostGuard(host, publicUrl), schemes: [] };
  }
  const reread = await rereadOnChange(path, readApiKeys, {
    onRead: (keys) => {
      log('api_keys_read', { keys: keys.length });
    },
    onRefused: (problems) => {
      log('api_keys_refused', { problems });
    },
  });
  const keys = readAtStart('A2A_API_KEYS_FILE', () => readApiKeys(path));
  const apiKeys = new ApiKeys({ keys, reread, now });
  return {
    resolvePrincipal: (req) => apiKeys.resolve(req.headers),
    // A page that got here by DNS rebinding has no key.
    isHostAllowed: () => true,
    schemes: API_KEY_SCHEMES,
  };
}
