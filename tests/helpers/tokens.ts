/** An issuer of tokens for tests: its keys, what it signs, and the URL that its public keys are at. */
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, type JWK, type JWTPayload, SignJWT } from 'jose';
import { alsoSecret } from './overheard.ts';

export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'https://holdfast.example';

export interface SigningPair {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: JWK & { kty: string };
}

export async function newPair(kid: string, alg: 'RS256' | 'ES256' | 'EdDSA' = 'ES256'): Promise<SigningPair> {
  const { privateKey, publicKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : alg === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519');
  const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig' } as JWK & { kty: string };
  return { kid, alg, privateKey, publicKey, jwk };
}

export const jwksOf = (...pairs: readonly SigningPair[]): { keys: (JWK & { kty: string })[] } => ({
  keys: pairs.map(({ jwk }) => jwk),
});

/** Claims that are good; `undefined` leaves one out. */
export type Claims = JWTPayload & Record<string, unknown>;

const inSeconds = (ms: number): number => Math.floor(ms / 1000);

export function claimsOf(changes: Claims = {}, now = Date.now()): Claims {
  const good = { iss: ISSUER, aud: AUDIENCE, sub: 'ann', tenant: 'acme', exp: inSeconds(now) + 300 };
  const all: Claims = { ...good, ...changes };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export async function sign(pair: SigningPair, changes: Claims = {}, header: object = {}): Promise<string> {
  const token = await new SignJWT(claimsOf(changes))
    .setProtectedHeader({ alg: pair.alg, kid: pair.kid, typ: 'JWT', ...header })
    .sign(pair.privateKey);
  // without it the rest is worth nothing
  alsoSecret(token.slice(token.lastIndexOf('.') + 1), 'a token');
  return token;
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token in a form that no honest library makes. */
export function forge(header: object, claims: Claims, secret?: string | Buffer): string {
  const input = `${encoded(header)}.${encoded(claims)}`;
  const mac = secret === undefined ? '' : createHmac('sha256', secret).update(input).digest('base64url');
  return `${input}.${mac}`;
}

export interface JwksServer {
  readonly url: string;
  /** How often the keys were asked for. */
  readonly asked: number;
  /** What it does from now on. */
  serve(...pairs: readonly SigningPair[]): void;
  answer(listener: (req: IncomingMessage, res: ServerResponse) => void): void;
  /** Takes requests and says nothing. */
  hang(): void;
}

/** Where an issuer's public keys are, for each test of the suite. */
export function useJwksServer(): JwksServer {
  let url = '';
  let asked = 0;
  let answer: (req: IncomingMessage, res: ServerResponse) => void = () => undefined;
  const server = createServer((req, res) => {
    asked++;
    answer(req, res);
  });
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  });
  beforeEach(() => {
    asked = 0;
  });
  afterEach(() => {
    server.closeAllConnections();
  });
  after(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const listen = (listener: typeof answer): void => {
    answer = listener;
  };
  return {
    get url() {
      return url;
    },
    get asked() {
      return asked;
    },
    answer: listen,
    serve(...pairs) {
      listen((_, res) =>
        res.setHeader('Content-Type', 'application/json').end(JSON.stringify(jwksOf(...pairs))),
      );
    },
    hang() {
      listen(() => undefined);
    },
  };
}
