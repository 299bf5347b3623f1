import { expect } from 'chai';
import { parseConfig } from '../../server/config.ts';
import { problemsOf } from '../helpers/config.ts';
import { useFiles } from '../helpers/files.ts';
import { jwksOf, newPair, type SigningPair } from '../helpers/tokens.ts';

const NEEDED = { A2A_JWT_ISSUER: 'https://i.example', A2A_JWT_AUDIENCE: 'me' };
const URL = { ...NEEDED, A2A_JWT_JWKS_URL: 'https://i.example/jwks' };

describe('the configuration of bearer tokens', () => {
  const files = useFiles();
  let pair: SigningPair;
  before(async () => {
    pair = await newPair('one', 'EdDSA');
  });

  it('is absent by default, and has safe defaults', () => {
    expect(parseConfig({})).to.not.have.property('jwt');
    expect(parseConfig(URL).jwt).to.deep.equal({
      source: { kind: 'url', url: 'https://i.example/jwks' },
      issuer: 'https://i.example',
      audience: 'me',
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'],
      clockSkewMs: 30_000,
      claims: { tenant: 'tenant', subject: 'sub', roles: 'roles', tier: 'tier' },
    });
  });

  it('takes every variable', () => {
    const path = files.write('jwks.json', jwksOf(pair));
    const env = {
      ...NEEDED,
      A2A_JWT_JWKS_FILE: path,
      A2A_JWT_ALGORITHMS: 'ES512, EdDSA',
      A2A_JWT_CLOCK_SKEW_SECONDS: '0',
      A2A_JWT_TENANT_CLAIM: 'https://x.example/org',
      A2A_JWT_SUBJECT_CLAIM: 'email',
      A2A_JWT_ROLES_CLAIM: 'scope',
      A2A_JWT_TIER_CLAIM: 'plan',
      A2A_JWT_OPENID_CONNECT_URL: 'https://i.example/.well-known/openid-configuration',
    };
    expect(parseConfig(env).jwt).to.deep.equal({
      source: { kind: 'file', path },
      issuer: 'https://i.example',
      audience: 'me',
      algorithms: ['ES512', 'EdDSA'],
      clockSkewMs: 0,
      claims: { tenant: 'https://x.example/org', subject: 'email', roles: 'scope', tier: 'plan' },
      openIdConnectUrl: 'https://i.example/.well-known/openid-configuration',
    });
  });

  it('never goes without what makes a token good', () => {
    expect(problemsOf({ A2A_JWT_JWKS_URL: URL.A2A_JWT_JWKS_URL })).to.deep.equal([
      'A2A_JWT_JWKS_URL: needs A2A_JWT_ISSUER',
      'A2A_JWT_JWKS_URL: needs A2A_JWT_AUDIENCE',
    ]);
    expect(problemsOf(NEEDED)).to.deep.equal([
      'A2A_JWT_ISSUER: needs A2A_JWT_JWKS_URL or A2A_JWT_JWKS_FILE',
      'A2A_JWT_AUDIENCE: needs A2A_JWT_JWKS_URL or A2A_JWT_JWKS_FILE',
    ]);
    for (const [name, value] of Object.entries({
      A2A_JWT_ALGORITHMS: 'ES256',
      A2A_JWT_CLOCK_SKEW_SECONDS: '0',
      A2A_JWT_TENANT_CLAIM: 'org',
      A2A_JWT_SUBJECT_CLAIM: 'email',
      A2A_JWT_ROLES_CLAIM: 'scope',
      A2A_JWT_TIER_CLAIM: 'plan',
      A2A_JWT_OPENID_CONNECT_URL: 'https://i.example/.well-known/openid-configuration',
    }))
      expect(problemsOf({ [name]: value })).to.deep.equal([
        `${name}: needs A2A_JWT_JWKS_URL or A2A_JWT_JWKS_FILE`,
      ]);
    const path = files.write('jwks.json', jwksOf(pair));
    expect(problemsOf({ ...URL, A2A_JWT_JWKS_FILE: path })).to.deep.equal([
      'A2A_JWT_JWKS_FILE: must not be set beside A2A_JWT_JWKS_URL',
    ]);
  });

  for (const algorithm of ['HS256', 'HS512', 'none', 'rs256', 'RS256,none', '', ',', 'RS256 ES256'])
    it(`does not take the algorithm "${algorithm}"`, () => {
      const problems = problemsOf({ ...URL, A2A_JWT_ALGORITHMS: algorithm });
      expect(problems.length).to.equal(algorithm === '' ? 0 : 1);
    });

  it('takes keys from where nobody is in between', () => {
    for (const url of [
      'http://localhost:1/x',
      'http://127.0.0.1/x',
      'http://127.1.2.3/x',
      'http://[::1]:2/x',
      'https://i.example:8443/k?a=b',
    ])
      expect(problemsOf({ ...URL, A2A_JWT_JWKS_URL: url }), url).to.deep.equal([]);
    for (const url of [
      'http://i.example/x',
      'http://localhost.example/x',
      'http://127.0.0.1.example/x',
      'https://u:p@i.example/x',
      'file:///etc/keys',
      'nonsense',
    ])
      expect(problemsOf({ ...URL, A2A_JWT_JWKS_URL: url }), url).to.have.length(1);
  });

  it('says what is wrong with a file of keys, and repeats nothing of it', () => {
    const { jwk } = pair;
    const secret = 'hunter2hunter2hunter2';
    const cases: [unknown, string][] = [
      [[], 'must be an object with a list of keys'],
      [{ keys: {} }, 'must be an object with a list of keys'],
      [{ keys: [] }, 'keys must be 1 to 100'],
      [{ keys: Array(101).fill(jwk) }, 'keys must be 1 to 100'],
      [{ keys: [jwk, 1] }, 'keys[1] must be an object'],
      [{ keys: [{ kty: 'oct', k: secret }] }, 'keys[0] must be a public key, without a secret'],
      [{ keys: [{ ...jwk, d: secret }] }, 'keys[0] must be a public key, without a secret'],
      [
        { keys: [{ kty: 'RSA', n: secret }] },
        'keys[0] must be a public key of RSA (2,048 bits or more), EC or OKP',
      ],
      [`{"keys": ${secret}`, 'is not JSON'],
    ];
    for (const [content, problem] of cases) {
      const path = files.write('jwks.json', content as object);
      const problems = problemsOf({ ...NEEDED, A2A_JWT_JWKS_FILE: path });
      expect(problems).to.deep.equal([`A2A_JWT_JWKS_FILE: ${problem}`]);
      expect(problems.join()).to.not.include(secret);
    }
    expect(problemsOf({ ...NEEDED, A2A_JWT_JWKS_FILE: '/none' })).to.deep.equal([
      'A2A_JWT_JWKS_FILE: cannot be read: ENOENT',
    ]);
  });
});
