import { expect } from 'chai';
import { useDoor } from '../helpers/door.ts';
import { call, sendV1, V1 } from '../helpers/rpc.ts';

describe('the agent card', () => {
  const { door } = useDoor();
  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(door.origin + path, { headers });

  for (const path of [
    '/.well-known/agent-card.json',
    '/.well-known/agent.json',
    '/a2a/.well-known/agent-card.json',
  ]) {
    it(`is at ${path}, with the real address, for caches`, async () => {
      const reply = await get(path);
      expect(reply.headers.get('content-type')).to.equal('application/json');
      expect(reply.headers.get('cache-control')).to.equal('public, max-age=300');
      expect(reply.headers.get('vary')).to.equal('A2A-Version');
      expect(await reply.json()).to.include({ url: door.url, name: 'Holdfast demo agent' });
    });
  }

  it('is the pure 1.0 card for whom asks for it, by header or query', async () => {
    for (const reply of [
      await get('/.well-known/agent-card.json', V1),
      await get('/.well-known/agent-card.json?A2A-Version=1.0'),
    ]) {
      const card = (await reply.json()) as object;
      expect(card).to.have.property('supportedInterfaces');
      expect(card).to.not.have.any.keys('url', 'protocolVersion', 'preferredTransport');
    }
    expect(await (await get('/.well-known/agent-card.json')).json()).to.include.keys(
      'url',
      'supportedInterfaces',
    );
  });

  it('is not sent again to whom has it', async () => {
    const etag = (await get('/.well-known/agent-card.json')).headers.get('etag') ?? '';
    expect(etag).to.match(/^".{22}"$/);
    const path = '/.well-known/agent-card.json';
    for (const match of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const reply = await get(path, { 'If-None-Match': match });
      expect([reply.status, await reply.text()], match).to.deep.equal([304, '']);
      expect(reply.headers.get('etag')).to.equal(etag);
    }
    expect((await get(path, { 'If-None-Match': etag, ...V1 })).status).to.equal(200);
    expect((await get(path, { 'If-None-Match': '"x"' })).status).to.equal(200);
  });

  it('lets the version header win over the query', async () => {
    const reply = await call(`${door.url}?A2A-Version=1.0`, 'SendMessage', sendV1('m1', 'hi'));
    expect(reply.json.result).to.have.property('task');
    const other = await call(`${door.url}?A2A-Version=1.0`, 'SendMessage', sendV1('m1', 'hi'), {
      'A2A-Version': '0.3',
    });
    expect(other.json.error?.code).to.equal(-32601);
  });
});
