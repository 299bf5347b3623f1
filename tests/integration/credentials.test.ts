/** API keys and bearer tokens at once, over HTTP: who is let in, what the others are told, and what the card says. */
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { makeKey } from '../../server/cli/made-key.ts';
import { REREAD_MS } from '../../server/security/api-keys.ts';
import { JSON_TYPE, raw, SEND, useDoor } from '../helpers/door.ts';
import { useFiles } from '../helpers/files.ts';
import { withKey } from '../helpers/keys.ts';
import { call, post, sendV01, sendV1, V1 } from '../helpers/rpc.ts';
import {
  AUDIENCE,
  claimsOf,
  forge,
  ISSUER,
  jwksOf,
  newPair,
  sign,
  type SigningPair,
  useJwksServer,
} from '../helpers/tokens.ts';

const PLAIN = 'Bearer realm="holdfast"';
const INVALID = `${PLAIN}, error="invalid_token"`;

/** An entry of the file of keys, and the key. */
function entry(more: object = {}): { key: string; row: Record<string, unknown> } {
  const { key, ...made } = makeKey();
  return { key, row: { ...made, tenant: 'acme', subject: 'ada', ...more } };
}

describe('with API keys and bearer tokens', () => {
  const files = useFiles();
  const issuer = useJwksServer();
  const [peer, operator, admin, nobody, expired, revoked] = [
    entry({ tier: 'gold' }),
    entry({ roles: ['operator'] }),
    entry({ roles: ['admin'] }),
    entry({ roles: [] }),
    entry({ expires: '2020-01-01' }),
    entry({ revoked: '2020-01-01T00:00:00Z' }),
  ];
  const older = 'older-key.with.dots';
  const rows = [
    ...[peer, operator, admin, nobody, expired, revoked].map(({ row }) => row),
    { hash: `sha256:${createHash('sha256').update(older).digest('hex')}`, tenant: 'old', subject: 'olga' },
  ];
  const path = files.write('keys.json', { keys: rows });
  const env: Record<string, string> = {
    A2A_API_KEYS_FILE: path,
    A2A_JWT_ISSUER: ISSUER,
    A2A_JWT_AUDIENCE: AUDIENCE,
    A2A_JWT_OPENID_CONNECT_URL: 'https://issuer.example/.well-known/openid-configuration',
  };
  let pair: SigningPair;
  let now = Date.now();
  before(async () => {
    pair = await newPair('one');
    issuer.serve(pair);
    env['A2A_JWT_JWKS_URL'] = issuer.url;
  });
  const used = useDoor(env, () => ({ now: () => now }));
  const { door } = used;
  beforeEach(() => {
    issuer.serve(pair);
  });
  afterEach(() => {
    now = Date.now();
    files.write('keys.json', { keys: rows });
  });
  const principals = (): object[] => used.backend.calls.map((made) => made.call.principal);

  it('either kind admits, and says who calls', async () => {
    const token = await sign(pair, { tier: 'gold' });
    for (const headers of [
      withKey(peer.key),
      { 'X-API-Key': peer.key },
      withKey(older),
      withKey(token),
      withKey(token),
      { ...withKey(token), 'X-API-Key': peer.key },
      { ...withKey('of-a-proxy'), 'X-API-Key': peer.key },
    ])
      expect((await post(door.url, SEND, headers)).status).to.equal(200);
    const ann = { tenant: 'acme', subject: 'ann', roles: ['peer'], tier: 'gold' };
    const ada = { ...ann, subject: 'ada', credential: peer.row.id };
    const olga = { tenant: 'old', subject: 'olga', roles: ['peer'], tier: 'default' };
    expect(principals()).to.deep.equal([ada, ada, olga, ann, ann, ada, ada]);
    expect(issuer.asked).to.equal(1);
  });

  it('the answer to what is not good is the same, byte for byte', async () => {
    const secret = peer.key.slice(-43);
    const { id } = peer.row as { id: string };
    const wrong = [
      withKey('wrong'),
      withKey(expired.key),
      withKey(revoked.key),
      withKey(entry().key),
      withKey(`hf_${id}_${'A'.repeat(43)}`),
      withKey(`hf_nobody_${secret}`),
      { 'X-API-Key': 'wrong' },
      { 'X-API-Key': await sign(pair) },
      withKey(await sign(pair, { aud: 'other' })),
      withKey(await sign(pair, { exp: 1 })),
      withKey(await sign(pair, { tenant: undefined })),
      withKey(await sign(await newPair('one'))),
      withKey(forge({ alg: 'none' }, claimsOf())),
      withKey(`hf_a.${(await sign(pair)).slice(5)}`),
      withKey('a.b.c'),
      withKey(await sign(pair, { more: 'x'.repeat(8_192) })),
    ];
    const told = new Set<string>();
    for (const credential of wrong) {
      const { status, headers, body } = await raw(
        door.url,
        { headers: { ...JSON_TYPE, ...credential } },
        SEND,
      );
      expect(status).to.equal(401);
      expect(headers['www-authenticate']).to.equal(INVALID);
      told.add(JSON.stringify([{ ...headers, date: '' }, body]));
    }
    expect(told.size).to.equal(1);
    expect(principals()).to.deep.equal([]);
    for (const credential of [{}, { Authorization: 'Basic eDp5' }, { Authorization: 'Bearer' }]) {
      const reply = await post(door.url, SEND, credential);
      expect([reply.status, reply.headers.get('www-authenticate')]).to.deep.equal([401, PLAIN]);
    }
  });

  it('a key that expires, is revoked or is taken out is refused within 2 s; a new one is taken', async () => {
    const { key, row } = entry({ expires: new Date(now + 60_000).toISOString() });
    const statusOf = async (shown: string): Promise<number> =>
      (await post(door.url, SEND, withKey(shown))).status;
    files.write('keys.json', { keys: [...rows, row] });
    now += REREAD_MS;
    expect(await statusOf(key)).to.equal(200);
    files.write('keys.json', {
      keys: [{ ...peer.row, revoked: new Date(now).toISOString() }, admin.row, row],
    });
    now += REREAD_MS;
    expect(REREAD_MS).to.be.below(2_000);
    expect(await statusOf(peer.key)).to.equal(401);
    expect(await statusOf(operator.key)).to.equal(401);
    expect(await statusOf(admin.key)).to.equal(200);
    now += 60_000;
    expect(await statusOf(key)).to.equal(401);
  });

  it('a changed file with a role that nobody knows is refused with its entry, and changes nothing', async () => {
    files.write('keys.json', { keys: [admin.row, { ...peer.row, roles: ['peer', 'opertaor'] }] });
    now += REREAD_MS;
    expect((await post(door.url, SEND, withKey(peer.key))).status).to.equal(200);
    expect(door.logs.of('api_keys_refused')[0]?.['problems']).to.deep.equal([
      'keys[1].roles[1] must be one of peer, operator, admin',
    ]);
  });

  it('who lacks the role is told so in every dialect, and nothing is done', async () => {
    for (const headers of [
      withKey(nobody.key),
      withKey(operator.key),
      withKey(await sign(pair, { roles: [] })),
    ])
      for (const [method, params, version, code] of [
        ['SendMessage', sendV1('m', 'hi'), '1.0', -32600],
        ['SendStreamingMessage', sendV1('m', 'hi'), '1.0', -32600],
        ['GetTask', { id: 'x' }, '1.0', -32600],
        ['ListTasks', { pageSize: -1 }, '1.0', -32600],
        ['tasks/cancel', { id: 'x' }, '0.3', -32600],
        ['tasks/send', sendV01('t', 'hi'), '0.1', -32008],
      ] as const) {
        const reply = await call(door.url, method, params, { ...headers, 'A2A-Version': version });
        expect(reply.status, method).to.equal(403);
        expect(reply.headers.get('www-authenticate')).to.equal(`${PLAIN}, error="insufficient_scope"`);
        expect(reply.json.error?.code).to.equal(code);
        expect(reply.json.id).to.not.equal(null);
      }
    expect(principals()).to.deep.equal([]);
    const reply = await call(door.url, 'GetTask', { id: 'x' }, { ...V1, ...withKey(nobody.key) });
    expect(reply.json.error).to.deep.nested.include({
      'data[0].reason': 'PERMISSION_DENIED',
      'data[0].metadata.role': 'peer',
    });
    expect((await post(door.url, SEND, withKey(admin.key))).status).to.equal(200);
  });

  it('metrics are for operators, probes and the card for everybody', async () => {
    const get = async (at: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(door.origin + at, { headers });
    for (const [headers, status, challenge] of [
      [{}, 401, PLAIN],
      [withKey('wrong'), 401, INVALID],
      [withKey(peer.key), 403, `${PLAIN}, error="insufficient_scope"`],
      [withKey(await sign(pair)), 403, `${PLAIN}, error="insufficient_scope"`],
      [withKey(operator.key), 200, null],
      [{ 'X-API-Key': admin.key }, 200, null],
      [withKey(await sign(pair, { roles: 'operator' })), 200, null],
    ] as const) {
      const response = await get('/metrics', headers);
      const body = await response.text();
      expect([response.status, response.headers.get('www-authenticate')]).to.deep.equal([status, challenge]);
      expect(body.includes('holdfast_')).to.equal(status === 200);
      if (status !== 200) expect(response.headers.get('content-type')).to.equal('application/json');
    }
    for (const at of ['/livez', '/readyz', '/.well-known/agent-card.json']) {
      const response = await get(at);
      expect(response.status, at).to.equal(200);
      const text = await response.text();
      for (const word of [ISSUER.slice(8) + '"', issuer.url, path, AUDIENCE])
        expect(text).to.not.include(word);
    }
  });

  it('while the issuer is away tokens are answered 503, and keys admit', async () => {
    issuer.answer((_, res) => res.writeHead(500).end());
    now += 90_000_000;
    const token = await sign(pair, { exp: Math.floor(now / 1000) + 60 });
    const reply = await post(door.url, SEND, { ...withKey(token), ...V1 });
    expect([reply.status, reply.headers.get('retry-after')]).to.deep.equal([503, '2']);
    expect(reply.json.error).to.deep.nested.include({ 'data[0].reason': 'AUTHENTICATION_UNAVAILABLE' });
    expect((await fetch(`${door.origin}/metrics`, { headers: withKey(token) })).status).to.equal(503);
    expect((await post(door.url, SEND, withKey(peer.key))).status).to.equal(200);
    const [line] = door.logs.of('jwt_keys_unavailable');
    expect(line).to.include({ level: 'error', origin: new URL(issuer.url).origin });
    expect(JSON.stringify(door.logs.lines)).to.not.include(token);
  });

  it('the card names every kind, in the words of every generation', async () => {
    const cardOf = async (headers = {}): Promise<object> =>
      (await (await fetch(`${door.origin}/.well-known/agent-card.json`, { headers })).json()) as object;
    expect(await cardOf()).to.deep.nested.include({
      'securitySchemes.jwt.type': 'http',
      'securitySchemes.jwt.scheme': 'Bearer',
      'securitySchemes.jwt.bearerFormat': 'JWT',
      'securitySchemes.jwt.httpAuthSecurityScheme.bearerFormat': 'JWT',
      'securitySchemes.openIdConnect.type': 'openIdConnect',
      'securitySchemes.openIdConnect.openIdConnectUrl':
        'https://issuer.example/.well-known/openid-configuration',
      'securitySchemes.openIdConnect.openIdConnectSecurityScheme.openIdConnectUrl':
        'https://issuer.example/.well-known/openid-configuration',
      'securitySchemes.apiKey.name': 'X-API-Key',
      security: [{ bearer: [] }, { apiKey: [] }, { jwt: [] }, { openIdConnect: [] }],
      'authentication.schemes': ['Bearer', 'ApiKey'],
    });
    const v1 = (await cardOf(V1)) as { securitySchemes: Record<string, object> };
    expect(Object.keys(v1.securitySchemes)).to.deep.equal(['bearer', 'apiKey', 'jwt', 'openIdConnect']);
    expect(v1.securitySchemes['jwt']).to.have.all.keys('httpAuthSecurityScheme');
  });
});

describe('with bearer tokens of keys in a file', () => {
  const files = useFiles();
  const env: Record<string, string> = { A2A_JWT_ISSUER: ISSUER, A2A_JWT_AUDIENCE: AUDIENCE };
  let [one, two]: SigningPair[] = [];
  let now = Date.now();
  before(async () => {
    [one, two] = [await newPair('one', 'RS256'), await newPair('two', 'EdDSA')];
    env['A2A_JWT_JWKS_FILE'] = files.write('jwks.json', jwksOf(one));
  });
  const { door } = useDoor(env, () => ({ now: () => now }));

  it('the keys of the file admit, and others once they are in it', async () => {
    if (one === undefined || two === undefined) throw new Error('there are no keys yet');
    const statusOf = async (pair: SigningPair): Promise<number> =>
      (await post(door.url, SEND, withKey(await sign(pair)))).status;
    expect([await statusOf(one), await statusOf(two)]).to.deep.equal([200, 401]);
    files.write('jwks.json', '{"keys":');
    now += REREAD_MS;
    expect(await statusOf(one)).to.equal(200);
    expect(door.logs.of('jwt_keys_refused')).to.have.length(1);
    files.write('jwks.json', jwksOf(two));
    now += REREAD_MS;
    expect([await statusOf(one), await statusOf(two)]).to.deep.equal([401, 200]);
    const { securitySchemes } = (await (
      await fetch(`${door.origin}/.well-known/agent-card.json`)
    ).json()) as { securitySchemes: object };
    expect(Object.keys(securitySchemes)).to.deep.equal(['jwt']);
  });
});
