import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { invalidParams } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { InstanceStore } from '../sessions/instance-store.ts';

const MAC_BYTES = 16;
const KEY_BYTES = 32;
/** In the store. */
const KEY_NAME = 'page-tokens';
/** Asked for anew after this: a store that has lost it, or went back, is then given it again, and all agree. */
const KEY_MAX_AGE_MS: DurationMs = 60_000;

/**
 * Where lists go on, as opaque tokens: base64url of a MAC and the place. The MAC binds a token to whoever asked and to what
 * was asked for; its key is in the store, so a token holds on every instance and after a restart, and nobody else can make
 * one.
 */
export class PageTokens {
  readonly #store: Pick<InstanceStore, 'shared'>;
  readonly #mono: () => DurationMs;
  #key: Buffer | undefined;
  #askedAt: DurationMs = -Infinity;

  constructor(store: Pick<InstanceStore, 'shared'>, mono: () => DurationMs) {
    this.#store = store;
    this.#mono = mono;
  }

  /**
   * @param scope which list, caller and filter, as JSON values
   * @throws {StoreUnavailableError} while the key has never been read
   */
  async make(place: string, scope: readonly unknown[]): Promise<string> {
    return Buffer.concat([macOf(await this.#keyOf(), place, scope), Buffer.from(place)]).toString(
      'base64url',
    );
  }

  /**
   * @returns the place
   * @throws {ProtocolError} INVALID_PARAMS naming `pageToken`: damaged, or of another caller, list or filter
   * @throws {StoreUnavailableError} while the key has never been read
   */
  async read(token: string, scope: readonly unknown[]): Promise<string> {
    const bytes = Buffer.from(token, 'base64url');
    const place = bytes.subarray(MAC_BYTES).toString();
    // decoding passes over what is not base64url, and over bytes that are not UTF-8
    const isWhole =
      bytes.length > MAC_BYTES &&
      bytes.toString('base64url') === token &&
      Buffer.from(place).equals(bytes.subarray(MAC_BYTES));
    if (isWhole && timingSafeEqual(macOf(await this.#keyOf(), place, scope), bytes.subarray(0, MAC_BYTES)))
      return place;
    throw invalidParams({
      field: 'pageToken',
      description: 'must be the nextPageToken of an earlier page of the same list, with the same filters',
    });
  }

  async #keyOf(): Promise<Buffer> {
    const known = this.#key;
    const now = this.#mono();
    if (known !== undefined && now - this.#askedAt < KEY_MAX_AGE_MS) return known;
    const proposed = known ?? randomBytes(KEY_BYTES);
    try {
      const held = await this.#store.shared(KEY_NAME, proposed.toString('base64url'));
      this.#askedAt = now;
      return (this.#key = Buffer.from(held, 'base64url'));
    } catch (error) {
      // While the store is away the key is what it was.
      if (known !== undefined) return known;
      throw error;
    }
  }
}

const macOf = (key: Buffer, place: string, scope: readonly unknown[]): Buffer =>
  createHmac('sha256', key)
    .update(JSON.stringify([place, ...scope]))
    .digest()
    .subarray(0, MAC_BYTES);
