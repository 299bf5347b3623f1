import { expect } from 'chai';
import { ConfigError, parseConfig } from '../../server/config.ts';
import { readEncryptionKeys } from '../../server/config-files.ts';
import { useFiles } from '../helpers/files.ts';
import { encryptionKeysFile, keyOf } from '../helpers/sealing.ts';

const KEY = keyOf('k1').toString('base64');

describe('the file of encryption keys', () => {
  const files = useFiles();
  const parse = (content: string | object, env: Record<string, string> = {}) =>
    parseConfig({ A2A_ENCRYPTION_KEYS_FILE: files.write('keys.json', content), ...env });
  const problemsOf = (content: string | object): readonly string[] => {
    try {
      parse(content);
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
    return [];
  };

  it('says which key seals and which open, and stays out of the configuration', () => {
    const path = files.write('keys.json', encryptionKeysFile('k2', 'k1'));
    const { active, keys } = readEncryptionKeys(path);
    expect(active).to.equal('k2');
    expect([...keys].map(([id, key]) => [id, key.export().toString('base64')])).to.have.deep.members([
      ['k1', KEY],
      ['k2', keyOf('k2').toString('base64')],
    ]);
    const config = parse(encryptionKeysFile('k2', 'k1'), { A2A_ENCRYPTION_REQUIRED: 'true' });
    expect(config.encryption).to.deep.equal({ keysFile: path, required: true });
    expect(JSON.stringify(config)).to.not.contain(KEY);
    expect(parseConfig({})).to.not.have.any.keys('encryption', 'compressAboveBytes');
  });

  for (const [why, content, ...problems] of [
    ['nothing', {}, 'active is required', 'keys is required'],
    ['no keys', { active: 'k1', keys: {} }, 'keys must not be empty'],
    ['a list', { active: 'k1', keys: [KEY] }, 'keys must be an object'],
    ['another active key', { active: 'k2', keys: { k1: KEY } }, 'active must be the id of one of the keys'],
    ['a short key', { active: 'k1', keys: { k1: 'c2hvcnQ=' } }, 'keys.k1 must be base64 of 32 bytes'],
    ['a key in hex', { active: 'k1', keys: { k1: 'ab'.repeat(32) } }, 'keys.k1 must be base64 of 32 bytes'],
    ['a key that is no text', { active: 'k1', keys: { k1: 1 } }, 'keys.k1 must be base64 of 32 bytes'],
    [
      'a key with a stray blank',
      { active: 'k1', keys: { k1: ` ${KEY}` } },
      'keys.k1 must be base64 of 32 bytes',
    ],
    [
      'nothing but zeros',
      { active: 'k1', keys: { k1: Buffer.alloc(32).toString('base64') } },
      'keys.k1 must be random',
    ],
    ['one key twice', { active: 'k1', keys: { k1: KEY, k2: KEY } }, 'keys.k2 is that of an earlier id'],
    [
      'a bad id',
      { active: 'k1', keys: { k1: KEY, 'k.2': KEY } },
      'keys has a key id that is not 1 to 32 of A-Z a-z 0-9 _ -',
    ],
    ['another member', { active: 'k1', keys: { k1: KEY }, old: KEY }, 'old is not known'],
    ['no JSON', `{"k1":${KEY}`, 'is not JSON'],
  ] as const) {
    it(`is refused with ${why}`, () => {
      expect(problemsOf(content)).to.deep.equal(
        problems.map((problem) => `A2A_ENCRYPTION_KEYS_FILE: ${problem}`),
      );
    });
  }

  it('is never repeated in a problem, wherever a key was put', () => {
    for (const content of [
      { [KEY]: 1 },
      { active: KEY, keys: { k1: KEY } },
      { active: 'k1', keys: { [KEY]: 'k1' } },
      { active: 'k1', keys: { k1: `${KEY}x` } },
      { active: 'k1', keys: { k1: { [KEY]: KEY } } },
      KEY,
    ]) {
      const problems = problemsOf(content);
      expect(problems).to.not.have.length(0);
      expect(problems.join()).to.not.contain(KEY.slice(0, 12));
    }
  });

  it('is needed when encryption is required', () => {
    expect(() => parseConfig({ A2A_ENCRYPTION_REQUIRED: 'true' })).to.throw(
      ConfigError,
      'A2A_ENCRYPTION_REQUIRED: must not be true without A2A_ENCRYPTION_KEYS_FILE',
    );
  });

  it('has a bound for compression beside it', () => {
    expect(parseConfig({ A2A_COMPRESS_ABOVE_BYTES: '4096' }).compressAboveBytes).to.equal(4_096);
    expect(() => parseConfig({ A2A_COMPRESS_ABOVE_BYTES: '0' })).to.throw(
      ConfigError,
      'A2A_COMPRESS_ABOVE_BYTES: must be at least 128, got 0',
    );
  });
});
