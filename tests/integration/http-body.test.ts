import { expect } from 'chai';
import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { JSON_TYPE, raw, responseTo, SEND, useDoor } from '../helpers/door.ts';
import { post } from '../helpers/rpc.ts';

describe('the body bound', () => {
  const used = useDoor({ A2A_MAX_BODY_BYTES: '2048' });
  const { door } = used;
  const padded = (bytes: number): string => SEND + ' '.repeat(bytes - SEND.length);

  it('takes a body of exactly the bound', async () => {
    expect((await post(door.url, padded(2048))).status).to.equal(200);
  });

  it('answers one byte more with 413 and -32600', async () => {
    const reply = await post(door.url, padded(2049));
    expect(reply.status).to.equal(413);
    expect(reply.json).to.deep.include({ jsonrpc: '2.0', id: null });
    expect(reply.json.error).to.deep.include({
      code: -32600,
      message: 'The body must be at most 2048 bytes',
    });
    expect(reply.headers.get('connection')).to.equal('close');
  });

  it('delivers its 413 to a client that announces, or sends in chunks, far more', async () => {
    const announced = await raw(door.url, { headers: JSON_TYPE }, 'x'.repeat(8_000_000));
    expect(announced.status).to.equal(413);
    const req = request(door.url, { method: 'POST', headers: JSON_TYPE });
    for (let i = 0; i < 100; i++) req.write('x'.repeat(65_536));
    req.end();
    const res = await responseTo(req);
    expect(res.statusCode).to.equal(413);
    expect(await text(res)).to.contain('-32600');
  });

  it('answers before the client has sent what it announced, and says no "continue"', async () => {
    const headers = { ...JSON_TYPE, 'Content-Length': '1000000', Expect: '100-continue' };
    const req = request(door.url, { method: 'POST', headers });
    let continued = false;
    req.on('continue', () => {
      continued = true;
    });
    req.flushHeaders();
    const res = await responseTo(req);
    expect(res.statusCode).to.equal(413);
    expect(continued).to.equal(false);
    req.on('error', () => undefined).destroy();
  });

  it('says "continue" when the body is welcome', async () => {
    const req = request(door.url, { method: 'POST', headers: { ...JSON_TYPE, Expect: '100-continue' } });
    req.flushHeaders();
    await once(req, 'continue');
    req.end(SEND);
    const res = await responseTo(req);
    expect(res.statusCode).to.equal(200);
    res.resume();
  });
});
