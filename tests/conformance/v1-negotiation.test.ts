/** A2A 1.0: cards, versions, extensions and errors over the wire. */
import { AgentCard, verifyAgentCardSignature } from '@a2a-js/sdk';
import { expect } from 'chai';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import type { JsonObject } from '../../protocol/units.ts';
import { call, post } from '../helpers/rpc.ts';
import { useServer } from '../helpers/server.ts';
import { CARD, OPTIONAL_EXTENSION, REQUIRED_EXTENSION, useFiles } from './card-files.ts';
import { newId, say, say03, taskIn } from './said.ts';
import { Wire } from './wire.ts';

const V1 = { 'A2A-Version': '1.0' };
const cardOf = async (origin: string, headers: Record<string, string> = V1): Promise<JsonObject> =>
  (await (await fetch(`${origin}/.well-known/agent-card.json`, { headers })).json()) as JsonObject;

describe('the agent card of 1.0', () => {
  const env: Record<string, string> = {};
  useFiles(env, {
    A2A_CARD_FILE: () => ({ ...CARD, extensions: [{ uri: OPTIONAL_EXTENSION, required: false }] }),
  });
  const server = useServer(undefined, env);

  it('is published where clients look, in the official shape [V1-1, V1-3]', async () => {
    const card = await cardOf(server.origin);
    const again = JSON.parse(JSON.stringify(AgentCard.toJSON(AgentCard.fromJSON(card)))) as JsonObject;
    expect(again).to.deep.equal(card);
    expect(card).to.deep.include({ name: CARD.name, version: CARD.version, skills: CARD.skills });
  });

  it('names each version that is served, the preferred one first, and each is served there [V1-2, V1-85, V1-86]', async () => {
    const { supportedInterfaces } = (await cardOf(server.origin)) as unknown as {
      supportedInterfaces: { url: string; protocolBinding: string; protocolVersion: string }[];
    };
    expect(supportedInterfaces.map(({ protocolVersion }) => protocolVersion)).to.deep.equal(['1.0', '0.3']);
    for (const { url, protocolBinding, protocolVersion } of supportedInterfaces) {
      expect(protocolBinding).to.equal('JSONRPC');
      const isNew = protocolVersion === '1.0';
      const headers = { 'A2A-Version': protocolVersion };
      const reply = await (isNew
        ? call(url, 'SendMessage', say('hello'), headers)
        : call(url, 'message/send', say03('hello'), headers));
      expect(reply.json.error).to.equal(undefined);
    }
  });

  it('can be cached and revalidated [V1-87]', async () => {
    const url = `${server.origin}/.well-known/agent-card.json`;
    const first = await fetch(url);
    expect(first.headers.get('Cache-Control')).to.match(/max-age=\d+/);
    const etag = first.headers.get('ETag') ?? '';
    await first.text();
    expect((await fetch(url, { headers: { 'If-None-Match': etag } })).status).to.equal(304);
  });

  it('promises streams and webhooks, and both are served [V1-2]', async () => {
    const { capabilities } = await cardOf(server.origin);
    expect(capabilities).to.deep.include({ streaming: true, pushNotifications: true });
    const client = new Wire(() => server.url, 'v1');
    const stream = await client.stream('SendStreamingMessage', say('input'));
    const { id: taskId } = taskIn((await stream.next())?.result ?? {});
    await stream.rest();
    const hook = { taskId, url: 'https://example.com/' };
    expect(await client.result('CreateTaskPushNotificationConfig', hook)).to.deep.include(hook);
  });
});

describe('a signed card', () => {
  const env: Record<string, string> = {};
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  useFiles(env, {
    A2A_CARD_FILE: () => CARD,
    A2A_CARD_SIGNING_KEY_FILE: () => ({
      ...privateKey.export({ format: 'jwk' }),
      kid: 'key-1',
      alg: 'ES256',
    }),
  });
  const server = useServer(undefined, env);

  it('is verified by the SDK, and its header says alg, kid and typ [V1-66, V1-94]', async () => {
    const card = await cardOf(server.origin);
    const [signature] = card['signatures'] as { protected: string }[];
    const header = JSON.parse(Buffer.from(signature?.protected ?? '', 'base64url').toString()) as JsonObject;
    expect(header).to.deep.include({ alg: 'ES256', kid: 'key-1', typ: 'JOSE' });
    const verify = verifyAgentCardSignature(() =>
      Promise.resolve(publicKey.export({ format: 'jwk' }) as never),
    );
    await verify(AgentCard.fromJSON(card));
    const other = AgentCard.fromJSON({ ...card, name: 'somebody else' });
    const error = await verify(other).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(Error);
    expect(JSON.stringify(card)).to.not.include(String(privateKey.export({ format: 'jwk' }).d));
  });
});

/** One call over plain HTTP. @returns the code of its error; 0 when there is none */
async function codeOfPlain(url: string, body: object, headers: Record<string, string>): Promise<number> {
  const sent = request(url, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers } });
  sent.end(JSON.stringify(body));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const { error } = (await json(response)) as { error?: { code: number } };
  return error?.code ?? 0;
}

