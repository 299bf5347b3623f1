import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { ProtocolError } from '../../../protocol/errors.ts';
import { type ApiKey, ApiKeys, REREAD_MS } from '../../../server/security/api-keys.ts';
import { Credentials } from '../../../server/security/credentials.ts';

const sha256 = (key: string): string => createHash('sha256').update(key).digest('hex');
const keyOf = (key: string, tenant: string, subject = 'ada'): ApiKey => ({
  sha256: sha256(key),
  tenant,
  subject,
  roles: ['peer'],
});

describe('ApiKeys', () => {
  let now = 0;
  let next: readonly ApiKey[] | undefined;
  let reads = 0;
  let keys: Credentials;
  beforeEach(() => {
    now = 1000;
    next = undefined;
    reads = 0;
    const known = new ApiKeys({
      keys: [keyOf('red', 'acme'), keyOf('blue', 'umbrella', 'eve')],
      reread: () => {
        reads++;
        return Promise.resolve(next);
      },
      now: () => now,
    });
    keys = new Credentials({ keys: known });
  });

  const refusal = async (headers: Record<string, string>): Promise<ProtocolError> => {
    try {
      await keys.resolve(headers);
    } catch (error) {
      if (error instanceof ProtocolError) return error;
      throw error;
    }
    throw new Error('the key was accepted');
  };

  it('says who calls, by either header', async () => {
    const acme = { tenant: 'acme', subject: 'ada', roles: ['peer'], tier: 'default' };
    for (const headers of [
      { authorization: 'Bearer red' },
      { authorization: 'bearer  red' },
      { 'x-api-key': 'red' },
      // a proxy's own credentials beside the key
      { authorization: 'Basic YTpi', 'x-api-key': 'red' },
      { authorization: 'Bearer of-a-proxy', 'x-api-key': 'red' },
    ]) {
      expect(await keys.resolve(headers), JSON.stringify(headers)).to.deep.equal(acme);
    }
    expect(await keys.resolve({ 'x-api-key': 'blue' })).to.include({ tenant: 'umbrella', subject: 'eve' });
  });

  it('refuses anything else with 401, and repeats nothing of it', async () => {
    for (const headers of [
      {},
      { authorization: 'Bearer ' },
      { authorization: 'Bearer' },
      { authorization: 'red' },
      { authorization: 'Basic red' },
      { authorization: 'Bearer red blue' },
      { authorization: 'Bearer Red' },
      { authorization: `Bearer ${sha256('red')}` },
      { 'x-api-key': '' },
      { 'x-api-key': 'red, blue' },
      { 'x-api-key': 'hunter2' },
    ] as Record<string, string>[]) {
      const error = await refusal(headers);
      expect([error.reason, error.httpStatus], JSON.stringify(headers)).to.deep.equal([
        'UNAUTHENTICATED',
        401,
      ]);
      expect(JSON.stringify(error) + error.message).to.not.contain('hunter2');
    }
  });

  it('gives the same refusal to who has none and to who has a wrong one', async () => {
    expect((await refusal({})).message).to.equal((await refusal({ 'x-api-key': 'x' })).message);
  });

  it('takes new keys and drops old ones, looking at most every so often', async () => {
    next = [keyOf('green', 'acme')];
    now += REREAD_MS - 1;
    await keys.resolve({ 'x-api-key': 'red' });
    expect(reads).to.equal(0);
    now += 1;
    await refusal({ 'x-api-key': 'red' });
    expect(await keys.resolve({ 'x-api-key': 'green' })).to.include({ tenant: 'acme' });
    expect(reads).to.equal(1);
  });

  it('looks on when the clock was set back', async () => {
    next = [];
    now -= 3_600_000;
    await refusal({ 'x-api-key': 'red' });
    expect(reads).to.equal(1);
    await refusal({ 'x-api-key': 'red' });
    expect(reads).to.equal(1);
  });

  it('keeps the keys while there is nothing new', async () => {
    now += REREAD_MS;
    expect(await keys.resolve({ 'x-api-key': 'red' })).to.include({ tenant: 'acme' });
    expect(reads).to.equal(1);
  });
});
