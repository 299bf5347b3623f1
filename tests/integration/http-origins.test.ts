import { expect } from 'chai';
import { JSON_TYPE, raw, SEND, useDoor } from '../helpers/door.ts';
import { post, V1 } from '../helpers/rpc.ts';

describe('the Host header on loopback', () => {
  const used = useDoor();
  const { door } = used;
  for (const [host, status] of [
    ['localhost', 200],
    ['localhost:8080', 200],
    ['LOCALHOST.', 403],
    ['app.localhost:1', 200],
    ['127.0.0.1', 200],
    ['127.3.2.1:80', 200],
    ['[::1]:80', 200],
    ['evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example:80', 403],
  ] as const) {
    it(`${host} gets ${status}`, async () => {
      const rpc = await raw(door.url, { headers: { ...JSON_TYPE, Host: host } }, SEND);
      expect(rpc.status).to.equal(status);
      expect(JSON.parse(rpc.body)).to.have.property('jsonrpc');
      const health = await raw(door.origin, { method: 'GET', path: '/livez', headers: { Host: host } });
      expect(health.status).to.equal(status);
    });
  }
});

describe('the HTTP door to browsers', () => {
  const used = useDoor({ A2A_CORS_ORIGINS: 'https://app.example' });
  const { door } = used;
  const from = (origin: string): Record<string, string> => ({ Origin: origin });

  it('answers the preflight of an allowed origin, and gives it its answers', async () => {
    const preflight = await fetch(door.url, {
      method: 'OPTIONS',
      headers: { ...from('https://app.example'), 'Access-Control-Request-Method': 'POST' },
    });
    expect(preflight.status).to.equal(204);
    expect(preflight.headers.get('access-control-allow-origin')).to.equal('https://app.example');
    const allowed = preflight.headers.get('access-control-allow-headers')?.split(', ');
    expect(allowed).to.include.members(['Content-Type', 'Authorization', 'A2A-Version', 'A2A-Extensions']);
    expect(allowed).to.include.members(['X-A2A-Extensions', 'Idempotency-Key', 'Last-Event-ID']);
    const reply = await post(door.url, SEND, from('https://app.example'));
    expect(reply.headers.get('access-control-allow-origin')).to.equal('https://app.example');
    const exposed = reply.headers.get('access-control-expose-headers')?.split(', ');
    expect(exposed).to.include.members(['A2A-Persistence', 'Retry-After', 'WWW-Authenticate']);
    expect(exposed).to.include.members(['A2A-Extensions', 'X-A2A-Extensions']);
    expect(reply.headers.get('vary')).to.equal('Origin');
    const card = await fetch(`${door.origin}/.well-known/agent-card.json`, {
      headers: from('https://app.example'),
    });
    expect(card.headers.get('access-control-allow-origin')).to.equal('https://app.example');
    expect(card.headers.get('vary')).to.equal('A2A-Version, Origin');
  });

  it('gives another origin nothing', async () => {
    const preflight = await fetch(door.url, { method: 'OPTIONS', headers: from('https://evil.example') });
    expect(preflight.headers.get('access-control-allow-origin')).to.equal(null);
    expect(preflight.headers.get('access-control-allow-methods')).to.equal(null);
    const reply = await post(door.url, SEND, from('https://evil.example'));
    expect(reply.headers.get('access-control-allow-origin')).to.equal(null);
    expect(reply.headers.get('vary')).to.equal('Origin');
  });
});

describe('the HTTP door without CORS', () => {
  const { door } = useDoor();

  it('has no cross-origin headers at all', async () => {
    const reply = await post(door.url, SEND, { Origin: 'https://app.example' });
    expect([...reply.headers.keys()].filter((name) => name.startsWith('access-control'))).to.deep.equal([]);
    expect(reply.headers.get('vary')).to.equal(null);
  });
});

describe('the HTTP door behind a proxy of the same machine', () => {
  const { door } = useDoor({
    A2A_PUBLIC_URL: 'https://agents.example/a2a',
    A2A_CARD: 'v03',
    A2A_CORS_ORIGINS: '*',
  });

  it('serves the public Host too, and no third', async () => {
    expect(
      (await raw(door.url, { headers: { ...JSON_TYPE, Host: 'Agents.example' } }, SEND)).status,
    ).to.equal(200);
    expect((await raw(door.url, { headers: { ...JSON_TYPE, Host: 'evil.example' } }, SEND)).status).to.equal(
      403,
    );
  });

  it('says the public URL in the card of the one version that is asked for', async () => {
    const card = (await (
      await fetch(`${door.origin}/.well-known/agent-card.json`, { headers: V1 })
    ).json()) as object;
    expect(card).to.include({ url: 'https://agents.example/a2a', protocolVersion: '0.3.0' });
    expect(card).to.not.have.property('supportedInterfaces');
  });

  it('gives any origin its answers when all are allowed', async () => {
    const reply = await post(door.url, SEND, { Origin: 'https://any.example' });
    expect(reply.headers.get('access-control-allow-origin')).to.equal('*');
  });
});

describe('the HTTP door on all addresses', () => {
  const { door } = useDoor({ HOST: '0.0.0.0' });

  it('serves any Host, and warns that the card names loopback', async () => {
    const url = door.url.replace('0.0.0.0', '127.0.0.1');
    expect((await raw(url, { headers: { ...JSON_TYPE, Host: 'agents.example' } }, SEND)).status).to.equal(
      200,
    );
    expect(door.logs.of('card_url_unreachable')).to.have.length(1);
    const card = (await (await fetch(new URL('/.well-known/agent.json', url))).json()) as { url: string };
    expect(card.url).to.equal(url);
  });
});
