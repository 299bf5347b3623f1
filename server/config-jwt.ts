/** How bearer tokens are verified, from the environment, and the file of public keys that they may be verified with. */
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { z } from 'zod';
import { parseUrl } from '../protocol/parse-url.ts';
import { anyText, type Complain, optional, text, type Variable, variable, whole } from './config-kinds.ts';
import type { Parsed } from './config-card.ts';

/** None with a shared secret, and not `none`. */
const ALGORITHMS: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
const DEFAULT_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'];

const algorithms: Pick<Variable<readonly string[]>, 'default' | 'bounds' | 'schema' | 'fallback'> = {
  default: DEFAULT_ALGORITHMS.join(','),
  bounds: `comma-separated, of ${ALGORITHMS.join(', ')}`,
  schema: z
    .string()
    .transform((list) => list.split(',').map((name) => name.trim()))
    .refine(
      (list) => list.every((name) => ALGORITHMS.includes(name)),
      `must be names out of ${ALGORITHMS.join(', ')}, separated by commas`,
    ),
  fallback: DEFAULT_ALGORITHMS,
};

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/** Whoever is between here and an http URL decides who comes in. */
function isSafeUrl(value: string): boolean {
  const url = parseUrl(value);
  if (url === undefined || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname));
}

const safeUrl = optional<string>(
  'an https URL, or http on loopback',
  z.string().refine(isSafeUrl, 'must be an https URL, or http on loopback, without credentials'),
);
const claim = (fallback: string, effect: string) =>
  variable(text(/^[\x21-\x7e]{1,256}$/, '1 to 256 printable ASCII characters', fallback), {
    unit: 'claim',
    effect,
  });

export const JWT_VARIABLES = {
  A2A_JWT_JWKS_URL: variable(safeUrl, {
    unit: 'URL',
    effect: 'Where the public keys are that bearer tokens (JWT) are verified with. With it a token admits.',
  }),
  A2A_JWT_JWKS_FILE: variable(anyText, {
    unit: 'path',
    effect: 'JSON file with those keys, instead of a URL; it is read again when it changes.',
  }),
  A2A_JWT_ISSUER: variable(anyText, {
    unit: 'text',
    effect: 'What `iss` of a token must be. Needed for tokens.',
  }),
  A2A_JWT_AUDIENCE: variable(anyText, {
    unit: 'text',
    effect: 'What must be in `aud` of a token. Needed for tokens.',
  }),
  A2A_JWT_ALGORITHMS: variable(algorithms, {
    unit: 'names',
    effect: 'How tokens may be signed. Never by a shared secret, never not at all.',
  }),
  A2A_JWT_CLOCK_SKEW_SECONDS: variable(whole(0, 300, 30), {
    unit: 'seconds',
    effect: 'By how much the clocks of issuer and server may differ, for `exp` and `nbf`.',
  }),
  A2A_JWT_TENANT_CLAIM: claim('tenant', 'Which claim is the tenant. A token without it is refused.'),
  A2A_JWT_SUBJECT_CLAIM: claim('sub', 'Which claim is the subject. A token without it is refused.'),
  A2A_JWT_ROLES_CLAIM: claim(
    'roles',
    'Which claim has the roles, as a list or a text with spaces. A token without it is a `peer` and nothing else.',
  ),
  A2A_JWT_TIER_CLAIM: claim('tier', 'Which claim is the tier; `default` for a token without it.'),
  A2A_JWT_OPENID_CONNECT_URL: variable(safeUrl, {
    unit: 'URL',
    effect: 'Where the issuer says about itself, to be told in the agent card.',
  }),
} as const;

export interface JwtConfig {
  readonly source:
    { readonly kind: 'url'; readonly url: string } | { readonly kind: 'file'; readonly path: string };
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly clockSkewMs: number;
  readonly claims: {
    readonly tenant: string;
    readonly subject: string;
    readonly roles: string;
    readonly tier: string;
  };
  readonly openIdConnectUrl?: string;
}

