import { AgentCard, verifyAgentCardSignature } from '@a2a-js/sdk';
import { ClientFactory, DefaultAgentCardResolver, JsonRpcTransportFactory } from '@a2a-js/sdk/client';
import { expect } from 'chai';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { restore, stub } from 'sinon';
import type { JsonObject } from '../../protocol/units.ts';
import { useDoor } from '../helpers/door.ts';
import { useFiles } from '../helpers/files.ts';
import { keysFile, withKey } from '../helpers/keys.ts';
import { call, sendV01, sendV03, sendV1, V1 } from '../helpers/rpc.ts';

const GEO = 'https://example.test/geo/v1';
const skill = { id: 'sell', name: 'Sell', description: 'Sells things.', tags: ['shop'] };
const SHOP = {
  name: 'Shop',
  description: 'Sells things.',
  version: '2.1.0',
  provider: { organization: 'Example', url: 'https://example.test' },
  skills: [{ ...skill, inputModes: ['image/*'] }],
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
};
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PEM = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));

const v03 = { 'A2A-Version': '0.3' };

const cardOf = async (origin: string, headers: Record<string, string> = {}): Promise<JsonObject> =>
  (await (await fetch(`${origin}/.well-known/agent-card.json`, { headers })).json()) as JsonObject;

describe('the card of a configured agent', () => {
  const files = useFiles();

  describe('from a file', () => {
    const used = useDoor({ A2A_CARD_FILE: files.write('shop.json', SHOP) });
    const { door } = used;

    it('says what the file says, and of what runs the truth', async () => {
      const card = await cardOf(door.origin, V1);
      expect(card).to.deep.include(SHOP);
      expect(card['capabilities']).to.deep.equal({
        streaming: true,
        pushNotifications: true,
        extendedAgentCard: false,
      });
      expect(card).to.not.have.any.keys('securitySchemes', 'securityRequirements', 'signatures');
      expect(await cardOf(door.origin)).to.deep.include({ ...SHOP, url: door.url });
    });

    it('has no extended card without credentials to be known by', async () => {
      const v1 = await call(door.url, 'GetExtendedAgentCard', {}, V1);
      expect(v1.json.error?.code).to.equal(-32004);
      const legacy = await call(door.url, 'agent/getAuthenticatedExtendedCard', {});
      expect(legacy.json.error?.code).to.equal(-32004);
    });

    it('lets parts in that it lists, by default or for a skill', async () => {
      for (const parts of [
        [{ text: 'hi' }, { raw: 'QUJD', mediaType: 'image/png' }],
        [{ url: 'https://x.example/a', mediaType: 'IMAGE/jpeg; q=1' }],
        [{ raw: 'QUJD' }],
      ] as JsonObject[][]) {
        const params = { message: { messageId: 'm', role: 'ROLE_USER', parts } };
        expect(
          (await call(door.url, 'SendMessage', params, V1)).json,
          JSON.stringify(parts),
        ).to.have.property('result');
      }
    });

    it('refuses parts that it does not list with -32005, naming each of them and what it takes', async () => {
      const parts = [{ text: 'hi' }, { raw: 'QUJD', mediaType: 'audio/ogg' }, { data: { a: 1 } }];
      const params = { message: { messageId: 'm', role: 'ROLE_USER', parts } };
      for (const method of ['SendMessage', 'SendStreamingMessage']) {
        const { status, json } = await call(door.url, method, params, V1);
        expect([status, json.error?.code]).to.deep.equal([200, -32005]);
        expect(json.error?.message)
          .to.contain('message.parts[1] is audio/ogg')
          .and.contain('message.parts[2] is application/json')
          .and.contain('text/plain, image/*');
        expect(json).to.have.nested.property('error.data[0].reason', 'CONTENT_TYPE_NOT_SUPPORTED');
        expect(json).to.have.nested.property('error.data[1].fieldViolations[0].field', 'message.parts[1]');
      }
      const legacy = await call(door.url, 'tasks/send', {
        id: 't1',
        message: { role: 'user', parts: [{ type: 'file', file: { bytes: 'QUJD', mimeType: 'audio/ogg' } }] },
      });
      expect(legacy.json.error?.code).to.equal(-32005);
      expect(used.backend.calls).to.deep.equal([]);
    });
  });

  describe('with extensions', () => {
    const extensions = [{ uri: GEO, required: true }, { uri: 'urn:log' }];
    const used = useDoor({ A2A_CARD_FILE: files.write('extended.json', { ...SHOP, extensions }) });
    const { door } = used;
    const lastExtensions = (): unknown => used.backend.calls.at(-1)?.call.extensions;

    it('lists them', async () => {
      expect(await cardOf(door.origin, V1)).to.deep.nested.include({ 'capabilities.extensions': extensions });
      expect(await cardOf(door.origin)).to.deep.nested.include({ 'capabilities.extensions': extensions });
    });

    it('refuses messages of clients that do not declare a required one, in their words', async () => {
      for (const [method, params, headers, code] of [
        ['SendMessage', sendV1('m', 'hi'), V1, -32008],
        ['SendStreamingMessage', sendV1('m', 'hi'), V1, -32008],
        ['message/send', sendV03('m', 'hi'), {}, -32008],
        ['message/stream', sendV03('m', 'hi'), v03, -32008],
        ['tasks/send', sendV01('t', 'hi'), {}, -32004],
        ['tasks/sendSubscribe', sendV01('t', 'hi'), {}, -32004],
        [
          'SendMessage',
          sendV1('m', 'hi'),
          { ...V1, 'A2A-Extensions': 'https://example.test/geo/v2' },
          -32008,
        ],
      ] as const) {
        const { json } = await call(door.url, method, params, headers);
        expect(json.error?.code, method).to.equal(code);
        expect(json.error?.message, method).to.contain(GEO);
      }
      expect(used.backend.calls).to.deep.equal([]);
    });

    it('serves who does not send a message without any', async () => {
      expect((await call(door.url, 'GetTask', { id: 's1.t1' }, V1)).json).to.have.property('result');
      expect((await call(door.url, 'CancelTask', { id: 's1.t1' }, V1)).json).to.have.property('result');
    });

    it('activates what is declared and offered, says so, and tells the agent', async () => {
      for (const [name, method, params, version] of [
        ['A2A-Extensions', 'SendMessage', sendV1('m', 'hi'), V1],
        ['X-A2A-Extensions', 'message/send', sendV03('m', 'hi'), v03],
      ] as const) {
        for (const header of ['A2A-Extensions', 'X-A2A-Extensions']) {
          const reply = await call(door.url, method, params, {
            ...version,
            [header]: `urn:unknown , ${GEO},urn:log`,
          });
          expect(reply.json).to.have.property('result');
          expect(reply.headers.get(name)).to.equal(`${GEO}, urn:log`);
          expect(lastExtensions()).to.deep.equal([GEO, 'urn:log']);
        }
      }
      const alone = await call(door.url, 'SendMessage', sendV1('m', 'hi'), { ...V1, 'A2A-Extensions': GEO });
      expect(alone.headers.get('a2a-extensions')).to.equal(GEO);
      expect(alone.headers.has('x-a2a-extensions')).to.equal(false);
    });
  });

  describe('with an extended part and keys', () => {
    const extended = {
      description: 'Sells everything.',
      skills: [{ ...skill, id: 'wholesale' }],
      roles: ['dealer'],
    };
    const keys = keysFile(
      { key: 'dealer-1', tenant: 'acme', roles: ['peer', 'dealer'] },
      { key: 'peer-1', tenant: 'acme' },
    );
    const { door } = useDoor({
      A2A_CARD_FILE: files.write('more.json', { ...SHOP, extended }),
      A2A_API_KEYS_FILE: files.write('keys.json', keys),
    });

    it('promises an extended card to everybody and shows nothing of it', async () => {
      const card = await cardOf(door.origin);
      expect(card).to.deep.nested.include({
        'capabilities.extendedAgentCard': true,
        supportsAuthenticatedExtendedCard: true,
      });
      expect(JSON.stringify(card)).to.not.contain('wholesale').and.not.contain('everything');
    });

    it('shows it to who may see it: in 1.0 the pure card', async () => {
      const headers = { ...V1, ...withKey('dealer-1') };
      for (const params of [{}, { tenant: 'acme' }]) {
        const reply = await call(door.url, 'GetExtendedAgentCard', params, headers);
        expect(reply.headers.get('cache-control')).to.equal('no-store');
        const card = reply.json.result as JsonObject;
        expect(card).to.include({ name: 'Shop', description: 'Sells everything.', version: '2.1.0' });
        expect(card).to.not.have.any.keys('url', 'protocolVersion', 'security');
        expect(AgentCard.fromJSON(card).skills.map(({ id }) => id)).to.deep.equal(['sell', 'wholesale']);
      }
    });

    it('shows it to who may see it: in 0.3 the card of 0.3, and without params', async () => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'agent/getAuthenticatedExtendedCard' });
      const reply = await fetch(door.url, {
        method: 'POST',
        body,
        headers: { 'Content-Type': 'application/json', ...withKey('dealer-1') },
      });
      const { result } = (await reply.json()) as { result: JsonObject };
      expect(result).to.include({
        protocolVersion: '0.3.0',
        url: door.url,
        description: 'Sells everything.',
      });
      expect(result).to.not.have.any.keys('supportedInterfaces', 'securityRequirements');
    });

    it('is not configured for who lacks the role, and asks for a key who has none [V1-42]', async () => {
      const peer = await call(door.url, 'GetExtendedAgentCard', {}, { ...V1, ...withKey('peer-1') });
      expect(peer.json.error).to.include({ code: -32007 });
      expect((await call(door.url, 'GetExtendedAgentCard', {}, V1)).status).to.equal(401);
      expect((await call(door.url, 'agent/getAuthenticatedExtendedCard', {})).status).to.equal(401);
    });

    it('is fetched by the official client', async () => {
      const authorized: typeof fetch = (input, init) => {
        const headers = new Headers(init?.headers);
        headers.set('Authorization', 'Bearer dealer-1');
        return fetch(input, { ...init, headers });
      };
      const options = { fetchImpl: authorized };
      const factory = new ClientFactory({
        transports: [Reflect.construct(JsonRpcTransportFactory, [options]) as JsonRpcTransportFactory],
        cardResolver: new DefaultAgentCardResolver(options),
      });
      const client = await factory.createFromUrl(door.origin);
      const card = await client.getAgentCard();
      expect(card.skills.map(({ id }) => id)).to.include('wholesale');
    });
  });

  describe('when it is signed', () => {
    beforeEach(() => stub(console, 'debug'));
    afterEach(() => {
      restore();
    });
    const { door } = useDoor({
      A2A_CARD_FILE: files.write('signed.json', SHOP),
      A2A_API_KEYS_FILE: files.write('keys-2.json', keysFile({ key: 'k', tenant: 'acme' })),
      A2A_CARD_SIGNING_KEY_FILE: files.write('key.pem', PEM),
    });
    const verify = verifyAgentCardSignature(() => Promise.resolve(createPublicKey(privateKey)));

    it('is verified by the official client, pure and merged', async () => {
      await verify(await new DefaultAgentCardResolver().resolve(door.origin));
      await verify((await cardOf(door.origin)) as unknown as AgentCard);
    });

    it('is not verified once it was changed', async () => {
      for (const headers of [V1, {}]) {
        const card = { ...(await cardOf(door.origin, headers)), description: 'Sells you.' };
        const outcome = await verify(card as unknown as AgentCard).then(
          () => 'verified',
          () => 'refused',
        );
        expect(outcome).to.equal('refused');
      }
    });

    it('is the same each time, so that caches can tell', async () => {
      const path = `${door.origin}/.well-known/agent-card.json`;
      const [first, second] = await Promise.all([fetch(path), fetch(path)]);
      expect(first.headers.get('etag')).to.equal(second.headers.get('etag'));
      expect(await first.text()).to.equal(await second.text());
      const etag = first.headers.get('etag') ?? '';
      const again = await fetch(path, { headers: { 'If-None-Match': etag } });
      expect([again.status, again.headers.get('vary')]).to.deep.equal([304, 'A2A-Version']);
      expect((await fetch(path, { headers: { ...V1, 'If-None-Match': etag } })).status).to.equal(200);
    });

    it('carries nothing of the private key', async () => {
      const { d } = privateKey.export({ format: 'jwk' });
      const told = JSON.stringify([
        await cardOf(door.origin),
        await cardOf(door.origin, V1),
        door.logs.lines,
      ]);
      expect(told).to.not.contain(d).and.not.contain('PRIVATE KEY');
    });
  });
});
