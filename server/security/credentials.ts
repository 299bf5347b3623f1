import type { IncomingHttpHeaders } from 'node:http';
import { ProtocolError } from '../../protocol/errors.ts';
import { type ApiKeys, KEY_PREFIX } from './api-keys.ts';
import type { JwtBearer } from './jwt-bearer.ts';
import { CHALLENGE, type Principal } from './principal.ts';

export interface CredentialsOptions {
  readonly keys?: ApiKeys;
  readonly tokens?: JwtBearer;
}

/** RFC 6750 §3.1: one was shown, and it is no good. */
const INVALID = `${CHALLENGE}, error="invalid_token"`;

/** Whoever shows a key or a token is who it says. Keys come first: a proxy may have a token of its own in the way. */
export class Credentials {
  readonly #keys: ApiKeys | undefined;
  readonly #tokens: JwtBearer | undefined;

  constructor({ keys, tokens }: CredentialsOptions) {
    this.#keys = keys;
    this.#tokens = tokens;
  }

  /** @throws {ProtocolError} UNAUTHENTICATED, HTTP 401; AUTHENTICATION_UNAVAILABLE, HTTP 503. Or rejects with it. */
  resolve(headers: IncomingHttpHeaders): Principal | Promise<Principal> {
    const keysRefresh = this.#keys?.refresh();
    const tokensRefresh = this.#tokens?.refresh();
    if (keysRefresh === undefined && tokensRefresh === undefined) return this.#find(headers);
    return Promise.all([keysRefresh, tokensRefresh]).then(() => this.#find(headers));
  }

  #find({ authorization, 'x-api-key': header }: IncomingHttpHeaders): Principal | Promise<Principal> {
    const bearer = bearerOf(authorization);
    // A header that came twice is one text to node, which no key is.
    const apiKey = typeof header === 'string' && header !== '' ? header : undefined;
    const isShown = bearer !== undefined || apiKey !== undefined;
    const keys = this.#keys;
    if (keys !== undefined) {
      const known =
        (bearer !== undefined ? keys.find(bearer) : undefined) ??
        (apiKey !== undefined ? keys.find(apiKey) : undefined);
      if (known !== undefined) return known;
    }
    const tokens = this.#tokens;
    if (tokens === undefined || bearer === undefined || !isToken(bearer)) throw unauthenticated(isShown);
    const known = tokens.find(bearer);
    if (known !== undefined) return known;
    return tokens.verify(bearer).then((principal) => {
      if (principal === undefined) throw unauthenticated(true);
      return principal;
    });
  }
}

/** The words are the same for whatever is wrong with a credential. */
const unauthenticated = (isShown: boolean): ProtocolError =>
  new ProtocolError('UNAUTHENTICATED', {
    message: 'Valid credentials are required; the agent card says which kinds there are',
    httpStatus: 401,
    challenge: isShown ? INVALID : CHALLENGE,
  });

function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1];
}

/** Three parts between dots. */
function isToken(bearer: string): boolean {
  if (bearer.startsWith(KEY_PREFIX)) return false;
  const first = bearer.indexOf('.');
  const second = bearer.indexOf('.', first + 1);
  return first > 0 && second > first && !bearer.includes('.', second + 1);
}
