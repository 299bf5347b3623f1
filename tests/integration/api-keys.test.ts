import { expect } from 'chai';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { JSON_TYPE, raw, responseTo, SEND, useDoor } from '../helpers/door.ts';
import { useFiles } from '../helpers/files.ts';
import { keysFile, withKey } from '../helpers/keys.ts';
import { call, post, sendV1, V1 } from '../helpers/rpc.ts';
import { REREAD_MS } from '../../server/security/api-keys.ts';

const RED = { key: 'red-4Zb1uT9', tenant: 'acme', subject: 'ada', roles: ['peer', 'extra'] };
const BLUE = { key: 'blue-x8Qm2Lw', tenant: 'umbrella' };

describe('with API keys', () => {
  const files = useFiles();
  const path = files.write('keys.json', keysFile(RED, BLUE));
  let now = Date.now();
  // What the role `extra` is for.
  const card = files.write('card.json', { extended: { description: 'More.', roles: ['extra'] } });
  const used = useDoor(
    { A2A_API_KEYS_FILE: path, A2A_CARD_FILE: card, A2A_CORS_ORIGINS: 'https://app.example' },
    () => ({ now: () => now }),
  );
  const { door } = used;
  afterEach(() => {
    now = Date.now();
    files.write('keys.json', keysFile(RED, BLUE));
  });

  it('a call is made for whom its key speaks for', async () => {
    for (const headers of [
      withKey(RED.key),
      { 'X-API-Key': RED.key },
      { authorization: `bearer ${RED.key}` },
    ])
      expect((await post(door.url, SEND, headers)).status).to.equal(200);
    expect((await post(door.url, SEND, withKey(BLUE.key))).status).to.equal(200);
    const { tenant, subject, roles } = RED;
    expect(used.backend.calls.map(({ call: { principal } }) => principal)).to.deep.equal([
      ...Array.from({ length: 3 }, () => ({ tenant, subject, roles, tier: 'default' })),
      { tenant: BLUE.tenant, subject: 'ada', roles: ['peer'], tier: 'default' },
    ]);
  });

  const PLAIN = 'Bearer realm="holdfast"';
  for (const [what, headers, challenge] of [
    ['no key', {}, PLAIN],
    ['a wrong key', withKey('hunter2'), `${PLAIN}, error="invalid_token"`],
    [
      'a key of another scheme',
      { Authorization: `Basic ${Buffer.from(`a:${RED.key}`).toString('base64')}` },
      PLAIN,
    ],
    ['an empty key', { 'X-API-Key': '' }, PLAIN],
  ] as const) {
    it(`${what} is answered 401 with a challenge, and nothing is done`, async () => {
      for (const path of ['/a2a', '/', '/a2a/']) {
        const reply = await post(door.origin + path, SEND, headers);
        expect(reply.status).to.equal(401);
        expect(reply.headers.get('www-authenticate')).to.equal(challenge);
        expect(reply.headers.get('cache-control')).to.equal('no-store');
        expect(reply.json).to.deep.include({ jsonrpc: '2.0', id: null });
        expect(reply.text).to.not.contain('hunter2');
      }
      expect(used.backend.calls).to.deep.equal([]);
    });
  }

  it('the refusal is in the words of the version that was asked for', async () => {
    const v1 = await post(door.url, SEND, V1);
    expect(v1.json.error).to.deep.nested.include({ code: -32600, 'data[0].reason': 'UNAUTHENTICATED' });
    expect((await post(door.url, SEND)).json.error?.code).to.equal(-32600);
    expect((await post(door.url, SEND, { 'A2A-Version': '0.1' })).json.error?.code).to.equal(-32007);
  });

  it('a call without one is refused whatever it is, before anything of it is looked at', async () => {
    for (const body of ['', '{', '[]', '{"method":"nonsense"}']) {
      expect((await post(door.url, body)).status, body).to.equal(401);
      expect((await post(door.url, body, { 'Content-Type': 'text/plain' })).status, body).to.equal(401);
      expect((await post(door.url, body, { 'A2A-Version': '9.9' })).status, body).to.equal(401);
    }
  });

  it('a body is not asked for when the call is refused', async () => {
    const req = request(door.url, {
      method: 'POST',
      headers: { ...JSON_TYPE, Expect: '100-continue', 'Content-Length': 1000 },
      agent: false,
    });
    let asked = false;
    req.on('continue', () => (asked = true));
    req.flushHeaders();
    const res = await responseTo(req);
    expect(res.statusCode).to.equal(401);
    res.resume();
    req.destroy();
    expect(asked).to.equal(false);
  });

  it('the card and the probes stay open', async () => {
    for (const path of ['/.well-known/agent-card.json', '/.well-known/agent.json', '/livez', '/readyz'])
      expect((await fetch(door.origin + path)).status, path).to.equal(200);
  });

  it('the card says which credentials are taken', async () => {
    const card = (await (await fetch(`${door.origin}/.well-known/agent-card.json`)).json()) as object;
    expect(card).to.deep.nested.include({
      'securitySchemes.bearer.type': 'http',
      'securitySchemes.bearer.httpAuthSecurityScheme.scheme': 'Bearer',
      'securitySchemes.apiKey.name': 'X-API-Key',
      'securitySchemes.apiKey.apiKeySecurityScheme.name': 'X-API-Key',
      'authentication.schemes': ['Bearer', 'ApiKey'],
    });
    expect(card).to.include.keys('security', 'securityRequirements');
  });

  it('a Host that is not loopback is served to who has a key', async () => {
    const headers = { ...JSON_TYPE, Host: 'agent.example' };
    expect((await raw(door.url, { headers }, SEND)).status).to.equal(401);
    expect((await raw(door.url, { headers: { ...headers, ...withKey(RED.key) } }, SEND)).status).to.equal(
      200,
    );
  });

  it('a browser may send them, and may read the challenge', async () => {
    const Origin = 'https://app.example';
    const preflight = await fetch(door.url, { method: 'OPTIONS', headers: { Origin } });
    expect(preflight.status).to.equal(204);
    expect(preflight.headers.get('access-control-allow-headers'))
      .to.contain('X-API-Key')
      .and.contain('Authorization');
    const refused = await post(door.url, SEND, { Origin });
    expect(refused.headers.get('access-control-allow-origin')).to.equal(Origin);
    expect(refused.headers.get('access-control-expose-headers')).to.contain('WWW-Authenticate');
  });

  it('a tenant in the params may repeat that of the key, not choose another', async () => {
    const send = (tenant: string): ReturnType<typeof call> =>
      call(door.url, 'SendMessage', { ...sendV1('m1', 'hi'), tenant }, { ...V1, ...withKey(RED.key) });
    expect((await send('acme')).json).to.have.property('result');
    expect((await send('')).json).to.have.property('result');
    for (const other of ['umbrella', 'default', 'Acme']) {
      const { error } = (await send(other)).json;
      expect(error?.code).to.equal(-32602);
      expect(error?.message).to.contain('tenant').and.not.contain('acme');
    }
  });

  it('a changed file takes effect without a restart; a broken one changes nothing and is told once', async () => {
    const tryKey = async (key: string): Promise<number> => {
      now += REREAD_MS;
      return (await post(door.url, SEND, withKey(key))).status;
    };
    files.write('keys.json', keysFile(RED, { key: 'green-9', tenant: 'acme' }));
    expect(await tryKey('green-9')).to.equal(200);
    expect(await tryKey(BLUE.key)).to.equal(401);
    expect(door.logs.of('api_keys_read')).to.have.length(1);
    files.write('keys.json', '{"keys": [broken');
    expect(await tryKey('green-9')).to.equal(200);
    expect(await tryKey('green-9')).to.equal(200);
    expect(door.logs.of('api_keys_refused')).to.have.length(1);
    expect(door.logs.of('api_keys_refused')[0]).to.deep.include({ problems: ['is not JSON'] });
  });

  it('no key and no hash of one is ever logged or told', async () => {
    const told: string[] = [];
    for (const headers of [withKey(RED.key), { 'X-API-Key': BLUE.key }, withKey('hunter2-wrong')]) {
      for (const body of [SEND, '{', SEND.replace('tasks/send', 'nonsense')]) {
        const reply = await raw(door.url, { headers: { ...JSON_TYPE, ...headers } }, body);
        told.push(JSON.stringify(reply.headers) + reply.body);
      }
    }
    used.backend.onSend = () => Promise.reject(new Error('boom'));
    told.push((await post(door.url, SEND, withKey(RED.key))).text);
    told.push(await text(await responseTo(request(`${door.origin}/metrics`).end())));
    const all = JSON.stringify(door.logs.lines) + told.join();
    const { keys } = keysFile(RED, BLUE) as { keys: { hash: string }[] };
    const secrets = [
      RED.key,
      BLUE.key,
      'hunter2-wrong',
      ...keys.map(({ hash }) => hash.slice('sha256:'.length)),
    ];
    for (const secret of secrets) expect(all).to.not.contain(secret);
    expect(door.logs.of('request_failed')).to.have.length(1);
  });
});
