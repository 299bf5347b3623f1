/** Nobody can send the server into the network that it stands in: not one connection is made. */
import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { WebhookSender } from '../../../server/a2a/webhook-sender.ts';
import { RemoteKeys } from '../../../server/security/token-keys.ts';
import { UrlGuard, type Address, type Resolve } from '../../../server/security/url-guard.ts';
import { call, sendV01, sendV03, sendV1, V1 } from '../../helpers/rpc.ts';
import { useServer } from '../../helpers/server.ts';
import { useJwksServer } from '../../helpers/tokens.ts';
import { ANSWERS, FORBIDDEN_URLS, NAMES } from './forbidden-urls.ts';
import { useReceiver } from './receiver.ts';

const TIMEOUT_MS = 2_000;
/** Counts as public, and belongs to nobody: IANA has never given anything out of 2d00::/8. */
const NOWHERE = '2d00::1';

interface Trap {
  readonly port: number;
  /** Connections, to whatever address of this machine. */
  readonly caught: number;
}

/** Listens on every address of this machine, and hangs up. */
function useTrap(): Trap {
  let server: Server | undefined;
  let caught = 0;
  const hasV6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ family }) => family === 'IPv6'),
  );
  before(async () => {
    server = createServer((socket) => {
      caught++;
      socket.on('error', () => undefined).destroy();
    }).listen(0, hasV6 ? '::' : '0.0.0.0');
    await once(server, 'listening');
  });
  beforeEach(() => {
    caught = 0;
  });
  after(() => server?.close());
  return {
    get port() {
      return (server?.address() as AddressInfo).port;
    },
    get caught() {
      return caught;
    },
  };
}

const addressOf = (address: string): Address => ({ address, family: address.includes(':') ? 6 : 4 });

