import { stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { SecurityScheme } from '../protocol/card-security.ts';
import type { EpochMs } from '../protocol/units.ts';
import { FileProblemsError, readApiKeys } from './config-files.ts';
import type { VariableName } from './config-variables.ts';
import { ConfigError, type Config } from './config.ts';
import { createHostGuard } from './http/request-guards.ts';
import type { Log } from './observability/log-events.ts';
import { API_KEY_SCHEMES, type ApiKey, ApiKeys } from './security/api-keys.ts';
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
  let seen = await identify(path);
  const keys = readAtStart('A2A_API_KEYS_FILE', () => readApiKeys(path));
  const reread = async (): Promise<readonly ApiKey[] | undefined> => {
    const found = await identify(path);
    if (found === seen) return undefined;
    seen = found;
    return readAgain(path, log);
  };
  const apiKeys = new ApiKeys({ keys, reread, now });
  return {
    resolvePrincipal: (req) => apiKeys.resolve(req.headers),
    // A page that got here by DNS rebinding has no key.
    isHostAllowed: () => true,
    schemes: API_KEY_SCHEMES,
  };
}

/**
 * Reads a file of secrets, whose content the configuration does not keep.
 *
 * @throws {ConfigError} when it is no longer what it was when the configuration was read
 */
export function readAtStart<T>(variable: VariableName, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FileProblemsError)) throw error;
    throw new ConfigError(error.problems.map((problem) => `${variable}: ${problem}`));
  }
}

/** A broken file leaves the keys as they are: a slip of the pen must not lock everybody out. */
function readAgain(path: string, log: Log): readonly ApiKey[] | undefined {
  try {
    const keys = readApiKeys(path);
    log('api_keys_read', { keys: keys.length });
    return keys;
  } catch (error) {
    if (!(error instanceof FileProblemsError)) throw error;
    log('api_keys_refused', { problems: error.problems });
    return undefined;
  }
}

/** What changes when a file is written or put in the place of another. */
async function identify(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join();
  } catch {
    return 'absent';
  }
}
