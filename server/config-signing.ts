/** The private key that agent cards are signed with. Nothing of it is ever repeated. */
import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Parsed } from './config-card.ts';

export interface SigningKey {
  readonly key: KeyObject;
  /** JWS algorithm. */
  readonly alg: string;
  /** From the JWK; absent: the thumbprint of RFC 7638. */
  readonly kid?: string;
}

const BY_CURVE: ReadonlyMap<string | undefined, string> = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
]);
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const RSA_MIN_BITS = 2048;

/** @param text a JWK, or PEM (PKCS #8, or the older forms of EC and RSA keys) */
export function parseSigningKey(text: string): Parsed<SigningKey> {
  const jwk = text.trimStart().startsWith('{') ? toJwk(text) : undefined;
  if (jwk === undefined && text.trimStart().startsWith('{')) return { problems: ['is not JSON'] };
  let key: KeyObject;
  try {
    key = jwk === undefined ? createPrivateKey(text) : createPrivateKey({ key: jwk, format: 'jwk' });
  } catch {
    return { problems: ['must hold a private key, as a JWK or as PEM without a passphrase'] };
  }
  const algorithms = algorithmsOf(key);
  const wanted = jwk?.['alg'];
  const alg = wanted === undefined ? algorithms[0] : algorithms.find((name) => name === wanted);
  if (alg === undefined) {
    return {
      problems: [
        algorithms.length === 0
          ? `must hold an EC key (P-256, P-384, P-521), an Ed25519 key or an RSA key of at least ${RSA_MIN_BITS} bits`
          : `has an alg that does not fit its key: use ${algorithms.join(' or ')}`,
      ],
    };
  }
  const kid = jwk?.['kid'];
  if (kid !== undefined && (typeof kid !== 'string' || kid === ''))
    return { problems: ['has a kid that is no text'] };
  return { value: { key, alg, ...(kid === undefined ? {} : { kid }) } };
}

function toJwk(text: string): JsonWebKey | undefined {
  try {
    return JSON.parse(text) as JsonWebKey;
  } catch {
    return undefined;
  }
}

/** The one to choose first. */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  if (asymmetricKeyType === 'ed25519') return ['EdDSA', 'Ed25519'];
  if (asymmetricKeyType === 'rsa') {
    return (asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_MIN_BITS ? RSA_ALGORITHMS : [];
  }
  const alg = asymmetricKeyType === 'ec' ? BY_CURVE.get(asymmetricKeyDetails?.namedCurve) : undefined;
  return alg === undefined ? [] : [alg];
}
