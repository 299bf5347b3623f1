import { expect } from 'chai';
import { randomText } from '../../../server/sessions/random-pool.ts';

describe('the pool of random bytes', () => {
  it('gives as many as were asked for, as base64url, across its refills', () => {
    for (let i = 0; i < 2_000; i += 1) {
      const bytes = 1 + (i % 24);
      const text = randomText(bytes);
      expect(text).to.match(/^[\w-]+$/);
      expect(Buffer.from(text, 'base64url')).to.have.length(bytes);
    }
    expect(Buffer.from(randomText(4_096), 'base64url')).to.have.length(4_096);
  });

  it('gives none twice', () => {
    const given = Array.from({ length: 10_000 }, () => randomText(12));
    expect(new Set(given).size).to.equal(given.length);
  });

  it('refuses more than it holds', () => {
    expect(() => randomText(4_097)).to.throw(RangeError);
  });
});
