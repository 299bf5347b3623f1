import { expect } from 'chai';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type * as Module from '../helpers/overheard.ts';
import { alsoSecret, leaksIn, Overheard, overheard, planted } from '../helpers/overheard.ts';

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

  it('is looked for where it was heard: a second copy of the module has the same ears and secrets', async () => {
    // As mocha makes one of hooks.ts when it can load that, and not the test, by `require`.
    const path = '../helpers/overheard.ts?again';
    const copy = (await import(path)) as typeof Module;
    expect(copy.planted).to.not.equal(planted);
    copy.alsoSecret('my-other-Zb1uT9-key', 'an API key');
    expect(leaksIn('my-other-Zb1uT9-key')).to.deep.equal(['an API key']);
    copy.overheard.hear('stderr', planted('key'));
    expect(() => {
      overheard.check();
    }).to.throw('stderr tells');
  });

  it('is read of every error and every state that is fetched, and of no content', async () => {
    const server = createServer(({ url = '' }, res) => {
      res.statusCode = url === '/refused' ? 403 : 200;
      res.end(
        JSON.stringify({ [url === '/failed' ? 'error' : 'result']: { code: -32603, why: planted('key') } }),
      );
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const said: (string | undefined)[] = [];
    for (const path of [
      '/content',
      '/refused',
      '/failed',
      '/readyz?x',
      '/metrics',
      '/.well-known/agent.json',
    ]) {
      await (await fetch(at + path)).json();
      try {
        overheard.check();
      } catch (error) {
        said.push(/: (.*) tells/.exec((error as Error).message)?.[1]);
      }
    }
    server.close();
    const states = ['/readyz', '/metrics', '/.well-known/agent.json'];
    expect(said).to.deep.equal(['an error', 'an error', ...states]);
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
