import { expect } from 'chai';
import { request } from 'node:http';
import { JSON_TYPE, raw, responseTo, SEND, useDoor } from '../helpers/door.ts';
import { call, post, V1 } from '../helpers/rpc.ts';

describe('the endpoint', () => {
  const used = useDoor();
  const { door } = used;
  for (const path of ['/a2a', '/a2a/', '/', '/a2a?x=1']) {
    it(`answers POST ${path} without a redirect`, async () => {
      const reply = await post(door.origin + path, SEND);
      expect(reply.status).to.equal(200);
      expect(reply.json.id).to.equal(1);
      expect(reply.headers.get('content-type')).to.equal('application/json');
      expect(reply.headers.get('cache-control')).to.equal('no-store');
    });
  }

  it('says whether the answer is stored', async () => {
    expect((await post(door.url, SEND)).headers.get('a2a-persistence')).to.equal('stored');
    const cancel = await call(door.url, 'CancelTask', { id: 's1.t1' }, V1);
    expect(cancel.headers.get('a2a-persistence')).to.equal('deferred');
    const get = await call(door.url, 'GetTask', { id: 's1.t1' }, V1);
    expect(get.headers.get('a2a-persistence')).to.equal(null);
  });

  for (const method of ['GET', 'PUT', 'DELETE', 'HEAD']) {
    it(`answers ${method} with 405, the methods that are allowed and a JSON-RPC error`, async () => {
      const reply = await raw(door.url, { method });
      expect(reply.status).to.equal(405);
      expect(reply.headers['allow']).to.equal('POST, OPTIONS');
      if (method !== 'HEAD') expect(JSON.parse(reply.body)).to.have.nested.property('error.code', -32600);
    });
  }

  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/a2a+json',
    'application/jsonp',
    'application/json; charset=latin1',
    '',
  ]) {
    it(`answers Content-Type ${JSON.stringify(type)} with 415 and -32005, without reading the body`, async () => {
      const reply = await post(door.url, SEND, { 'Content-Type': type });
      expect(reply.status).to.equal(415);
      expect(reply.json).to.deep.include({ jsonrpc: '2.0', id: null });
      expect(reply.json.error?.code).to.equal(-32005);
      expect(used.backend.calls).to.deep.equal([]);
    });
  }

  it('takes application/json in any case, with charset utf-8', async () => {
    for (const type of [
      'Application/JSON',
      'application/json; charset=UTF-8',
      'application/json;charset="utf-8"',
    ]) {
      expect((await post(door.url, SEND, { 'Content-Type': type })).status, type).to.equal(200);
    }
  });

  it('does not take a compressed body', async () => {
    expect(
      (await raw(door.url, { headers: { ...JSON_TYPE, 'Content-Encoding': 'gzip' } }, 'x')).status,
    ).to.equal(415);
  });

  it('answers 415 to a body that is never sent', async () => {
    const req = request(door.url, {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain', 'Content-Length': '1000' },
    });
    req.flushHeaders();
    const res = await responseTo(req);
    expect(res.statusCode).to.equal(415);
    req.on('error', () => undefined).destroy();
  });
});

describe('other paths', () => {
  const used = useDoor();
  const { door } = used;
  it('answer in JSON: 404, 405', async () => {
    for (const [method, path, status] of [
      ['GET', '/nothing', 404],
      ['POST', '/a2a/b', 404],
      ['POST', '/livez', 405],
      ['DELETE', '/.well-known/agent-card.json', 405],
      ['GET', '/%', 404],
    ] as const) {
      const reply = await raw(door.origin, { method, path });
      expect(reply.status, path).to.equal(status);
      expect(JSON.parse(reply.body), path).to.have.property('error');
      expect(reply.headers['x-powered-by']).to.equal(undefined);
    }
  });

  it('answers a fault of the server with 500 and nothing of it, and logs it', async () => {
    used.backend.readiness = () => {
      throw new Error('redis://u:secret@host');
    };
    const reply = await raw(door.origin, { method: 'GET', path: '/readyz' });
    expect([reply.status, reply.body]).to.deep.equal([500, '{"error":"internal error"}']);
    expect(door.logs.of('request_failed')).to.have.length(1);
    used.backend.readiness = () => used.backend.state;
  });

  it('gives the alive process 200', async () => {
    const reply = await fetch(`${door.origin}/livez`);
    expect(reply.status).to.equal(200);
    expect(await reply.json()).to.deep.equal({ status: 'alive' });
  });

  it('is ready once the store has answered, and says what is degraded', async () => {
    const probe = async (): Promise<[number, unknown]> => {
      const reply = await fetch(`${door.origin}/readyz`);
      return [reply.status, await reply.json()];
    };
    const pending = { records: 0, bytes: 0 };
    expect(await probe()).to.deep.equal([200, { status: 'ready', reasons: [], pending }]);
    const runbook = 'docs/persistence-runbook.md#redis-is-away';
    const away = { reason: 'store_away', text: 'the store is away', runbook };
    used.backend.state = {
      storeAnsweredOnce: true,
      degraded: ['store_away'],
      pending: { records: 4, bytes: 90 },
    };
    expect(await probe()).to.deep.equal([
      200,
      { status: 'degraded', reasons: [away], pending: { records: 4, bytes: 90 } },
    ]);
    used.backend.state = { storeAnsweredOnce: false, degraded: ['store_away'], pending };
    const starting = { reason: 'starting', text: 'the store has not answered yet', runbook };
    expect(await probe()).to.deep.equal([503, { status: 'starting', reasons: [starting, away], pending }]);
  });

  it('counts requests by dialect, operation and outcome', async () => {
    await post(door.url, SEND);
    await call(door.url, 'GetTask', { id: 'unknown' }, V1);
    await call(door.url, 'no/such', {});
    await post(door.url, 'x');
    const metrics = await (await fetch(`${door.origin}/metrics`)).text();
    for (const labels of [
      'dialect="v01",method="sendMessage",outcome="ok"',
      'dialect="v1",method="getTask",outcome="TASK_NOT_FOUND"',
      'dialect="v03",method="unknown",outcome="METHOD_NOT_FOUND"',
      'dialect="v03",method="unknown",outcome="JSON_PARSE"',
    ]) {
      expect(metrics).to.contain(`holdfast_requests_total{${labels}} 1`);
    }
  });
});
