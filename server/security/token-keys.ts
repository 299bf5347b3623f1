/** The public keys that tokens are verified with: from a URL, or from a file. */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Bytes, DurationMs, EpochMs } from '../../protocol/units.ts';
import { isDue, REREAD_MS } from './api-keys.ts';

export interface TokenKeys {
  readonly getKey: JWTVerifyGetKey;
  /** Another number once the keys are others: what was verified before is then to be verified anew. */
  readonly generation: number;
  /** Called at each request. @returns what is to be waited for; undefined: nothing */
  refresh(): Promise<void> | undefined;
}

/** What is to be told to the operator; once per change, not per attempt. */
export interface RemoteKeysNews {
  readonly read: (keys: number) => void;
  readonly unavailable: (cause: unknown) => void;
}

export interface RemoteKeysOptions {
  readonly url: URL;
  readonly now: () => EpochMs;
  readonly news: RemoteKeysNews;
  readonly timeoutMs?: DurationMs;
}

/** The longest that a request waits for keys. */
const FETCH_TIMEOUT_MS: DurationMs = 3_000;
/** They are read again in the background when they are older. */
export const REFRESH_MS: DurationMs = 600_000;
/** A key that nobody knows has them read again, at most so often: anybody can make up the name of one. */
export const COOLDOWN_MS: DurationMs = 10_000;
/** After a failure nobody waits for so long. */
export const RETRY_MS: DurationMs = 2_000;
/** Keys that could not be read again for so long may have been withdrawn for all that is known. */
export const KEEP_MS: DurationMs = 86_400_000;
const JWKS_MAX_BYTES: Bytes = 262_144;

/**
 * Keys behind a URL. Requests wait for it only when there is no key that could do, and never long: an issuer that is away
 * is no reason to turn away callers whose keys are known, nor to let in others.
 */
export class RemoteKeys implements TokenKeys {
  readonly #options: RemoteKeysOptions;
  /** When it is read is decided here: by itself it would be read at each request while it is away. */
  readonly #remote: ReturnType<typeof createRemoteJWKSet>;
  #readAt: EpochMs = -Infinity;
  #triedAt: EpochMs = -Infinity;
  #isAway = false;
  #loading: Promise<void> | undefined;
  #seen = '';
  generation = 0;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
    this.#remote = createRemoteJWKSet(options.url, {
      timeoutDuration: options.timeoutMs ?? FETCH_TIMEOUT_MS,
      cooldownDuration: Infinity,
      cacheMaxAge: Infinity,
      [customFetch]: fetchBounded,
    });
  }

  readonly getKey: JWTVerifyGetKey = async (header, token) => {
    if (this.#age() > KEEP_MS) await this.#load(0);
    try {
      return await this.#remote(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // The issuer may have a new key.
      const isRead = await this.#load(COOLDOWN_MS);
      if (!isRead) throw error;
      return this.#remote(header, token);
    }
  };

  /** In the background: what is known still holds. */
  refresh(): undefined {
    const isOld = this.#age() > REFRESH_MS && this.#options.now() - this.#triedAt > RETRY_MS;
    if (isOld && this.#loading === undefined) this.#load(0).catch(() => undefined);
  }

  #age(): DurationMs {
    const now = this.#options.now();
    // The clock was set back: counted from now on, or they would not be read again until it is where it was.
    this.#readAt = Math.min(this.#readAt, now);
    this.#triedAt = Math.min(this.#triedAt, now);
    return now - this.#readAt;
  }

  /**
   * @param cooldownMs nothing is read when that was done within this time
   * @returns whether they were read
   * @throws {ProtocolError} AUTHENTICATION_UNAVAILABLE
   */
  async #load(cooldownMs: DurationMs): Promise<boolean> {
    if (this.#loading === undefined) {
      if (this.#isAway && this.#options.now() - this.#triedAt < RETRY_MS) throw unavailable();
      if (this.#age() < cooldownMs) return false;
      this.#loading = this.#read().finally(() => {
        this.#loading = undefined;
      });
    }
    await this.#loading;
    return true;
  }

  async #read(): Promise<void> {
    const { now, news } = this.#options;
    this.#triedAt = now();
    try {
      await this.#remote.reload();
    } catch (cause) {
      this.#triedAt = now();
      if (!this.#isAway) news.unavailable(cause);
      this.#isAway = true;
      throw unavailable(cause);
    }
    this.#readAt = now();
    const keys = this.#remote.jwks()?.keys ?? [];
    const seen = JSON.stringify(keys);
    if (seen !== this.#seen) this.generation++;
    if (seen !== this.#seen || this.#isAway) news.read(keys.length);
    this.#seen = seen;
    this.#isAway = false;
  }
}

/** Not 401: the credential may be good, and nobody can tell. */
const unavailable = (cause?: unknown): ProtocolError =>
  new ProtocolError('AUTHENTICATION_UNAVAILABLE', { httpStatus: 503, retryAfterMs: RETRY_MS, cause });

const fetchBounded: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options);
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    return response;
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > JWKS_MAX_BYTES) throw new Error(`more than ${JWKS_MAX_BYTES} bytes of keys`);
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), { status: 200 });
};

export interface FileKeysOptions {
  readonly keys: JSONWebKeySet;
  /** As that of API keys. */
  readonly reread: () => Promise<JSONWebKeySet | undefined>;
  readonly now: () => EpochMs;
}

/** Keys of a file that is read again when it changes. */
export class FileKeys implements TokenKeys {
  readonly #options: FileKeysOptions;
  #set: ReturnType<typeof createLocalJWKSet>;
  #checkAt: EpochMs;
  generation = 0;

  constructor(options: FileKeysOptions) {
    this.#options = options;
    this.#set = createLocalJWKSet(options.keys);
    this.#checkAt = options.now() + REREAD_MS;
  }

  readonly getKey: JWTVerifyGetKey = (header, token) => this.#set(header, token);

  refresh(): Promise<void> | undefined {
    return isDue(this.#checkAt, this.#options.now()) ? this.#reread() : undefined;
  }

  async #reread(): Promise<void> {
    this.#checkAt = this.#options.now() + REREAD_MS;
    const keys = await this.#options.reread();
    if (keys === undefined) return;
    this.#set = createLocalJWKSet(keys);
    this.generation++;
  }
}
