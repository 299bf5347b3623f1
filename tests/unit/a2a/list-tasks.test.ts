import { expect } from 'chai';
import { nextTokenOf } from '../../../server/a2a/list-tasks.ts';
import { PageTokens } from '../../../server/a2a/page-token.ts';

describe('the token of the next page', () => {
  const tokens = new PageTokens({ shared: (_, value) => Promise.resolve(value) }, () => 0);
  const scope = ['acme', 'ann', null, null, null];
  const tasks = ['a', 'b', 'c'].map((local, i) => ({
    sessionId: 's.1',
    local,
    statusAt: 1_000 - i,
    summary: '',
  }));
  const placeAfter = async (used: number, more: boolean): Promise<string> => {
    const token = await nextTokenOf(tokens, { tasks, totalSize: 3, more }, used, scope);
    return token === '' ? '' : tokens.read(token, scope);
  };

  it('is empty behind the last task', async () => {
    expect(await placeAfter(3, false)).to.equal('');
    expect(await nextTokenOf(tokens, { tasks: [], totalSize: 0, more: false }, 0, scope)).to.equal('');
  });

  it('goes on behind the last task that was used', async () => {
    expect(await placeAfter(3, true)).to.equal('998.s.1.c');
    expect(await placeAfter(2, false)).to.equal('999.s.1.b');
    expect(await placeAfter(2, true)).to.equal('999.s.1.b');
  });
});
