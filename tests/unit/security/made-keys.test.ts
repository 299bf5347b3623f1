import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { makeKey } from '../../../server/cli/made-key.ts';
import { type ApiKey, ApiKeys } from '../../../server/security/api-keys.ts';

const rowOf = ({ id, salt, hash }: ReturnType<typeof makeKey>, more: Partial<ApiKey> = {}): ApiKey => ({
  ...{ id, salt, sha256: hash.slice('sha256:'.length) },
  ...{ tenant: 'acme', subject: 'ada', roles: ['peer'] },
  ...more,
});

describe('made keys', () => {
  let now = 1_000;
  const knownOf = (...keys: ApiKey[]): ApiKeys =>
    new ApiKeys({ keys, reread: () => Promise.resolve(undefined), now: () => now });
  beforeEach(() => {
    now = 1_000;
  });

  it('have 256 random bits, and an id and a salt of their own', () => {
    const made = Array.from({ length: 200 }, makeKey);
    for (const { key, id } of made) expect(key).to.match(new RegExp(`^hf_${id}_[\\w-]{43}$`));
    for (const member of ['key', 'id', 'salt', 'hash'] as const)
      expect(new Set(made.map((one) => one[member])).size).to.equal(200);
  });

  it('are known by their entry, with its tier', () => {
    const [one, other] = [makeKey(), makeKey()];
    const keys = knownOf(rowOf(one, { tier: 'gold' }), rowOf(other, { subject: 'eve' }));
    expect(keys.find(one.key)).to.deep.equal({
      tenant: 'acme',
      subject: 'ada',
      roles: ['peer'],
      tier: 'gold',
      credential: one.id,
    });
    expect(keys.find(other.key)).to.include({ subject: 'eve', tier: 'default' });
  });

  it('are not known when anything of them is another', () => {
    const [one, other] = [makeKey(), makeKey()];
    const keys = knownOf(rowOf(one), rowOf(other));
    const secret = one.key.slice(`hf_${one.id}_`.length);
    for (const wrong of [
      `hf_${other.id}_${secret}`,
      `hf_nobody_${secret}`,
      `hf_${one.id}_`,
      `hf_${one.id}`,
      `hf_${one.id}_${secret.slice(0, -1)}`,
      `${one.key}A`,
      `HF_${one.id}_${secret}`,
      secret,
      'hf_',
      'hf__',
      one.hash,
      one.hash.slice(7),
      one.salt + one.key,
    ])
      expect(keys.find(wrong), wrong).to.equal(undefined);
  });

  it('are not known by the hash of the key alone, nor is an older one by a hash with a salt', () => {
    const made = makeKey();
    const unsalted = createHash('sha256').update(made.key).digest('hex');
    expect(knownOf(rowOf(made, { sha256: unsalted })).find(made.key)).to.equal(undefined);
    const older: ApiKey = { sha256: unsalted, tenant: 'acme', subject: 'ada', roles: ['peer'] };
    expect(knownOf(older).find(made.key)).to.include({ subject: 'ada' });
  });

  it('end when they expire, and when they are revoked', () => {
    const [short, gone] = [makeKey(), makeKey()];
    const keys = knownOf(rowOf(short, { expires: 2_000 }), rowOf(gone, { revoked: 500 }));
    expect(keys.find(gone.key)).to.equal(undefined);
    now = 1_999;
    expect(keys.find(short.key)).to.include({ subject: 'ada' });
    now = 2_000;
    expect(keys.find(short.key)).to.equal(undefined);
  });

  it('of an older kind end as well', () => {
    const sha256 = createHash('sha256').update('red').digest('hex');
    const older = { sha256, tenant: 'acme', subject: 'ada', roles: [], expires: 2_000 };
    const keys = knownOf(older);
    expect(keys.find('red')).to.include({ subject: 'ada' });
    now = 2_000;
    expect(keys.find('red')).to.equal(undefined);
    expect(knownOf({ ...older, revoked: 1 }).find('red')).to.equal(undefined);
  });
});
