import { hash, timingSafeEqual } from 'node:crypto';
import type { SecurityScheme } from '../../protocol/card-security.ts';
import type { DurationMs, EpochMs } from '../../protocol/units.ts';
import { DEFAULT_TIER, type Principal } from './principal.ts';

/** One key, of which only the hash is known. */
export interface ApiKey extends Omit<Principal, 'tier' | 'credential'> {
  readonly id?: string;
  /** Absent: an older entry, whose hash is of the key alone. */
  readonly salt?: string;
  /** SHA-256 of the salt and the key, in small hexadecimal digits. */
  readonly sha256: string;
  readonly tier?: string;
  /** From then on it is as if there were no such key. */
  readonly expires?: EpochMs;
  /** It was taken back then; the entry is there to be read by people. */
  readonly revoked?: EpochMs;
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

/** A changed file is looked for so often: with the time that reading takes, a key is refused 2 s after it was revoked. */
export const REREAD_MS: DurationMs = 1500;

/** @param checkAt at most {@link REREAD_MS} away, unless the clock was set back: nobody must hold a key until it is there again */
export const isDue = (checkAt: EpochMs, now: EpochMs): boolean => now >= checkAt || checkAt - now > REREAD_MS;

/** Every made key begins so, which is how scanners of leaked secrets know it too. */
export const KEY_PREFIX = 'hf_';

interface KnownKey {
  readonly principal: Principal;
  readonly salt: string;
  readonly digest: Buffer;
  readonly expires: EpochMs;
}

/** Keys by the file that names their hashes. */
export class ApiKeys {
  readonly #options: ApiKeysOptions;
  /** Keys that say which entry is theirs. */
  #byId: ReadonlyMap<string, KnownKey> = new Map();
  /** Older entries, by hash. */
  #byHash: ReadonlyMap<string, KnownKey> = new Map();
  #checkAt: EpochMs;

  constructor(options: ApiKeysOptions) {
    this.#options = options;
    this.#index(options.keys);
    this.#checkAt = options.now() + REREAD_MS;
  }

  /** @returns undefined when it is not time to look whether the file has changed */
  refresh(): Promise<void> | undefined {
    return isDue(this.#checkAt, this.#options.now()) ? this.#reread() : undefined;
  }

  /** One hash per key shown. @returns undefined for one that is unknown, wrong, expired or revoked: nobody learns which */
  find(key: string): Principal | undefined {
    const named = key.startsWith(KEY_PREFIX) ? this.#byId.get(idOf(key)) : undefined;
    // What is compared of an older key is its hash, which nobody can steer: how long the look-up takes says where the
    // hash of a guess falls in a table, and nothing of any key in it. A made key that nobody has costs as much.
    const known = named === undefined ? this.#byHash.get(sha256(key)) : fits(named, key) ? named : undefined;
    return known !== undefined && this.#options.now() < known.expires ? known.principal : undefined;
  }

  async #reread(): Promise<void> {
    // Others go on with what is known meanwhile.
    this.#checkAt = this.#options.now() + REREAD_MS;
    const keys = await this.#options.reread();
    if (keys !== undefined) this.#index(keys);
  }

  #index(keys: readonly ApiKey[]): void {
    const byId = new Map<string, KnownKey>();
    const byHash = new Map<string, KnownKey>();
    for (const key of keys) {
      if (key.revoked !== undefined) continue;
      if (key.salt === undefined || key.id === undefined) byHash.set(key.sha256, toKnown(key));
      else byId.set(key.id, toKnown(key));
    }
    this.#byId = byId;
    this.#byHash = byHash;
  }
}

function toKnown({ tenant, subject, roles, tier = DEFAULT_TIER, ...key }: ApiKey): KnownKey {
  return {
    principal: Object.freeze({
      ...{ tenant, subject, roles, tier },
      ...(key.id !== undefined && { credential: key.id }),
    }),
    salt: key.salt ?? '',
    digest: Buffer.from(key.sha256, 'hex'),
    expires: key.expires ?? Infinity,
  };
}

/** `hf_<id>_<secret>`: the id has no underscore, the secret may. */
function idOf(key: string): string {
  const end = key.indexOf('_', KEY_PREFIX.length);
  return end < 0 ? '' : key.slice(KEY_PREFIX.length, end);
}

/** One-shot: half of what `createHash` costs. */
const sha256 = (text: string): string => hash('sha256', text, 'hex');

const fits = ({ salt, digest }: KnownKey, key: string): boolean =>
  timingSafeEqual(hash('sha256', salt + key, 'buffer'), digest);
