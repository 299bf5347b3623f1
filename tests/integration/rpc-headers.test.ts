import { expect } from 'chai';
import { invalidParams, ProtocolError } from '../../protocol/errors.ts';
import type { Principal } from '../../server/security/principal.ts';
import { call, post, type RpcReply, sendV01, sendV03, sendV1, V1 } from '../helpers/rpc.ts';
import { SseClient, useStreamDoor } from '../helpers/sse.ts';

const send = (url: string, headers: Record<string, string>): Promise<RpcReply> =>
  call(url, 'SendMessage', sendV1('m1', 'hi'), { ...V1, ...headers });

describe('Idempotency-Key', () => {
  const used = useStreamDoor();

  it('reaches the operation', async () => {
    for (const key of ['k', 'x'.repeat(256)]) {
      await send(used.door.url, { 'Idempotency-Key': key });
      expect(used.door.backend.calls.at(-1)?.call.idempotencyKey).to.equal(key);
    }
    await send(used.door.url, {});
    expect(used.door.backend.calls.at(-1)?.call).to.not.have.property('idempotencyKey');
  });

  it('is refused with -32602 that names it and its bound, in the dialect of the call', async () => {
    for (const key of ['', 'x'.repeat(257)]) {
      for (const reply of [
        await send(used.door.url, { 'Idempotency-Key': key }),
        await call(used.door.url, 'message/stream', sendV03('m1', 'hi'), { 'Idempotency-Key': key }),
        await call(used.door.url, 'tasks/send', sendV01('t1', 'hi'), { 'Idempotency-Key': key }),
      ]) {
        expect([reply.status, reply.json.error?.code]).to.deep.equal([200, -32602]);
        expect(reply.json.id).to.be.a('number');
        expect(reply.json.error?.message).to.contain('Idempotency-Key must be 1 to 256 bytes');
      }
    }
    expect(used.door.backend.calls).to.deep.equal([]);
  });
});

describe('extensions', () => {
  const required = new ProtocolError('EXTENSION_SUPPORT_REQUIRED');
  const used = useStreamDoor({
    rpc: {
      extensions: {
        resolve: (requested) => ({
          activated: requested.filter((uri) => uri.startsWith('urn:ours')),
          ...(requested.includes('urn:none') && { error: required }),
        }),
      },
    },
  });

  it('that are asked for in either header reach the operation once each, those in effect are told back', async () => {
    const reply = await send(used.door.url, {
      'A2A-Extensions': 'urn:ours:a, urn:other ,,urn:ours:b',
      'X-A2A-Extensions': 'urn:ours:a,urn:ours:c',
    });
    expect(used.door.backend.calls[0]?.call.extensions).to.deep.equal([
      'urn:ours:a',
      'urn:ours:b',
      'urn:ours:c',
    ]);
    expect(reply.headers.get('a2a-extensions')).to.equal('urn:ours:a, urn:ours:b, urn:ours:c');
    expect(reply.headers.get('x-a2a-extensions')).to.equal(null);
  });

  it('are told back under the name that 0.3 has for it, not at all in 0.1, and on streams', async () => {
    const asked = { 'X-A2A-Extensions': 'urn:ours:a' };
    const v03 = await call(used.door.url, 'message/send', sendV03('m1', 'hi'), asked);
    expect([v03.headers.get('a2a-extensions'), v03.headers.get('x-a2a-extensions')]).to.deep.equal([
      null,
      'urn:ours:a',
    ]);
    const v01 = await call(used.door.url, 'tasks/send', sendV01('t1', 'hi'), asked);
    expect([v01.headers.get('a2a-extensions'), v01.headers.get('x-a2a-extensions')]).to.deep.equal([
      null,
      null,
    ]);
    const body = { jsonrpc: '2.0', id: 1, method: 'SubscribeToTask', params: { id: 't' } };
    const stream = await SseClient.open(used.door.url, body, { ...V1, ...asked });
    expect(stream.response.headers['a2a-extensions']).to.equal('urn:ours:a');
    await stream.toEnd();
  });

  it('that are required and not asked for are an error, and nothing is done', async () => {
    const reply = await send(used.door.url, { 'A2A-Extensions': 'urn:none' });
    expect(reply.json.error?.code).to.equal(-32008);
    expect(used.door.backend.calls).to.deep.equal([]);
  });

  it('are bounded in number and length', async () => {
    const uris = (count: number): string => Array.from({ length: count }, (_, i) => `urn:${i}`).join();
    for (const [header, bound] of [
      [uris(32), undefined],
      [uris(33), 'at most 32'],
      [`urn:${'x'.repeat(2044)}`, undefined],
      [`urn:${'x'.repeat(2045)}`, 'at most 2048 bytes'],
    ] as const) {
      const { json } = await send(used.door.url, { 'A2A-Extensions': header });
      expect(json.error?.code).to.equal(bound === undefined ? undefined : -32602);
      if (bound !== undefined)
        expect(json.error?.message).to.contain(`A2A-Extensions must`).and.contain(bound);
    }
  });
});