type JwtValues = { [K in keyof typeof JWT_VARIABLES]: (typeof JWT_VARIABLES)[K]['fallback'] };

/** @returns undefined when no tokens are taken, or what is said of them is not usable and has been reported */
export function chooseJwt(values: JwtValues, complain: Complain): JwtConfig | undefined {
  const { A2A_JWT_JWKS_URL: url, A2A_JWT_JWKS_FILE: path } = values;
  const { A2A_JWT_ISSUER: issuer, A2A_JWT_AUDIENCE: audience } = values;
  const { A2A_JWT_OPENID_CONNECT_URL: openIdConnectUrl } = values;
  if (url === undefined && path === undefined) {
    // Who says one of these wants callers checked: to go on without would let everybody in.
    for (const name of Object.keys(JWT_VARIABLES) as (keyof typeof JWT_VARIABLES)[])
      if (String(values[name]) !== String(JWT_VARIABLES[name].fallback))
        complain(name, 'needs A2A_JWT_JWKS_URL or A2A_JWT_JWKS_FILE');
    return undefined;
  }
  if (url !== undefined && path !== undefined)
    complain('A2A_JWT_JWKS_FILE', 'must not be set beside A2A_JWT_JWKS_URL');
  const name = url === undefined ? 'A2A_JWT_JWKS_FILE' : 'A2A_JWT_JWKS_URL';
  if (issuer === undefined) complain(name, 'needs A2A_JWT_ISSUER');
  if (audience === undefined) complain(name, 'needs A2A_JWT_AUDIENCE');
  if (issuer === undefined || audience === undefined) return undefined;
  return {
    source: url === undefined ? { kind: 'file', path: path ?? '' } : { kind: 'url', url },
    issuer,
    audience,
    algorithms: [...values.A2A_JWT_ALGORITHMS],
    clockSkewMs: values.A2A_JWT_CLOCK_SKEW_SECONDS * 1000,
    claims: {
      tenant: values.A2A_JWT_TENANT_CLAIM,
      subject: values.A2A_JWT_SUBJECT_CLAIM,
      roles: values.A2A_JWT_ROLES_CLAIM,
      tier: values.A2A_JWT_TIER_CLAIM,
    },
    ...(openIdConnectUrl === undefined ? {} : { openIdConnectUrl }),
  };
}

export interface PublicKeys {
  readonly keys: { kty: string; [member: string]: unknown }[];
}

const KEYS_MAX = 100;
/** No token is verified with less. RFC 7518 §3.3. */
const RSA_MIN_BITS = 2_048;
/** Members of keys that are, or have, a secret. RFC 7518 §6. */
const SECRET = ['d', 'k', 'p', 'q', 'priv'];

/** A JWK set. RFC 7517 §5. Nothing of it is repeated in a problem: somebody may have put a private key there. */
export function parsePublicKeys(value: unknown): Parsed<PublicKeys> {
  const keys: unknown =
    typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined;
  if (!Array.isArray(keys)) return { problems: ['must be an object with a list of keys'] };
  if (keys.length === 0 || keys.length > KEYS_MAX) return { problems: [`keys must be 1 to ${KEYS_MAX}`] };
  const problems = keys.flatMap((key: unknown, i) => {
    if (typeof key !== 'object' || key === null) return [`keys[${i}] must be an object`];
    if (SECRET.some((member) => member in key)) return [`keys[${i}] must be a public key, without a secret`];
    return isPublicKey(key) ? [] : [`keys[${i}] must be a public key of RSA (2,048 bits or more), EC or OKP`];
  });
  return problems.length > 0 ? { problems } : { value: { keys: keys as PublicKeys['keys'] } };
}

function isPublicKey(key: object): boolean {
  try {
    const { asymmetricKeyDetails: { modulusLength } = {} } = createPublicKey({
      key: key as JsonWebKey,
      format: 'jwk',
    });
    return modulusLength === undefined || modulusLength >= RSA_MIN_BITS;
  } catch {
    return false;
  }
}
