import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { SecurityScheme } from '../../protocol/card-security.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs, EpochMs } from '../../protocol/units.ts';
import type { Principal } from './principal.ts';

/** One key, of which only the hash is known. */
export interface ApiKey extends Principal {
  /** SHA-256, in small hexadecimal digits. */
  readonly sha256: string;
}

export interface ApiKeysOptions {
  readonly keys: readonly ApiKey[];
  /**
   * The keys that hold from now on; undefined while nothing has changed, or what there is cannot be used. Never rejects.
   */
  readonly reread: () => Promise<readonly ApiKey[] | undefined>;
  readonly now: () => EpochMs;
}

/** As the agent card says it. */
export const API_KEY_SCHEMES: readonly SecurityScheme[] = [
  { name: 'bearer', type: 'http', scheme: 'Bearer', description: 'An API key of this server.' },
  { name: 'apiKey', type: 'apiKey', header: 'X-API-Key', description: 'An API key of this server.' },
];

/** A key that was taken out of the file is refused at the latest so long after. */
export const REREAD_MS: DurationMs = 2000;

/** Plain API keys. */
export class ApiKeys {
  readonly #options: ApiKeysOptions;
  #byHash: ReadonlyMap<string, Principal>;
  #checkAt: EpochMs;

  constructor(options: ApiKeysOptions) {
    this.#options = options;
    this.#byHash = index(options.keys);
    this.#checkAt = options.now() + REREAD_MS;
  }

  /** @throws {ProtocolError} UNAUTHENTICATED, HTTP 401, when no valid key is shown */
  async resolve(headers: IncomingHttpHeaders): Promise<Principal> {
    if (this.#options.now() >= this.#checkAt) await this.#reread();
    for (const key of shownKeys(headers)) {
      // What is compared is not the key but its hash, which nobody can steer: how long the look-up takes says where
      // the hash of a guess falls in a table, and nothing of any key in it.
      const principal = this.#byHash.get(createHash('sha256').update(key).digest('hex'));
      if (principal !== undefined) return principal;
    }
    throw new ProtocolError('UNAUTHENTICATED', {
      message: 'A valid API key is required, as Authorization: Bearer <key> or X-API-Key: <key>',
      httpStatus: 401,
    });
  }

  async #reread(): Promise<void> {
    // Others go on with what is known meanwhile.
    this.#checkAt = this.#options.now() + REREAD_MS;
    const keys = await this.#options.reread();
    if (keys !== undefined) this.#byHash = index(keys);
  }
}

function index(keys: readonly ApiKey[]): ReadonlyMap<string, Principal> {
  return new Map(
    keys.map(({ sha256, tenant, subject, roles }) => [sha256, Object.freeze({ tenant, subject, roles })]),
  );
}

/** A proxy may have a bearer token of its own in the way: either header may hold the key. */
function shownKeys({ authorization, 'x-api-key': apiKey }: IncomingHttpHeaders): string[] {
  const bearer = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return [bearer, apiKey].filter((key) => typeof key === 'string' && key !== '') as string[];
}