describe('what a message holds', () => {
  const used = useStreamDoor({
    rpc: {
      checkInput: ({ message }) => {
        const [part] = message.parts;
        if (part && 'text' in part && part.text === 'no')
          throw new ProtocolError('CONTENT_TYPE_NOT_SUPPORTED');
      },
    },
  });

  it('is looked at before anything is done, in both ways to send', async () => {
    for (const method of ['SendMessage', 'SendStreamingMessage']) {
      const reply = await call(used.door.url, method, sendV1('m1', 'no'), V1);
      expect(reply.json.error?.code, method).to.equal(-32005);
    }
    expect(used.door.backend.calls).to.deep.equal([]);
    expect((await call(used.door.url, 'SendMessage', sendV1('m1', 'yes'), V1)).json).to.have.property(
      'result',
    );
  });
});

describe('a caller', () => {
  const known: Principal = { tenant: 'acme', subject: 'ada', roles: ['peer'], tier: 'gold' };
  const used = useStreamDoor({
    endpoint: {
      resolvePrincipal: async ({ headers: { authorization } }) => {
        await Promise.resolve();
        if (authorization === 'Bearer good') return known;
        if (authorization === 'Bearer odd') throw new Error('secret');
        if (authorization === 'Bearer late')
          throw invalidParams({ field: 'Authorization', description: 'is old' });
        throw new ProtocolError('UNAUTHENTICATED', { httpStatus: 401 });
      },
    },
  });

  it('who is known may take the time it takes to be known', async () => {
    await send(used.door.url, { Authorization: 'Bearer good' });
    expect(used.door.backend.calls[0]?.call.principal).to.deep.equal(known);
  });

  it('who is not known is answered 401 with a challenge, in the shape of the version asked for', async () => {
    for (const [version, code] of [
      ['1.0', -32600],
      ['0.3', -32600],
      ['0.1', -32007],
    ] as const) {
      const reply = await send(used.door.url, { 'A2A-Version': version });
      expect(reply.status).to.equal(401);
      expect(reply.headers.get('www-authenticate')).to.match(/^Bearer/);
      expect([reply.json.id, reply.json.error?.code]).to.deep.equal([null, code]);
    }
    expect(used.door.backend.calls).to.deep.equal([]);
  });

  it('who is not known gets no stream either, and a large body is not read for them', async () => {
    const body = { jsonrpc: '2.0', id: 1, method: 'SubscribeToTask', params: { id: 'x'.repeat(5_000_000) } };
    const reply = await post(used.door.url, JSON.stringify(body), V1);
    expect([reply.status, reply.headers.get('content-type')]).to.deep.equal([401, 'application/json']);
    expect(used.door.backend.calls).to.deep.equal([]);
  });

  it('is told of other errors as they are, and of a fault of the server nothing', async () => {
    const late = await send(used.door.url, { Authorization: 'Bearer late' });
    expect([late.status, late.json.error?.code]).to.deep.equal([200, -32602]);
    const odd = await send(used.door.url, { Authorization: 'Bearer odd' });
    expect([odd.status, odd.json.error?.message]).to.deep.equal([200, 'Internal error']);
    expect(odd.text).to.not.contain('secret');
    expect(used.door.logs.of('request_failed')).to.have.length(1);
  });
});
