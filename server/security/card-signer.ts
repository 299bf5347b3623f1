import { createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, FlattenedSign } from 'jose';
import { canonicalJson, withoutEmpty } from '../../protocol/canonical-json.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';

export interface CardSignerOptions {
  /** Private. */
  readonly key: KeyObject;
  /** JWS algorithm that fits the key. */
  readonly alg: string;
  /** Absent: the thumbprint of RFC 7638. */
  readonly kid?: string;
}

/** Signs agent cards: JWS (RFC 7515) over their canonical form, the payload detached. A2A 1.0 §8.4. */
export class CardSigner {
  readonly #key: KeyObject;
  readonly #header: { readonly alg: string; readonly kid: string; readonly typ: 'JOSE' };

  private constructor(key: KeyObject, alg: string, kid: string) {
    this.#key = key;
    this.#header = { alg, kid, typ: 'JOSE' };
  }

  static async create({ key, alg, kid }: CardSignerOptions): Promise<CardSigner> {
    return new CardSigner(
      key,
      alg,
      kid ?? (await calculateJwkThumbprint(await exportJWK(createPublicKey(key)))),
    );
  }

  /**
   * Verifiers differ in what they hash. SDKs drop what 1.0 does not name and every member that is empty; others take
   * a2a.proto at its word, or the document as it came. `@a2a-js/sdk` 1.3 reads a card twice before it hashes it, and
   * loses what tells security schemes apart, so that all of them count as empty. Each of these finds a signature that
   * fits; where two are the same bytes there is one.
   *
   * @param card without `signatures`
   * @param projection what A2A 1.0 names of it
   */
  async sign(card: JsonObject, projection: JsonObject): Promise<JsonObject> {
    const stripped = (from: JsonObject): JsonValue => withoutEmpty(from) ?? {};
    const forms = [stripped(projection), stripped({ ...projection, securitySchemes: {} }), projection, card];
    const payloads = new Set(forms.map(canonicalJson));
    return { ...card, signatures: await Promise.all([...payloads].map((payload) => this.#sign(payload))) };
  }

  async #sign(payload: string): Promise<JsonObject> {
    const jws = await new FlattenedSign(new TextEncoder().encode(payload))
      .setProtectedHeader(this.#header)
      .sign(this.#key);
    return { protected: jws.protected ?? '', signature: jws.signature };
  }
}
