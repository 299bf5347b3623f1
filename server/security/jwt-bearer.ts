import { hash } from 'node:crypto';
import { errors, jwtVerify, type JWTPayload } from 'jose';
import type { SecurityScheme } from '../../protocol/card-security.ts';
import { findIdFault, MAX_ID_BYTES } from '../../protocol/dialects/fields.ts';
import type { Bytes, DurationMs, EpochMs } from '../../protocol/units.ts';
import { DEFAULT_TIER, type Principal } from './principal.ts';
import type { TokenKeys } from './token-keys.ts';

/** In which claim of a token each part of a principal is. */
export interface ClaimNames {
  readonly tenant: string;
  readonly subject: string;
  readonly roles: string;
  readonly tier: string;
}

export interface JwtRules {
  readonly issuer: string;
  readonly audience: string;
  /** Asymmetric ones only: with `HS256` the public key would be a secret that everybody has. */
  readonly algorithms: readonly string[];
  readonly clockSkewMs: DurationMs;
  readonly claims: ClaimNames;
}

export interface JwtBearerOptions {
  readonly rules: JwtRules;
  readonly keys: TokenKeys;
  readonly now: () => EpochMs;
  /** Most tokens that are remembered. */
  readonly cacheMax?: number;
}

/** Larger than any that fits its purpose; the headers of a request have 16 KiB together. */
export const TOKEN_MAX_BYTES: Bytes = 8_192;
const CACHE_MAX = 10_000;
/** However long it is good: what its key is worth by then is looked at again. */
const REMEMBER_MAX_MS: DurationMs = 3_600_000;
const ROLES_MAX = 64;
/** Without a claim of roles: what every caller is, and never more. */
const DEFAULT_ROLES: readonly string[] = Object.freeze(['peer']);
const TIER = /^[\w.-]{1,64}$/;

/** As the agent card says it. */
export function jwtSchemes(openIdConnectUrl?: string): readonly SecurityScheme[] {
  const description = 'An access token for this server.';
  const schemes: SecurityScheme[] = [
    { name: 'jwt', type: 'http', scheme: 'Bearer', bearerFormat: 'JWT', description },
  ];
  if (openIdConnectUrl !== undefined)
    schemes.push({ name: 'openIdConnect', type: 'openIdConnect', url: openIdConnectUrl, description });
  return schemes;
}

interface Verified {
  readonly principal: Principal;
  readonly until: EpochMs;
}

/** Bearer tokens that an issuer has signed. RFC 7519, RFC 8725. */
export class JwtBearer {
  readonly #options: JwtBearerOptions;
  /** By hash of the token. Verifying one costs more than all else that is done to admit a request. */
  readonly #verified = new Map<string, Verified>();
  #generation: number;

  constructor(options: JwtBearerOptions) {
    this.#options = options;
    this.#generation = options.keys.generation;
  }

  /** To be awaited, if anything, before a token is looked at. */
  refresh(): Promise<void> | undefined {
    return this.#options.keys.refresh();
  }

  /** Whose token it is when that is known already. */
  find(token: string): Principal | undefined {
    if (token.length > TOKEN_MAX_BYTES) return undefined;
    this.#forgetWithdrawn();
    const key = cacheKey(token);
    const known = this.#verified.get(key);
    if (known === undefined) return undefined;
    if (this.#options.now() < known.until) return known.principal;
    this.#verified.delete(key);
    return undefined;
  }

  /** @returns undefined when it is not good. Rejects with AUTHENTICATION_UNAVAILABLE when nobody can tell. */
  async verify(token: string): Promise<Principal | undefined> {
    if (token.length > TOKEN_MAX_BYTES) return undefined;
    const { rules, keys, now } = this.#options;
    const { generation } = keys;
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, keys.getKey, {
        issuer: rules.issuer,
        audience: rules.audience,
        algorithms: [...rules.algorithms],
        clockTolerance: rules.clockSkewMs / 1000,
        currentDate: new Date(now()),
        requiredClaims: ['exp'],
      }));
    } catch (error) {
      if (error instanceof errors.JOSEError || isOfKey(error)) return undefined;
      throw error;
    }
    const principal = toPrincipal(payload, rules.claims);
    // Not when the keys have become others meanwhile: this one may have been withdrawn.
    if (principal !== undefined && keys.generation === generation) {
      this.#remember(token, principal, (payload.exp ?? 0) * 1000 + rules.clockSkewMs);
    }
    return principal;
  }

  #remember(token: string, principal: Principal, until: EpochMs): void {
    this.#forgetWithdrawn();
    const verified = this.#verified;
    if (verified.size >= (this.#options.cacheMax ?? CACHE_MAX)) {
      // The oldest one: it is verified once more if it comes back.
      for (const oldest of verified.keys()) {
        verified.delete(oldest);
        break;
      }
    }
    verified.set(cacheKey(token), {
      principal,
      until: Math.min(until, this.#options.now() + REMEMBER_MAX_MS),
    });
  }

  /** What a key that is gone has signed is good no more. */
  #forgetWithdrawn(): void {
    const { generation } = this.#options.keys;
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#verified.clear();
  }
}

/** Beside its own errors `jose` throws what a key is refused with: an RSA key under 2,048 bits, one that is malformed. */
const isOfKey = (error: unknown): boolean =>
  error instanceof TypeError || (error instanceof Error && error.name === 'DataError');

const cacheKey = (token: string): string => hash('sha256', token, 'base64');

/** @returns undefined when a claim that decides anything is missing or not what it must be: nobody is guessed */
function toPrincipal(payload: JWTPayload, names: ClaimNames): Principal | undefined {
  const claim = (name: string): unknown => (Object.hasOwn(payload, name) ? payload[name] : undefined);
  const tenant = claim(names.tenant);
  const subject = claim(names.subject);
  const roles = toRoles(claim(names.roles));
  const tier = claim(names.tier) ?? DEFAULT_TIER;
  if (!isName(tenant) || !isName(subject) || roles === undefined) return undefined;
  if (typeof tier !== 'string' || !TIER.test(tier)) return undefined;
  return Object.freeze({ tenant, subject, roles, tier });
}

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.isWellFormed() && findIdFault(value, MAX_ID_BYTES) === undefined;

/** A list, or a text as that of `scope`. Roles of other servers may be among them, and mean nothing here. */
function toRoles(value: unknown): readonly string[] | undefined {
  if (value === undefined) return DEFAULT_ROLES;
  const list: unknown = typeof value === 'string' ? value.split(' ').filter((role) => role !== '') : value;
  if (!Array.isArray(list) || list.length > ROLES_MAX) return undefined;
  return list.every((role) => isName(role)) ? Object.freeze([...list]) : undefined;
}
