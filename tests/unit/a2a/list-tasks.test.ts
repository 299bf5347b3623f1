import { expect } from 'chai';
import { nextTokenOf } from '../../../server/a2a/list-tasks.ts';
import { readPageToken } from '../../../server/a2a/page-token.ts';

describe('the token of the next page', () => {
  const scope = ['acme', 'ann', null, null, null];
  const tasks = ['a', 'b', 'c'].map((local, i) => ({
    sessionId: 's.1',
    local,
    statusAt: 1_000 - i,
    summary: '',
  }));
  const placeAfter = (used: number, more: boolean): string => {
    const token = nextTokenOf({ tasks, totalSize: 3, more }, used, scope);
    return token === '' ? '' : readPageToken(token, scope);
  };

  it('is empty behind the last task', () => {
    expect(placeAfter(3, false)).to.equal('');
    expect(nextTokenOf({ tasks: [], totalSize: 0, more: false }, 0, scope)).to.equal('');
  });

  it('goes on behind the last task that was used', () => {
    expect(placeAfter(3, true)).to.equal('998.s.1.c');
    expect(placeAfter(2, false)).to.equal('999.s.1.b');
    expect(placeAfter(2, true)).to.equal('999.s.1.b');
  });
});
