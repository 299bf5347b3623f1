import { AgentCard, verifyAgentCardSignature } from '@a2a-js/sdk';
import { expect } from 'chai';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { base64url, calculateJwkThumbprint, decodeProtectedHeader, exportJWK, flattenedVerify } from 'jose';
import { restore, stub } from 'sinon';
import { type CardInput, mergedCard, v1Card } from '../../../protocol/agent-card.ts';
import { canonicalJson } from '../../../protocol/canonical-json.ts';
import type { JsonObject } from '../../../protocol/units.ts';
import { CardSigner } from '../../../server/security/card-signer.ts';

const INPUT: CardInput = {
  name: 'Échö',
  description: 'Says it again',
  version: '1.2.3',
  url: 'https://agent.example/a2a',
  capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: false },
  extensions: [
    { uri: 'urn:x', params: { '10': [1.5, ''], '9': {}, z: null } },
    { uri: 'urn:y', required: true },
  ],
  security: [{ name: 'bearer', type: 'http', scheme: 'Bearer' }],
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [{ id: 'echo', name: 'Echo', description: 'Echoes', tags: ['demo'] }],
};
const PLAIN: CardInput = { ...INPUT, extensions: [], security: [] };

interface Signature {
  protected: string;
  signature: string;
}

/** Which signatures verify over exactly these bytes. */
async function fitting(
  card: JsonObject,
  payload: JsonObject,
  key: ReturnType<typeof createPublicKey>,
): Promise<number> {
  const encoded = base64url.encode(canonicalJson(payload));
  const signatures = card['signatures'] as unknown as Signature[];
  const checks = signatures.map(async (signature) => {
    await flattenedVerify({ ...signature, payload: encoded }, key);
  });
  return (await Promise.allSettled(checks)).filter(({ status }) => status === 'fulfilled').length;
}

const bare = (card: JsonObject): JsonObject => {
  const rest = { ...card };
  delete rest['signatures'];
  return rest;
};

describe('CardSigner', () => {
  // The SDK tells there of each signature that did not fit.
  beforeEach(() => stub(console, 'debug'));
  afterEach(() => {
    restore();
  });

  for (const [alg, pair] of [
    ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['EdDSA', generateKeyPairSync('ed25519')],
    ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ] as const) {
    const publicKey = createPublicKey(pair.privateKey);

    it(`signs with ${alg} what the official SDK verifies, merged or pure`, async () => {
      const signer = await CardSigner.create({ key: pair.privateKey, alg, kid: 'k1' });
      for (const input of [INPUT, PLAIN]) {
        for (const render of [mergedCard, v1Card]) {
          const signed = await signer.sign(render(input), v1Card(input));
          const asked: string[] = [];
          const verify = verifyAgentCardSignature((kid) => {
            asked.push(kid);
            return Promise.resolve(publicKey);
          });
          // As its client has it: a pure card is read before it is verified, a merged one is not.
          await verify(AgentCard.fromJSON(signed));
          await verify(signed as unknown as AgentCard);
          expect(new Set(asked)).to.deep.equal(new Set(['k1']));
        }
      }
    });

    it(`signs with ${alg} what who hashes the document as it came verifies`, async () => {
      const signer = await CardSigner.create({ key: pair.privateKey, alg });
      for (const render of [mergedCard, v1Card]) {
        const signed = JSON.parse(
          JSON.stringify(await signer.sign(render(INPUT), v1Card(INPUT))),
        ) as JsonObject;
        expect(await fitting(signed, bare(signed), publicKey)).to.equal(1);
        expect(await fitting(signed, { ...bare(signed), name: 'Mallory' }, publicKey)).to.equal(0);
      }
    });
  }

  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  it('needs one signature for a card in which nothing is at its default', async () => {
    const signer = await CardSigner.create({ key: privateKey, alg: 'ES256' });
    const signed = await signer.sign(v1Card(PLAIN), v1Card(PLAIN));
    expect(signed['signatures']).to.have.length(1);
    expect((await signer.sign(mergedCard(PLAIN), v1Card(PLAIN)))['signatures']).to.have.length(2);
  });

  it('says algorithm, key and type in the protected header; the thumbprint where the key has no name', async () => {
    const named = await CardSigner.create({ key: privateKey, alg: 'ES256', kid: 'k1' });
    const unnamed = await CardSigner.create({ key: privateKey, alg: 'ES256' });
    const headerOf = async (signer: CardSigner): Promise<unknown> => {
      const { signatures } = await signer.sign(v1Card(PLAIN), v1Card(PLAIN));
      return decodeProtectedHeader((signatures as unknown as Signature[])[0] as Signature);
    };
    expect(await headerOf(named)).to.deep.equal({ alg: 'ES256', kid: 'k1', typ: 'JOSE' });
    const thumbprint = await calculateJwkThumbprint(await exportJWK(publicKey));
    expect(await headerOf(unnamed)).to.deep.equal({ alg: 'ES256', kid: thumbprint, typ: 'JOSE' });
  });
});
