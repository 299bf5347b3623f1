import { expect } from 'chai';
import { type ClaimNames, JwtBearer } from '../../../server/security/jwt-bearer.ts';
import type { Principal } from '../../../server/security/principal.ts';
import { FileKeys } from '../../../server/security/token-keys.ts';
import { REREAD_MS } from '../../../server/security/api-keys.ts';
import {
  AUDIENCE,
  claimsOf,
  type Claims,
  forge,
  ISSUER,
  jwksOf,
  newPair,
  sign,
  type SigningPair,
} from '../../helpers/tokens.ts';

const CLAIMS: ClaimNames = { tenant: 'tenant', subject: 'sub', roles: 'roles', tier: 'tier' };
const RULES = {
  issuer: ISSUER,
  audience: AUDIENCE,
  algorithms: ['RS256', 'ES256', 'EdDSA'],
  clockSkewMs: 30_000,
  claims: CLAIMS,
};

describe('bearer tokens', () => {
  let rsa: SigningPair;
  let ec: SigningPair;
  let ed: SigningPair;
  let now = 0;
  let next: ReturnType<typeof jwksOf> | undefined;
  before(async () => {
    [rsa, ec, ed] = await Promise.all([newPair('r', 'RS256'), newPair('e'), newPair('d', 'EdDSA')]);
  });
  beforeEach(() => {
    now = Date.now();
    next = undefined;
  });

  const bearerOf = (rules: Partial<typeof RULES> = {}, cacheMax?: number): JwtBearer =>
    new JwtBearer({
      rules: { ...RULES, ...rules },
      keys: new FileKeys({ keys: jwksOf(rsa, ec, ed), reread: () => Promise.resolve(next), now: () => now }),
      now: () => now,
      ...(cacheMax !== undefined && { cacheMax }),
    });
  const principalOf = async (claims: Claims): Promise<Principal | undefined> =>
    bearerOf().verify(await sign(ec, claims));
  const seconds = (offset: number): number => Math.floor(now / 1000) + offset;

  it('say who calls, whatever they are signed with of what is allowed', async () => {
    for (const pair of [rsa, ec, ed]) {
      const token = await sign(pair, { roles: ['peer', 'operator'], tier: 'gold' });
      expect(await bearerOf().verify(token), pair.alg).to.deep.equal({
        tenant: 'acme',
        subject: 'ann',
        roles: ['peer', 'operator'],
        tier: 'gold',
      });
    }
  });

  it('are refused with another algorithm than is allowed', async () => {
    expect(await bearerOf({ algorithms: ['ES256'] }).verify(await sign(rsa))).to.equal(undefined);
  });

  it('are refused when they are signed with a secret, the public key among them, or not at all', async () => {
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
    const der = rsa.publicKey.export({ type: 'spki', format: 'der' });
    const forged = [
      ...[pem, der, JSON.stringify(rsa.jwk), '', 'secret'].map((secret) =>
        forge({ alg: 'HS256', kid: 'r' }, claimsOf(), secret),
      ),
      ...['none', 'None', 'NONE', '', undefined].map((alg) => forge({ alg, kid: 'r' }, claimsOf())),
      forge({ alg: 'RS256', kid: 'r' }, claimsOf()),
      forge({ alg: 'RS256', kid: 'r', jwk: rsa.jwk }, claimsOf(), pem),
    ];
    // Nor when somebody has allowed it by mistake: the keys are public ones.
    for (const bearer of [bearerOf(), bearerOf({ algorithms: ['HS256', 'none', 'RS256'] })])
      for (const token of forged) expect(await bearer.verify(token), token).to.equal(undefined);
  });

  it('are refused with a key of somebody else under a known name, or that they bring along', async () => {
    const other = await newPair('e');
    expect(await bearerOf().verify(await sign(other))).to.equal(undefined);
    expect(await bearerOf().verify(await sign(other, {}, { jwk: other.jwk }))).to.equal(undefined);
    expect(await bearerOf().verify(await sign(ec, {}, { kid: 'x' }))).to.equal(undefined);
  });

  for (const [what, claims] of [
    ['of another issuer', { iss: 'https://other.example' }],
    ['of no issuer', { iss: undefined }],
    ['for somebody else', { aud: 'https://other.example' }],
    ['for nobody', { aud: undefined }],
    ['without an end', { exp: undefined }],
    ['without a tenant', { tenant: undefined }],
    ['with a tenant that is no text', { tenant: ['acme'] as unknown }],
    ['with an empty tenant', { tenant: '' }],
    ['with a tenant that is too long', { tenant: 'a'.repeat(257) }],
    ['with a tenant with control characters', { tenant: 'a\n' }],
    ['with a tenant that is not well-formed', { tenant: '\ud800' }],
    ['without a subject', { sub: undefined }],
    ['with a subject that is no text', { sub: 7 as unknown as string }],
    ['with a subject that is too long', { sub: 'a'.repeat(257) }],
    ['with roles that are no list', { roles: { peer: true } }],
    ['with a role that is no text', { roles: ['peer', 1] }],
    ['with roles of null', { roles: null }],
    ['with more roles than anybody has', { roles: Array.from({ length: 65 }, (_, i) => `r${i}`) }],
    ['with a tier that is no name', { tier: 'a b' }],
    ['with a tier that is no text', { tier: 1 }],
  ] as [string, Claims][]) {
    it(`are refused ${what}`, async () => {
      expect(await principalOf(claims)).to.equal(undefined);
    });
  }

  it('are for this server when it is one of several', async () => {
    expect(await principalOf({ aud: ['https://other.example', AUDIENCE] })).to.include({ subject: 'ann' });
  });

  it('have the roles that they say, as a list or a text; a peer without', async () => {
    const rolesOf = async (roles: unknown): Promise<readonly string[] | undefined> =>
      (await principalOf({ roles }))?.roles;
    expect(await rolesOf(['admin'])).to.deep.equal(['admin']);
    expect(await rolesOf('peer  operator')).to.deep.equal(['peer', 'operator']);
    expect(await rolesOf([])).to.deep.equal([]);
    expect(await rolesOf('')).to.deep.equal([]);
    expect(await rolesOf(undefined)).to.deep.equal(['peer']);
  });

  it('say it in the claims that are configured', async () => {
    const claims = { tenant: 'https://x.example/org', subject: 'email', roles: 'scope', tier: 'plan' };
    const token = await sign(ec, {
      tenant: 'wrong',
      'https://x.example/org': 'rival',
      email: 'rob@x.example',
      scope: 'peer',
      plan: 'silver',
    });
    expect(await bearerOf({ claims }).verify(token)).to.deep.equal({
      tenant: 'rival',
      subject: 'rob@x.example',
      roles: ['peer'],
      tier: 'silver',
    });
    // what every object has is no claim
    const inherited = { ...CLAIMS, tenant: 'constructor', subject: 'toString' };
    expect(await bearerOf({ claims: inherited }).verify(token)).to.equal(undefined);
  });

  it('hold from nbf to exp, and as much longer as clocks may differ', async () => {
    expect(await principalOf({ exp: seconds(-28) })).to.include({ subject: 'ann' });
    expect(await principalOf({ exp: seconds(-31) })).to.equal(undefined);
    expect(await principalOf({ nbf: seconds(28) })).to.include({ subject: 'ann' });
    expect(await principalOf({ nbf: seconds(32) })).to.equal(undefined);
    expect(await principalOf({ exp: 'soon' as unknown as number })).to.equal(undefined);
  });

  it('are remembered until they end, and no longer', async () => {
    const bearer = bearerOf();
    const token = await sign(ec, { exp: seconds(60) });
    expect(bearer.find(token)).to.equal(undefined);
    const principal = await bearer.verify(token);
    expect(bearer.find(token)).to.equal(principal);
    now += 88_000;
    expect(bearer.find(token)).to.equal(principal);
    now += 3_000;
    expect(bearer.find(token)).to.equal(undefined);
    expect(await bearer.verify(token)).to.equal(undefined);
  });

  it('are not remembered when they are refused', async () => {
    const bearer = bearerOf();
    const token = await sign(ec, { aud: 'x' });
    await bearer.verify(token);
    expect(bearer.find(token)).to.equal(undefined);
  });

  it('are remembered up to a bound, the latest of them', async () => {
    const bearer = bearerOf({}, 2);
    const tokens = await Promise.all(['a', 'b', 'c'].map((sub) => sign(ec, { sub })));
    for (const token of tokens) await bearer.verify(token);
    expect(tokens.map((token) => bearer.find(token)?.subject)).to.deep.equal([undefined, 'b', 'c']);
  });

  it('are good no more once their key is gone from the file', async () => {
    const bearer = bearerOf();
    const token = await sign(ec);
    await bearer.verify(token);
    next = jwksOf(rsa);
    now += REREAD_MS;
    await bearer.refresh();
    expect(bearer.find(token)).to.equal(undefined);
    expect(await bearer.verify(token)).to.equal(undefined);
  });

  it('are refused unread when they are too large, and whatever form they have', async () => {
    const large = await sign(ec, { more: 'x'.repeat(8_192) });
    expect(await bearerOf().verify(large)).to.equal(undefined);
    expect(bearerOf().find(large)).to.equal(undefined);
    for (const junk of ['..', 'a.b.c', '.a.', 'e30.e30.e30', '\u00ff.\u00ff.\u00ff', 'bnVsbA.bnVsbA.x'])
      expect(await bearerOf().verify(junk), junk).to.equal(undefined);
  });
});
