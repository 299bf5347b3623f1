/**
 * The form in which content is stored when it is encrypted or compressed: one text, `~1.<form>.<key id>.<base64url>`. The
 * form is `s` (sealed), `zs` (compressed, then sealed) or `z` (compressed alone, without a key id). JSON never begins with
 * `~`, so plain content is told apart by its first character and stays readable.
 *
 * What is sealed is AES-256-GCM: nonce (12 bytes), ciphertext, tag (16 bytes). See docs/adr/0018-sealed-records.md.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Bytes, JsonValue } from '../../protocol/units.ts';
import type { EncryptionKeys } from './encryption-keys.ts';

/** Why something that is stored does not open. */
export type OpenFailure =
  /** Sealed with a key that this process does not have. */
  | 'unknown-key'
  /** Changed, or moved here from another place, or sealed with another key of this id. */
  | 'not-authentic'
  /** Plain, and plain content is not accepted. */
  | 'not-sealed'
  /** It would inflate to more than any record may be. */
  | 'too-large'
  /** Not of a form that this release knows. */
  | 'malformed';

export type Opened =
  { readonly text: string } | { readonly failure: OpenFailure; readonly keyId: string | undefined };

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES: Bytes = 12;
const TAG_BYTES: Bytes = 16;

/** The largest record that can be configured is 64 MiB; what a journal says beside it is short. */
export const INFLATED_MAX_BYTES: Bytes = 65 * 1_048_576;

const HEADER = /^~1\.(?:(z)|(z?)s\.([A-Za-z0-9_-]{1,32}))\./;
const HEADER_MAX_CHARS = 64;

export interface SealerOptions {
  /** Absent: nothing is encrypted, and nothing that is can be opened. */
  readonly keys?: EncryptionKeys;
  /** Content of more bytes is compressed where that makes it smaller. Absent: none is. */
  readonly compressAboveBytes?: Bytes;
  /** Plain content does not open. Default false. */
  readonly required?: boolean;
  /** Default {@link INFLATED_MAX_BYTES}. */
  readonly inflatedMaxBytes?: Bytes;
}

interface Header {
  readonly length: number;
  readonly isCompressed: boolean;
  /** undefined: it is not sealed. */
  readonly keyId: string | undefined;
}

const isPlain = (text: string): boolean => !text.startsWith('~');

function headerOf(text: string): Header | undefined {
  const found = HEADER.exec(text.slice(0, HEADER_MAX_CHARS));
  if (found === null) return undefined;
  const [{ length }, alone, packed, keyId] = found;
  return { length, isCompressed: alone === 'z' || packed === 'z', keyId };
}

/** How something is stored, and under which key; '' when it is plain, or of no form that is known. */
export const formOf = (stored: string): string =>
  isPlain(stored) ? '' : stored.slice(0, headerOf(stored)?.length ?? 0);

/** Seals and opens what belongs to one place, such as the records of one session. */
export class SealScope {
  readonly #options: SealerOptions;
  readonly #parts: readonly string[];
  /** Of the key that was used last here. */
  #derived: { readonly keyId: string; readonly key: Buffer } | undefined;

  constructor(options: SealerOptions, parts: readonly string[]) {
    this.#options = options;
    this.#parts = parts;
  }

  /** @param at what it is bound to within the place: elsewhere it does not open */
  seal(text: string, at: JsonValue): string {
    const { keys } = this.#options;
    const plain = Buffer.from(text);
    const packed = this.#compress(plain);
    if (keys === undefined) {
      if (packed === undefined) return text;
      const stored = `~1.z.${packed.toString('base64url')}`;
      return stored.length < plain.length ? stored : text;
    }
    const keyId = keys.active;
    const header = `~1.${packed === undefined ? '' : 'z'}s.${keyId}.`;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#keyOf(keyId), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(this.#bind(header, at));
    const sealed = [nonce, cipher.update(packed ?? plain), cipher.final(), cipher.getAuthTag()];
    return header + Buffer.concat(sealed).toString('base64url');
  }

