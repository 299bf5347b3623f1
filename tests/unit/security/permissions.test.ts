import { expect } from 'chai';
import { ProtocolError } from '../../../protocol/errors.ts';
import { OPERATION_NAMES } from '../../../protocol/operations.ts';
import { authorize, REQUIRED_ROLE } from '../../../server/security/permissions.ts';

/** Pinned: whoever changes who may call what changes it here too. */
const EXPECTED: Record<string, string> = {
  ...Object.fromEntries(OPERATION_NAMES.map((operation) => [operation, 'peer'])),
  readMetrics: 'operator',
  erase: 'admin',
};
const OPERATIONS = Object.keys(REQUIRED_ROLE) as (keyof typeof REQUIRED_ROLE)[];

const refusal = (operation: keyof typeof REQUIRED_ROLE, roles: string[]): ProtocolError | undefined => {
  try {
    authorize(operation, { tenant: 't', subject: 's', tier: 'default', roles });
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  return undefined;
};

describe('who may call what', () => {
  it('is said of every operation', () => {
    expect(REQUIRED_ROLE).to.deep.equal(EXPECTED);
  });

  for (const operation of OPERATIONS) {
    it(`${operation} is for ${EXPECTED[operation] ?? ''} and admin, and for nobody else`, () => {
      const role = EXPECTED[operation] ?? '';
      expect(refusal(operation, [role])).to.equal(undefined);
      expect(refusal(operation, ['other', role])).to.equal(undefined);
      expect(refusal(operation, ['admin'])).to.equal(undefined);
      const other = role === 'peer' ? 'operator' : 'peer';
      for (const roles of [[], [other], ['Admin'], ['other'], [`${role} admin`]]) {
        const error = refusal(operation, roles);
        expect([error?.reason, error?.httpStatus], roles.join()).to.deep.equal(['PERMISSION_DENIED', 403]);
        expect(error?.challenge).to.equal('Bearer realm="holdfast", error="insufficient_scope"');
      }
    });
  }
});
