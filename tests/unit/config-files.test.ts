import { expect } from 'chai';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigError, parseConfig } from '../../server/config.ts';
import { readApiKeys, readSigningKey } from '../../server/config-files.ts';
import { useFiles } from '../helpers/files.ts';

/** The JSON that docs/configuration.md shows under a heading. */
async function exampleOf(heading: string): Promise<string> {
  const [, section = ''] = (await readFile('docs/configuration.md', 'utf8')).split(`\n## ${heading}\n`);
  return /```json\n([^`]+)```/.exec(section)?.[1] ?? '';
}

describe('the files that the environment names', () => {
  const files = useFiles();

  const problemsOf = (variable: string, content: string | object): readonly string[] => {
    try {
      parseConfig({ [variable]: files.write('it.json', content) });
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
    return [];
  };

  it('are all looked at, and every problem of each is named at once', () => {
    const card = files.write('card.json', { nome: 'x', skills: [{ id: 'a' }], url: 'https://x/' });
    const keys = files.write('keys.json', { keys: [{ hash: 'abc', tenant: '', subject: 'ada' }] });
    const env = {
      PORT: 'abc',
      A2A_CARD_FILE: card,
      A2A_API_KEYS_FILE: keys,
      A2A_CARD_SIGNING_KEY_FILE: '/nowhere/key.pem',
    };
    expect(() => parseConfig(env)).to.throw(
      ConfigError,
      [
        'Configuration is not usable:',
        'PORT: must be a whole number, got abc',
        'A2A_CARD_FILE: skills[0].name is required',
        'A2A_CARD_FILE: skills[0].description is required',
        'A2A_CARD_FILE: skills[0].tags is required',
        'A2A_CARD_FILE: nome is not known',
        'A2A_CARD_FILE: url is decided by what runs: leave it out',
        'A2A_CARD_SIGNING_KEY_FILE: cannot be read: ENOENT',
        'A2A_API_KEYS_FILE: keys[0].hash must be sha256: and 64 hexadecimal digits',
        'A2A_API_KEYS_FILE: keys[0].tenant must not be empty',
      ].join('\n  - '),
    );
  });

  for (const variable of ['A2A_CARD_FILE', 'A2A_API_KEYS_FILE']) {
    it(`are refused when ${variable} names something else than JSON, without repeating it`, () => {
      expect(problemsOf(variable, '{"keys": hunter2')).to.deep.equal([`${variable}: is not JSON`]);
    });
  }

  describe('A2A_CARD_FILE', () => {
    const skill = { id: 'a', name: 'A', description: 'Does a', tags: ['x'] };

    it('may say everything that is not decided by what runs, or little', () => {
      const card = {
        name: 'Shop',
        description: 'Sells',
        version: '2.0.0',
        provider: { organization: 'Example', url: 'https://example.test' },
        documentationUrl: 'https://example.test/docs',
        iconUrl: 'https://example.test/icon.png',
        skills: [{ ...skill, examples: ['hi'], inputModes: ['text/*'], outputModes: ['text/plain'] }],
        defaultInputModes: ['text/plain', '*/*'],
        defaultOutputModes: ['application/json'],
        extensions: [{ uri: 'urn:x', description: 'X', required: true, params: { a: [1, null] } }],
        extended: { description: 'Sells more', skills: [{ ...skill, id: 'b' }], roles: ['peer'] },
      };
      expect(parseConfig({ A2A_CARD_FILE: files.write('c.json', card) }).cardText).to.deep.equal(card);
      expect(problemsOf('A2A_CARD_FILE', { name: 'Shop' })).to.deep.equal([]);
      // as some editors begin a file
      expect(problemsOf('A2A_CARD_FILE', '\uFEFF{"name": "Shop"}')).to.deep.equal([]);
    });

    it('may be what the manual shows', async () => {
      expect(problemsOf('A2A_CARD_FILE', await exampleOf('The card file'))).to.deep.equal([]);
      const keys = (await exampleOf('API keys')).replace('…64 hexadecimal digits…', 'ab'.repeat(32));
      expect(problemsOf('A2A_API_KEYS_FILE', keys)).to.deep.equal([]);
    });

    for (const [why, card, ...problems] of [
      ['an empty name', { name: '' }, 'name must not be empty'],
      ['no skill', { skills: [] }, 'skills must not be empty'],
      [
        'a mode of 0.1',
        { defaultInputModes: ['text'] },
        'defaultInputModes[0] must be a media type such as text/plain, image/* or */*',
      ],
      ['a bad URL', { iconUrl: 'javascript:alert(1)' }, 'iconUrl must be an http or https URL'],
      [
        'an extension that a header cannot carry',
        { extensions: [{ uri: 'urn:a,b' }] },
        'extensions[0].uri must be an absolute URI of at most 1024 characters, without spaces and commas',
      ],
      [
        'an extension twice',
        { extensions: [{ uri: 'urn:a' }, { uri: 'urn:a' }] },
        'extensions[1].uri is taken by an earlier entry',
      ],
      ['a skill twice', { skills: [skill, skill] }, 'skills[1].id is taken by an earlier entry'],
      [
        'a skill again in the extended card',
        { skills: [skill], extended: { skills: [skill] } },
        'extended.skills[0].id is taken in skills',
      ],
      ['an extended card that says nothing', { extended: {} }, 'extended must have a description or skills'],
      [
        'what another generation calls so',
        { capabilities: {}, security: [], 'we\u001b[31mird': 1 },
        'capabilities is decided by what runs: leave it out',
        'security is decided by what runs: leave it out',
        'we??31mird is not known',
      ],
      ['a list', [], 'must be an object'],
    ] as const) {
      it(`is refused with ${why}`, () => {
        const expected = problems.map((problem) => `A2A_CARD_FILE: ${problem}`);
        expect(problemsOf('A2A_CARD_FILE', card)).to.deep.equal(expected);
      });
    }
  });

  describe('A2A_API_KEYS_FILE', () => {
    const hashOf = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`;
    const row = { hash: hashOf('k'), tenant: 'acme', subject: 'ada' };

    it('says whom each key speaks for; without roles it is a peer', () => {
      const keys = [
        row,
        {
          id: 'ops',
          hash: hashOf('l').toUpperCase().replace('SHA', 'sha'),
          tenant: 'acme',
          subject: 'eve',
          roles: [],
        },
      ];
      expect(readApiKeys(files.write('k.json', { keys }))).to.deep.equal([
        { sha256: hashOf('k').slice(7), tenant: 'acme', subject: 'ada', roles: ['peer'] },
        { id: 'ops', sha256: hashOf('l').slice(7), tenant: 'acme', subject: 'eve', roles: [] },
      ]);
    });

    it('keeps no key and no hash in the configuration', () => {
      const path = files.write('k.json', { keys: [row] });
      const config = parseConfig({ A2A_API_KEYS_FILE: path });
      expect(config.apiKeysFile).to.equal(path);
      expect(JSON.stringify(config)).to.not.contain(row.hash.slice(7));
    });

    for (const [why, content, ...problems] of [
      ['no keys', { keys: [] }, 'keys must not be empty'],
      ['no list', {}, 'keys is required'],
      [
        'the hash of nothing',
        { keys: [{ ...row, hash: hashOf('') }] },
        'keys[0].hash must not be the hash of an empty key',
      ],
      ['a key twice', { keys: [row, row] }, 'keys[1].hash is that of an earlier key'],
      [
        'an id twice',
        {
          keys: [
            { ...row, id: 'a' },
            { ...row, id: 'a', hash: hashOf('l') },
          ],
        },
        'keys[1].id is that of an earlier key',
      ],
      [
        'a tenant with control characters',
        { keys: [{ ...row, tenant: 'a\n' }] },
        'keys[0].tenant must not contain control characters',
      ],
      ['a member misspelt', { keys: [{ ...row, role: 'x' }] }, 'keys[0].role is not known'],
    ] as const) {
      it(`is refused with ${why}`, () => {
        const expected = problems.map((problem) => `A2A_API_KEYS_FILE: ${problem}`);
        expect(problemsOf('A2A_API_KEYS_FILE', content)).to.deep.equal(expected);
      });
    }

    it('is never repeated in a problem, wherever a key or a hash was put', () => {
      const secret = 'hunter2hunter2hunter2';
      for (const content of [
        { [secret]: row },
        { keys: { [secret]: row } },
        { keys: [{ ...row, [secret]: 1 }] },
        { keys: [{ ...row, hash: secret }] },
        { keys: [secret] },
        secret,
      ]) {
        const problems = problemsOf('A2A_API_KEYS_FILE', content);
        expect(problems).to.not.have.length(0);
        expect(problems.join()).to.not.contain(secret).and.not.contain(row.hash.slice(7));
      }
    });
  });

  describe('A2A_CARD_SIGNING_KEY_FILE', () => {
    const pemOf = (pair: { privateKey: { export(options: object): string | Buffer } }): string =>
      String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

    it('is PEM or a JWK, of the kinds that JWS has', () => {
      const jwk = { ...ec.privateKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' };
      const keys: [string | object, string, string?][] = [
        [pemOf(ec), 'ES256'],
        [String(ec.privateKey.export({ type: 'sec1', format: 'pem' })), 'ES256'],
        [jwk, 'ES256', 'k1'],
        [pemOf(generateKeyPairSync('ec', { namedCurve: 'P-521' })), 'ES512'],
        [pemOf(generateKeyPairSync('ed25519')), 'EdDSA'],
        [pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 })), 'RS256'],
      ];
      for (const [content, alg, kid] of keys) {
        const read = readSigningKey(files.write('key', content));
        expect([read.alg, read.kid]).to.deep.equal([alg, kid]);
      }
    });

    for (const [why, content, problem] of [
      [
        'a public key',
        String(ec.publicKey.export({ type: 'spki', format: 'pem' })),
        'must hold a private key',
      ],
      ['no key', 'hunter2', 'must hold a private key'],
      ['broken JSON', '{"kty": hunter2', 'is not JSON'],
      [
        'a curve that JWS lacks',
        pemOf(generateKeyPairSync('ec', { namedCurve: 'secp224r1' })),
        'must hold an EC key',
      ],
      ['a short RSA key', pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 })), 'must hold an EC key'],
      [
        'an alg of another kind',
        { ...ec.privateKey.export({ format: 'jwk' }), alg: 'RS256' },
        'has an alg that does not fit',
      ],
      [
        'a kid that is a number',
        { ...ec.privateKey.export({ format: 'jwk' }), kid: 1 },
        'has a kid that is no text',
      ],
    ] as const) {
      it(`is refused when it holds ${why}, without repeating it`, () => {
        const [found, ...others] = problemsOf('A2A_CARD_SIGNING_KEY_FILE', content);
        expect(others).to.deep.equal([]);
        expect(found)
          .to.match(new RegExp(`^A2A_CARD_SIGNING_KEY_FILE: ${problem}`))
          .and.not.contain('hunter2');
      });
    }
  });
});
