import { expect } from 'chai';
import { ProtocolError } from '../../protocol/errors.ts';
import { SessionDamagedError, StoreUnavailableError } from '../../server/sessions/session-store.ts';
import { useDoor } from '../helpers/door.ts';
import { viewOf } from '../helpers/fake-backend.ts';
import { call, sendV01, sendV03, sendV1, V1 } from '../helpers/rpc.ts';

const V03 = { 'A2A-Version': '0.3' };

describe('JSON-RPC answers', () => {
  const used = useDoor();
  const { door } = used;

  describe('in the dialect of the request', () => {
    it('sends', async () => {
      const v01 = await call(door.url, 'tasks/send', sendV01('t1', 'hi'));
      expect(v01.json.result).to.include({ id: 't1', sessionId: 's1' });
      expect(v01.json.result).to.have.nested.property('artifacts[0].parts[0].type', 'text');
      const v03 = await call(door.url, 'message/send', sendV03('m1', 'hi'));
      expect(v03.json.result).to.include({ kind: 'task', contextId: 's1' });
      const v1 = await call(door.url, 'SendMessage', sendV1('m1', 'hi'), V1);
      expect(v1.json.result).to.have.nested.property('task.status.state', 'TASK_STATE_COMPLETED');
      expect(used.backend.calls.map(({ call: { dialect, legacy } }) => [dialect, legacy])).to.deep.equal([
        ['v01', false],
        ['v03', false],
        ['v1', false],
      ]);
    });

    it('shows a task by the dialect that made it, where the method name leaves it open', async () => {
      const get = async (id: string, headers = {}): Promise<unknown> =>
        (await call(door.url, 'tasks/get', { id }, headers)).json.result;
      expect(await get('v01-task'))
        .to.include({ sessionId: 's1' })
        .and.not.have.property('kind');
      expect(await get('other')).to.include({ kind: 'task', contextId: 's1' });
      expect(await get('v01-task', V03)).to.include({ kind: 'task', contextId: 's1' });
      expect(used.backend.calls.map(({ call: { legacy } }) => legacy)).to.deep.equal([true, true, false]);
    });

    it('gives every request its own id and the caller from the credential', async () => {
      await call(door.url, 'GetTask', { id: 'a' }, V1);
      await call(door.url, 'GetTask', { id: 'a' }, V1);
      const [one, two] = used.backend.calls.map(({ call: context }) => context);
      expect(one?.principal).to.include({ tenant: 'default', subject: 'anonymous' });
      expect(one?.requestId)
        .to.match(/^[0-9a-f-]{36}$/)
        .and.not.equal(two?.requestId);
    });
  });

  it('refuses 1.0 methods without a version, and versions it does not serve, with -32009', async () => {
    expect((await call(door.url, 'SendMessage', sendV1('m1', 'hi'))).json.error?.code).to.equal(-32009);
    const reply = await call(door.url, 'SendMessage', sendV1('m1', 'hi'), { 'A2A-Version': '2.0' });
    expect(reply.json.error?.code).to.equal(-32009);
    expect(JSON.stringify(reply.json.error?.data)).to.contain('"supported":"0.3,1.0"');
  });

  it('takes a tenant that is absent, empty or the caller’s own, and no other', async () => {
    for (const [tenant, ok] of [
      ['', true],
      ['default', true],
      ['acme', false],
    ] as const) {
      for (const [method, params] of [
        ['SendMessage', sendV1('m1', 'hi')],
        ['GetTask', { id: 'a' }],
        ['CancelTask', { id: 'a' }],
      ] as const) {
        const reply = await call(door.url, method, { ...params, tenant }, V1);
        expect(reply.json.error?.code, `${method} ${tenant}`).to.equal(ok ? undefined : -32602);
        if (!ok) expect(JSON.stringify(reply.json.error?.data)).to.contain('"field":"tenant"');
      }
    }
  });

  it('names bad fields of the params', async () => {
    const reply = await call(door.url, 'SendMessage', { message: { role: 'ROLE_USER', parts: [] } }, V1);
    expect(reply.json.error?.code).to.equal(-32602);
    expect(JSON.stringify(reply.json.error?.data))
      .to.contain('message.messageId')
      .and.contain('message.parts');
  });

  describe('errors', () => {
    const failing = (error: unknown): void => {
      used.backend.onSend = () => {
        throw error;
      };
    };
    const send = () => call(door.url, 'SendMessage', sendV1('m1', 'hi'), V1);

    it('of the protocol go out in the shape of the dialect, with HTTP 200 and no log line', async () => {
      failing(new ProtocolError('INVALID_TASK_STATE'));
      expect((await send()).json.error?.code).to.equal(-32004);
      const v01 = await call(door.url, 'tasks/send', sendV01('t1', 'hi'));
      expect([v01.status, v01.json.error?.code]).to.deep.equal([200, -32009]);
      expect(v01.headers.get('retry-after')).to.equal(null);
      expect(door.logs.of('request_failed')).to.deep.equal([]);
    });

    it('tell of a store that is away, with advice when to come back', async () => {
      failing(new StoreUnavailableError('connect ECONNREFUSED redis://u:secret@host'));
      const reply = await send();
      expect([reply.status, reply.json.error?.code, reply.json.error?.message]).to.deep.equal([
        200,
        -32603,
        'store unavailable',
      ]);
      expect(JSON.stringify(reply.json.error?.data))
        .to.contain('"retryDelay":"1s"')
        .and.not.contain('secret');
      expect(door.logs.of('request_failed')).to.deep.equal([]);
    });

    it('tell of a damaged session, and not where it lies', async () => {
      failing(new SessionDamagedError('a2a:1:{default.00}:s:x', 'e'));
      const reply = await send();
      expect([reply.json.error?.code, reply.json.error?.message]).to.deep.equal([-32603, 'damaged']);
      expect(reply.text).to.not.contain('a2a:1');
    });

    it('that refuse for now carry 503 and Retry-After', async () => {
      failing(new ProtocolError('RESOURCE_EXHAUSTED', { httpStatus: 503, retryAfterMs: 1500 }));
      const reply = await send();
      expect([reply.status, reply.headers.get('retry-after')]).to.deep.equal([503, '2']);
      expect(reply.json.error?.code).to.equal(-32603);
      expect(reply.json.id).to.be.a('number');
      failing(new ProtocolError('RESOURCE_EXHAUSTED', { httpStatus: 503 }));
      expect((await send()).headers.get('retry-after')).to.equal('1');
    });

    for (const [what, thrown] of [
      ['an Error', new Error('redis://u:secret@host')],
      ['an Error with a code', Object.assign(new Error('secret'), { code: -32000, data: 'secret' })],
      ['a string', 'secret'],
      ['what looks like an error of JSON-RPC', { code: 1, message: 'secret' }],
      ['undefined', undefined],
      ['null', null],
    ] as const) {
      it(`of the server say nothing of themselves and are logged once: ${what}`, async () => {
        failing(thrown);
        const reply = await send();
        expect(reply.status).to.equal(200);
        expect(reply.json.error).to.deep.include({ code: -32603, message: 'Internal error' });
        expect(reply.text).to.not.contain('secret');
        const lines = door.logs.of('request_failed');
        expect(lines).to.have.length(1);
        expect(reply.text).to.contain(String(lines[0]?.['requestId']));
        expect(reply.text).to.match(/"requestId":"[0-9a-f-]{36}"/);
      });
    }

    it('are found when an answer cannot be encoded', async () => {
      used.backend.onSend = () =>
        Promise.resolve({ result: { kind: 'task', view: { ...viewOf('t', 'v1'), task: null as never } } });
      expect((await send()).json.error?.message).to.equal('Internal error');
      expect(door.logs.of('request_failed')).to.have.length(1);
    });
  });
});

describe('JSON-RPC answers of a lenient server', () => {
  const { door } = useDoor({ A2A_LENIENT_VERSION: 'true' });

  it('serve 1.0 methods without a version', async () => {
    expect((await call(door.url, 'SendMessage', sendV1('m1', 'hi'))).json.result).to.have.property('task');
  });
});
