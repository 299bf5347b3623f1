import { expect } from 'chai';
import { alsoSecret, leaksIn, Overheard, planted } from '../helpers/overheard.ts';

const line = (fields: object): string =>
  JSON.stringify({ level: 'info', event: 'store_connection_error', ...fields });

describe('what servers of the tests say', () => {
  it('may be anything but a secret', () => {
    const heard = new Overheard();
    heard.hear('stdout', line({ why: 'redis://127.0.0.1:6379 plant' }));
    heard.hear('/readyz', '{"status":"ready"}');
    heard.check();
  });

  for (const [what, text] of [
    ['a planted one', line({ why: `redis://tester:${planted('password')}@127.0.0.1` })],
    ['a part of it', line({ why: 'pl4nted-pass' })],
    ['one among other things', `not JSON: ${planted('content')}`],
    ...['', 'x', 'xy', 'user:'].map(
      (before) =>
        [
          `one in base64 behind "${before}"`,
          line({ why: Buffer.from(before + planted('key')).toString('base64') }),
        ] as const,
    ),
  ] as const)
    it(`is found to have ${what}`, () => {
      expect(leaksIn(text)).to.deep.equal(['what a helper has planted']);
    });

  it('is found to have one that a test made up, if it is long enough to be one', () => {
    const secret = alsoSecret('my-own-Zb1uT9-key', 'an API key');
    alsoSecret('ann', 'an API key');
    expect(leaksIn(line({ why: secret, tenant: 'ann' }))).to.deep.equal(['an API key']);
  });

  it('fails the test by the name of the event, once, and never by the secret', () => {
    const heard = new Overheard();
    heard.hear('stdout', line({ why: planted('password') }));
    heard.hear('stdout', line({ why: planted('password') }));
    heard.hear('stderr', `Error: ${planted('password')}`);
    expect(() => {
      heard.check();
    }).to.throw(
      /^secrets got out: store_connection_error tells what a helper has planted; stderr tells what a helper has planted$/,
    );
    heard.check();
  });
});
