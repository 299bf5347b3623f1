import { expect } from 'chai';
import { useDoor } from '../helpers/door.ts';
import { type RpcReply, post, sendV01, sendV03, sendV1, V1 } from '../helpers/rpc.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { JsonValue } from '../../protocol/units.ts';

describe('the JSON-RPC envelope', () => {
  const used = useDoor();
  const { door } = used;
  const ask = (body: JsonValue | object, headers?: Record<string, string>): Promise<RpcReply> =>
    post(door.url, JSON.stringify(body), headers);
  const send = (over: object = {}): object => ({
    jsonrpc: '2.0',
    id: 1,
    method: 'message/send',
    params: sendV03('m1', 'hi'),
    ...over,
  });

  function refused(reply: RpcReply, code: number, id: JsonValue = null): void {
    expect(reply.status).to.equal(200);
    expect(Object.keys(reply.json)).to.deep.equal(['jsonrpc', 'id', 'error']);
    expect(reply.json.id).to.equal(id);
    expect(reply.json.error?.code).to.equal(code);
    expect(reply.text).to.not.match(/node_modules|at .*:\d+:\d+/);
    expect(used.backend.calls).to.deep.equal([]);
  }

  describe('ids', () => {
    for (const id of ['x', '', '1', 'ü☃', 0, 1, -7, 1.5, 0.1, Number.MAX_SAFE_INTEGER, null]) {
      it(`comes back as it was: ${JSON.stringify(id)}`, async () => {
        const reply = await ask(send({ id }));
        expect(reply.json.id).to.equal(id);
        expect(reply.json).to.have.property('result');
        const error = await ask(send({ id, method: 'no/such' }));
        expect(error.json.id).to.equal(id);
        expect(error.json.error?.code).to.equal(-32601);
      });
    }

    for (const text of ['true', '{}', '[1]', '1e400', '-1e400', '9007199254740993', '1e300']) {
      it(`is refused when it could not come back: ${text}`, async () => {
        const body = JSON.stringify(send({ id: 'ID' })).replace('"ID"', text);
        refused(await post(door.url, body), -32600);
      });
    }
  });

  for (const [what, body] of [
    ['nothing', ''],
    ['half a body', '{"jsonrpc":"2.0","id":1,"met'],
    ['no JSON', 'hello'],
    ['a trailing comma', '{"jsonrpc":"2.0","id":1,}'],
    ['two values', '{} {}'],
    ['a NUL', '{"id":"\0"}'],
  ] as const) {
    it(`answers ${what} with -32700 and id null`, async () => {
      refused(await post(door.url, body), -32700);
    });
  }

  it('answers a body that is not UTF-8 with -32700', async () => {
    const body = Buffer.from(JSON.stringify(send({ id: 'caf\u00e9' })), 'latin1');
    const reply = await post(door.url, body);
    refused(reply, -32700);
    expect(reply.json.error?.message).to.contain('UTF-8');
  });

  it('reads past a byte order mark', async () => {
    expect((await post(door.url, `\ufeff${JSON.stringify(send())}`)).json).to.have.property('result');
  });

  it('takes 64 levels of nesting and refuses 65 before anything is built', async () => {
    const nested = (depth: number): string => {
      const inner = '['.repeat(depth - 3) + ']'.repeat(depth - 3);
      return JSON.stringify(send({ params: { ...sendV03('m1', 'hi'), metadata: { deep: 'X' } } })).replace(
        '"X"',
        inner,
      );
    };
    expect((await post(door.url, nested(64))).json).to.have.property('result');
    used.backend.calls.length = 0;
    refused(await post(door.url, nested(65)), -32700);
    refused(await post(door.url, '['.repeat(1_000_000)), -32700);
    refused(await post(door.url, `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`), -32700);
  });

  it('does not take brackets in strings for nesting', async () => {
    const text = `"${'['.repeat(100)}\\\\"${'{'.repeat(100)}`;
    const reply = await ask(send({ params: sendV03('m1', text) }));
    expect(reply.json).to.have.property('result');
    expect(used.backend.calls[0]?.params).to.have.nested.property('message.parts[0].text', text);
  });

  it('answers every batch with one -32600 and id null', async () => {
    for (const batch of [[], [[]], [[[1]]], [send()], [send(), send({ id: 2 })], [1, null]]) {
      refused(await ask(batch), -32600);
    }
  });

  it('answers what is no object with -32600', async () => {
    for (const body of ['null', '5', '"x"', 'true']) refused(await post(door.url, body), -32600);
  });

  it('names what is wrong with the envelope, with the id where it was read', async () => {
    for (const [over, word] of [
      [{ jsonrpc: '1.0' }, 'jsonrpc'],
      [{ jsonrpc: 2 }, 'jsonrpc'],
      [{ jsonrpc: undefined }, 'jsonrpc'],
      [{ method: undefined }, 'method'],
      [{ method: '' }, 'method'],
      [{ method: 5 }, 'method'],
      [{ method: ['message/send'] }, 'method'],
    ] as const) {
      const reply = await ask(send(over));
      refused(reply, -32600, 1);
      expect(reply.json.error?.message).to.contain(word);
    }
  });

  it('answers params that are missing, or no object, with -32602 that names them', async () => {
    for (const params of [undefined, null, 5, 'x', [], [sendV03('m1', 'hi')]]) {
      const reply = await ask(send({ params }));
      refused(reply, -32602, 1);
      expect(reply.json.error?.message).to.contain('params');
    }
  });

  it('knows no method that only an object has', async () => {
    for (const method of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'rpc.discover']) {
      refused(await ask(send({ method })), -32601, 1);
      refused(await ask(send({ method }), V1), -32601, 1);
    }
  });

  it('is not fooled by prototype members', async () => {
    const own =
      '"__proto__":{"polluted":1,"id":9,"method":"message/send"},"constructor":{"prototype":{"polluted":1}}';
    refused(await post(door.url, `{"jsonrpc":"2.0","id":1,${own}}`), -32600, 1);
    const params = JSON.stringify(sendV03('m1', 'hi'));
    refused(
      await post(
        door.url,
        `{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"__proto__":${params}}}`,
      ),
      -32602,
      1,
    );
    const reply = await post(
      door.url,
      `{"jsonrpc":"2.0","id":1,${own},"method":"message/send","params":${params.slice(0, -1)},${own}}}`,
    );
    expect(reply.json).to.have.property('result');
    expect(Object.hasOwn(Object.prototype, 'polluted')).to.equal(false);
  });

  describe('requests without an id', () => {
    it('are executed and answered 204 where 0.1 is spoken', async () => {
      for (const [method, params] of [
        ['tasks/send', sendV01('t1', 'hi')],
        ['tasks/get', { id: 't1' }],
        ['tasks/cancel', { id: 't1' }],
      ] as const) {
        for (const jsonrpc of ['2.0', undefined]) {
          const reply = await ask({ jsonrpc, method, params });
          expect([reply.status, reply.text], method).to.deep.equal([204, '']);
        }
      }
      expect(used.backend.calls).to.have.length(6);
    });

    it('are answered 204 also when they fail, and 503 when they are refused for now', async () => {
      expect((await ask({ method: 'tasks/get', params: { id: 'unknown' } })).status).to.equal(204);
      expect((await ask({ method: 'tasks/get' })).status).to.equal(204);
      used.backend.onSend = () =>
        Promise.reject(new ProtocolError('RESOURCE_EXHAUSTED', { httpStatus: 503 }));
      const reply = await ask({ method: 'tasks/send', params: sendV01('t1', 'hi') });
      expect([reply.status, reply.json.id, reply.json.error?.code]).to.deep.equal([503, null, -32011]);
    });

    it('are refused with -32600 everywhere else, and not executed', async () => {
      refused(await ask(send({ id: undefined })), -32600);
      refused(await ask({ jsonrpc: '2.0', method: 'SendMessage', params: sendV1('m1', 'hi') }, V1), -32600);
      refused(
        await ask({ jsonrpc: '2.0', method: 'tasks/get', params: { id: 't' } }, { 'A2A-Version': '0.3' }),
        -32600,
      );
      refused(await ask({ jsonrpc: '2.0', method: 'no/such' }), -32600);
      expect(
        (await ask({ jsonrpc: '1.0', method: 'tasks/get', params: { id: 't' } })).json.error?.code,
      ).to.equal(-32600);
    });
  });
});
