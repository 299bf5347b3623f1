import { expect } from 'chai';
import fc from 'fast-check';
import { findIdFault } from '../../../protocol/dialects/fields.ts';
import { readSpace, showSpace, spaceOf } from '../../../server/security/space.ts';
import { encodeId } from '../../../server/sessions/session-ref.ts';

/** As credentials have them. */
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 80 })
  .filter((text) => findIdFault(text, 256) === undefined);

describe('the place where sessions live', () => {
  it('is the tenant itself where all of it shares them', () => {
    fc.assert(
      fc.property(name, name, (tenant, subject) => {
        expect(spaceOf('tenant', { tenant, subject })).to.equal(tenant);
        expect(readSpace(tenant)).to.deep.equal({ tenant });
      }),
    );
  });

  it('is one for each subject, and of no other tenant', () => {
    fc.assert(
      fc.property(name, name, name, (a, b, c) => {
        const [one, other] = [
          spaceOf('subject', { tenant: a + b, subject: c }),
          spaceOf('subject', { tenant: a, subject: b + c }),
        ];
        expect(one).to.not.equal(other);
        expect(readSpace(one).tenant).to.equal(a + b);
        expect(
          spaceOf('subject', { tenant: a, subject: b }) === spaceOf('subject', { tenant: a, subject: c }),
        ).to.equal(b === c);
      }),
    );
  });

  it('cannot be written as a tenant: no credential has the character between', () => {
    const space = spaceOf('subject', { tenant: 'acme', subject: 'ann' });
    expect(findIdFault(space, 256)).to.be.a('string');
  });

  it('takes no more room in a key than 195 bytes beside the tenant, however long the subject', () => {
    const long = 'ü'.repeat(128);
    const [one, other] = [long, `${long.slice(1)}u`].map((subject) =>
      spaceOf('subject', { tenant: 't', subject }),
    );
    expect(one).to.not.equal(other);
    for (const subject of [long, 'ü'.repeat(32), '.'.repeat(64), '.'.repeat(65)])
      expect(encodeId(spaceOf('subject', { tenant: '', subject })).length).to.be.at.most(195);
  });

  it('is shown to people as tenant and subject', () => {
    const of = (subject: string) => ({
      tenant: spaceOf('subject', { tenant: 'acme', subject }),
      sessionId: 's',
    });
    expect(showSpace(of('ann'))).to.deep.equal({ tenant: 'acme', subject: 'ann', sessionId: 's' });
    expect(showSpace(of('x'.repeat(65))))
      .to.have.property('subject')
      .that.matches(/^sha256:[\w-]{43}$/);
    const plain = { tenant: 'acme', why: 'x' };
    expect(showSpace(plain)).to.equal(plain);
  });
});