  /** Never throws: whoever can write to the store decides what this is given. */
  open(stored: string, at: JsonValue): Opened {
    const { keys, required } = this.#options;
    if (isPlain(stored)) return required === true ? fail('not-sealed') : { text: stored };
    const header = headerOf(stored);
    if (header === undefined) return fail('malformed');
    const { keyId, length, isCompressed } = header;
    const bytes = Buffer.from(stored.slice(length), 'base64url');
    if (keyId === undefined) return required === true ? fail('not-sealed') : this.#inflate(bytes);
    if (keys?.find(keyId) === undefined) return fail('unknown-key', keyId);
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return fail('malformed', keyId);
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, this.#keyOf(keyId), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(this.#bind(stored.slice(0, length), at));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    let plain: Buffer;
    try {
      plain = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch {
      return fail('not-authentic', keyId);
    }
    return isCompressed ? this.#inflate(plain, keyId) : { text: plain.toString() };
  }

  /** Texts of parts cannot run into one another: JSON tells where each ends. */
  #bind(header: string, at: JsonValue): Buffer {
    return Buffer.from(JSON.stringify([header, this.#parts, at]));
  }

  /**
   * A key of its own for each place. Nonces are random, so one key must not seal more than about 2^32 texts: what all
   * sessions together would reach within days one session never does.
   */
  #keyOf(keyId: string): Buffer {
    if (this.#derived?.keyId === keyId) return this.#derived.key;
    const master = this.#options.keys?.find(keyId);
    if (master === undefined) throw new Error(`there is no key ${keyId}`);
    const key = createHmac('sha256', master)
      .update(JSON.stringify(['holdfast 1', this.#parts]))
      .digest();
    this.#derived = { keyId, key };
    return key;
  }

  #compress(plain: Buffer): Buffer | undefined {
    const { compressAboveBytes } = this.#options;
    if (compressAboveBytes === undefined || plain.length <= compressAboveBytes) return undefined;
    // On our own event loop: quick rather than small.
    const packed = deflateRawSync(plain, { level: constants.Z_BEST_SPEED });
    return packed.length < plain.length ? packed : undefined;
  }

  #inflate(packed: Buffer, keyId?: string): Opened {
    const { inflatedMaxBytes: maxOutputLength = INFLATED_MAX_BYTES } = this.#options;
    try {
      return { text: inflateRawSync(packed, { maxOutputLength }).toString() };
    } catch (error) {
      const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
      return fail(code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'malformed', keyId);
    }
  }
}

const fail = (failure: OpenFailure, keyId?: string): Opened => ({ failure, keyId });

/** What is written to a store is sealed with the key that is active now; what is read opens with any key that is known. */
export class RecordSealer {
  readonly #options: SealerOptions;

  constructor(options: SealerOptions = {}) {
    this.#options = options;
  }

  get encrypts(): boolean {
    return this.#options.keys !== undefined;
  }
  /** Whether what is written is, or may be, another text than what it says. */
  get changes(): boolean {
    return this.encrypts || this.#options.compressAboveBytes !== undefined;
  }
  /** Whether plain content is refused. */
  get isRequired(): boolean {
    return this.#options.required === true;
  }

  /** @param parts name the place; the first says what kind it is */
  scope(...parts: readonly string[]): SealScope {
    return new SealScope(this.#options, parts);
  }

  /** Whether this is stored in another form than it says, or has to be. */
  concerns(stored: string): boolean {
    return this.isRequired || !isPlain(stored);
  }

  /** Whether a key is not known that the file may have by now. */
  lacksKeyOf(stored: string): boolean {
    const { keys } = this.#options;
    if (keys === undefined || isPlain(stored)) return false;
    const keyId = headerOf(stored)?.keyId;
    return keyId !== undefined && keys.find(keyId) === undefined;
  }

  /** To be called now and then. */
  look(): void {
    this.#options.keys?.look();
  }

  /** Looks for keys that came since. Never rejects. */
  async refresh(): Promise<void> {
    await this.#options.keys?.refresh();
  }
}