describe('where webhooks may not be', () => {
  const trap = useTrap();
  const receiver = useReceiver();
  const senders: WebhookSender[] = [];
  afterEach(() => {
    for (const sender of senders.splice(0)) sender.close();
  });

  const senderOf = (
    resolve: Resolve,
    allow: readonly string[] = [],
    timeoutMs = TIMEOUT_MS,
  ): WebhookSender => {
    const guard = new UrlGuard({ allow, resolve });
    const sender = new WebhookSender({ guard, timeoutMs, userAgent: 'holdfast/test', now: () => Date.now() });
    senders.push(sender);
    return sender;
  };
  /** Answers as the resolver of a machine does that is not to be trusted: with this machine. */
  const home: Resolve = () => Promise.resolve([addressOf('127.0.0.1')]);
  const attempt = (sender: WebhookSender, url: string) => sender.post({ url, headers: {}, body: '{}' });
  const urls = Object.values(FORBIDDEN_URLS).flat();
  const withPort = (url: string): string => url.replace('{p}', String(trap.port));

  it('would be noticed by the trap, at every address of this machine', async () => {
    for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', '0.0.0.0']) {
      const origin = `http://${host}:${trap.port}`;
      const found = await attempt(senderOf(home, [origin]), origin);
      expect(found.outcome).to.equal('failed');
    }
    expect(trap.caught).to.equal(4);
  });

  it('is listed with 60 spellings and more, each another one', () => {
    expect(urls.length).to.be.at.least(60);
    expect(new Set(urls).size).to.equal(urls.length);
  });

  for (const [kind, some] of Object.entries(FORBIDDEN_URLS)) {
    it(`is never connected to, should it stand in a session: ${kind}`, async () => {
      for (const url of some) {
        const found = await attempt(senderOf(home), withPort(url));
        expect(found.outcome, url).to.equal('hopeless');
      }
      expect(trap.caught).to.equal(0);
    });
  }

  it('is not connected to by a name that leads there', async () => {
    for (const name of NAMES)
      for (const addresses of ANSWERS) {
        const resolve: Resolve = () => Promise.resolve(addresses.map(addressOf));
        const found = await attempt(senderOf(resolve), `https://${name}:${trap.port}/`);
        expect(found, `${name} ${addresses.join(' ')}`).to.deep.equal({
          outcome: 'hopeless',
          why: 'forbidden address: resolves to a private, local or reserved address',
        });
      }
    expect(trap.caught).to.equal(0);
  });

  it('is not connected to by a name that leads elsewhere after it was judged', async () => {
    const asked: string[] = [];
    const turning: Resolve = (host) => {
      asked.push(host);
      return Promise.resolve([addressOf(asked.length === 1 ? NOWHERE : '127.0.0.1')]);
    };
    const sender = senderOf(turning, [], 100);
    const url = `https://turning.example:${trap.port}/`;
    expect((await attempt(sender, url)).outcome).to.equal('failed');
    // asked once for an attempt, so the second answer is the next one's
    expect(asked).to.deep.equal(['turning.example']);
    expect((await attempt(sender, url)).outcome).to.equal('hopeless');
    expect(asked).to.have.length(2);
    expect(trap.caught).to.equal(0);
  });

  for (const status of [300, 301, 302, 303, 305, 307, 308])
    it(`is not where ${status} leads`, async () => {
      const { origin } = receiver.it;
      const places = ['127.0.0.1', 'localhost', '[::1]', '2130706433'].flatMap((host) =>
        ['http', 'https'].map((scheme) => `${scheme}://${host}:${trap.port}/`),
      );
      for (const place of [...places, `//127.0.0.1:${trap.port}/`, '/relative', `${origin}/chain`]) {
        const before = receiver.it.received.length;
        const headers = { Location: place, 'Content-Location': place, Refresh: `0; url=${place}` };
        receiver.it.reply = () => ({ status, headers });
        const found = await attempt(senderOf(home, [origin]), `${origin}/hook`);
        expect(found).to.deep.equal({ outcome: 'failed', why: `HTTP ${status}` });
        expect(receiver.it.received).to.have.length(before + 1);
      }
      expect(trap.caught).to.equal(0);
    });

  describe('at a server', () => {
    const at = useServer();

    it('is refused when it is registered, in every generation and in sends', async () => {
      for (const template of urls) {
        const url = withPort(template);
        const asks = [
          ['CreateTaskPushNotificationConfig', { taskId: 's.t', id: 'w', url }, V1],
          ['tasks/pushNotificationConfig/set', { taskId: 's.t', pushNotificationConfig: { url } }, {}],
          ['tasks/pushNotification/set', { id: 't', pushNotificationConfig: { url } }, {}],
          [
            'SendMessage',
            { ...sendV1('m', 'x'), configuration: { taskPushNotificationConfig: { url } } },
            V1,
          ],
          ['message/send', { ...sendV03('m', 'x'), configuration: { pushNotificationConfig: { url } } }, {}],
          ['tasks/send', { ...sendV01('t', 'x'), pushNotification: { url } }, {}],
        ] as const;
        for (const [method, params, headers] of asks) {
          const { json } = await call(at.url, method, params, headers);
          expect(json.error?.code, `${method} ${url}`).to.equal(-32602);
          expect(JSON.stringify(json.error?.data), `${method} ${url}`).to.match(/url"/);
        }
      }
      expect(trap.caught).to.equal(0);
      const { json } = await call(at.url, 'ListTasks', {}, V1);
      expect(json.result).to.include({ totalSize: 0 });
    });
  });

  describe('beside keys of tokens, which are where the operator says', () => {
    const issuer = useJwksServer();

    for (const status of [301, 302, 303, 307, 308])
      it(`is not where ${status} leads from there`, async () => {
        issuer.answer((_, res) =>
          res.writeHead(status, { Location: `http://127.0.0.1:${trap.port}/` }).end(),
        );
        const news: string[] = [];
        const keys = new RemoteKeys({
          url: new URL(issuer.url),
          now: () => Date.now(),
          news: { read: () => news.push('read'), unavailable: () => news.push('unavailable') },
        });
        const asking = Promise.resolve(keys.getKey({ alg: 'ES256' }, { payload: '', signature: '' }));
        const refusal: unknown = await asking.catch((reason: unknown) => reason);
        expect(refusal).to.include({ reason: 'AUTHENTICATION_UNAVAILABLE' });
        expect([news, issuer.asked, trap.caught]).to.deep.equal([['unavailable'], 1, 0]);
      });
  });
});