describe('versions', () => {
  const server = useServer();
  const codeOf = async (
    method: string,
    params: JsonObject,
    headers: Record<string, string>,
  ): Promise<number> => (await call(server.url, method, params, headers)).json.error?.code ?? 0;

  it('are read from a header whose name has no case, patch numbers ignored [V1-10, V1-12, V1-13]', async () => {
    // `fetch` sends every name in lower case; this one is sent as it is written.
    const body = { jsonrpc: '2.0', id: 1, method: 'SendMessage', params: say('hello') };
    for (const name of ['a2a-version', 'A2A-VERSION', 'A2A-Version'])
      expect(await codeOfPlain(server.url, body, { [name]: '1.0' }), name).to.equal(0);
    expect(await codeOfPlain(server.url, body, { 'A2A-VERSION': '2.0' })).to.equal(-32009);
    expect(await codeOf('SendMessage', say('hello'), { 'A2A-Version': '1.0.7' })).to.equal(0);
    expect(await codeOf('message/send', say03('hello'), { 'A2A-Version': '0.3.9' })).to.equal(0);
  });

  it('are applied: each has its own methods [V1-12]', async () => {
    expect(await codeOf('message/send', say03('hello'), V1)).to.equal(-32601);
    expect(await codeOf('SendMessage', say('hello'), { 'A2A-Version': '0.3' })).to.equal(-32601);
  });

  it('that are not served are refused with those that are [V1-12, V1-53]', async () => {
    for (const version of ['2.0', '1.1', '1', 'junk']) {
      const { json, text } = await call(server.url, 'SendMessage', say('hi'), { 'A2A-Version': version });
      expect(json.error?.code, version).to.equal(-32009);
      expect(text).to.include('"supported":"0.3,1.0"');
    }
  });

  it('are 0.3 where none is named, in which SendMessage is no method [V1-11]', async () => {
    expect(await codeOf('SendMessage', say('hello'), {})).to.equal(-32009);
  });
});

describe('extensions', () => {
  const env: Record<string, string> = {};
  useFiles(env, {
    A2A_CARD_FILE: () => ({
      ...CARD,
      extensions: [{ uri: OPTIONAL_EXTENSION }, { uri: REQUIRED_EXTENSION, required: true }],
    }),
  });
  const server = useServer(undefined, env);
  const client = new Wire(() => server.url, 'v1');
  const declared = (...uris: string[]) => ({ 'A2A-Extensions': uris.join(', ') });

  it('that are required must be declared, in this very version [V1-43, V1-44, V1-53]', async () => {
    for (const headers of [
      {},
      declared(OPTIONAL_EXTENSION),
      declared(REQUIRED_EXTENSION.replace('v1', 'v2')),
    ]) {
      const { json, text } = await client.call('SendMessage', say('hello'), headers);
      expect(json.error?.code).to.equal(-32008);
      expect(text).to.include(REQUIRED_EXTENSION);
    }
  });

  it('that are activated are named in the answer, unknown ones are ignored [V1-84]', async () => {
    const headers = declared(REQUIRED_EXTENSION, OPTIONAL_EXTENSION, 'https://example.test/unknown');
    const reply = await client.call('SendMessage', say('hello'), headers);
    expect(reply.json.error).to.equal(undefined);
    const named = (reply.headers.get('A2A-Extensions') ?? '').split(/,\s*/);
    expect(named).to.have.members([REQUIRED_EXTENSION, OPTIONAL_EXTENSION]);
  });

  it('have another header in 0.3 [V03-109]', async () => {
    const headers = { 'A2A-Version': '0.3', 'X-A2A-Extensions': REQUIRED_EXTENSION };
    const reply = await call(server.url, 'message/send', say03('hello'), headers);
    expect(reply.json.error).to.equal(undefined);
    expect(reply.headers.get('X-A2A-Extensions')).to.equal(REQUIRED_EXTENSION);
  });
});

describe('errors of 1.0', () => {
  const env: Record<string, string> = {};
  useFiles(env, { A2A_CARD_FILE: () => CARD });
  const server = useServer(undefined, env);
  const client = new Wire(() => server.url, 'v1');
  const REFUSED: readonly (readonly [string, JsonObject, number, string])[] = [
    ['GetTask', { id: 'no.thing' }, -32001, 'TASK_NOT_FOUND'],
    ['NoSuch', {}, -32601, 'METHOD_NOT_FOUND'],
    ['GetTask', {}, -32602, 'INVALID_PARAMS'],
    ['GetExtendedAgentCard', {}, -32004, 'UNSUPPORTED_OPERATION'],
  ];

  it('have their codes, and details that say their type [V1-42, V1-52, V1-53, V1-78]', async () => {
    for (const [method, params, code, reason] of REFUSED) {
      const { error } = (await client.call(method, params)).json;
      expect([error?.code, typeof error?.message], method).to.deep.equal([code, 'string']);
      const details = error?.data as { '@type': string; reason?: string; domain?: string }[];
      for (const detail of details) expect(detail['@type']).to.match(/^type\.googleapis\.com\//);
      expect(details[0]).to.deep.include({ reason, domain: 'a2a-protocol.org' });
    }
    const { error } = (await client.call('GetTask', {})).json;
    expect(JSON.stringify(error?.data)).to.include('google.rpc.BadRequest').and.to.include('"field":"id"');
  });

  it('tell of a media type that the agent does not take [V1-18]', async () => {
    const part = { raw: 'QUJD', mediaType: 'image/png' };
    for (const method of ['SendMessage', 'SendStreamingMessage']) {
      const { json, text } = await client.call(method, say('x', { parts: [part] }));
      expect(json.error?.code, method).to.equal(-32005);
      expect(text).to.include('image/png').and.to.include('text/plain');
    }
  });

  it('tell of a Content-Type that is not JSON, before the body is read [V1-90]', async () => {
    const reply = await post(server.url, 'not json', { ...V1, 'Content-Type': 'text/plain' });
    expect([reply.status, reply.json.error?.code, reply.json.id]).to.deep.equal([415, -32005, null]);
  });

  it('look the same whatever form an id has that nobody knows', async () => {
    const texts = [newId(), `${newId()}.${newId()}`].map(async (id) => {
      const { text } = await client.call('GetTask', { id });
      return text.replaceAll(id, 'ID').replace(/"id":\d+/, '');
    });
    expect(new Set(await Promise.all(texts)).size).to.equal(1);
  });
});
