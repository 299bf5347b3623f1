import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { backoffMs } from '../../../server/a2a/webhook-receipt.ts';
import { parseRetryAfter, WebhookSender } from '../../../server/a2a/webhook-sender.ts';
import { UrlGuard, type Resolve } from '../../../server/security/url-guard.ts';
import { eventually } from '../../helpers/eventually.ts';
import { useReceiver, type Received } from './receiver.ts';

const POST = { headers: { 'Content-Type': 'application/json' }, body: '{"a":1}' };

describe('an attempt to deliver', () => {
  const receiver = useReceiver();
  let senders: WebhookSender[] = [];

  const senderOf = (
    options: { allow?: string[]; resolve?: Resolve; timeoutMs?: number } = {},
  ): WebhookSender => {
    const { allow = [receiver.it.origin], resolve, timeoutMs = 2_000 } = options;
    const guard = new UrlGuard({ allow, ...(resolve && { resolve }) });
    const sender = new WebhookSender({ guard, timeoutMs, userAgent: 'holdfast/test', now: () => Date.now() });
    senders.push(sender);
    return sender;
  };
  const attempt = (options: Parameters<typeof senderOf>[0] = {}, url = `${receiver.it.origin}/hook`) =>
    senderOf(options).post({ ...POST, url });

  afterEach(() => {
    for (const sender of senders) sender.close();
    senders = [];
  });

  for (const status of [200, 201, 202, 204]) {
    it(`succeeds with ${status}`, async () => {
      receiver.it.reply = () => status;
      expect(await attempt()).to.deep.equal({ outcome: 'ok' });
      expect(receiver.it.received[0]?.body).to.deep.equal({ a: 1 });
    });
  }

  for (const status of [301, 302, 307, 308]) {
    it(`fails with ${status}, and does not go where it points`, async () => {
      const headers = { Location: `${receiver.it.origin}/elsewhere` };
      receiver.it.reply = ({ path }) => (path === '/hook' ? { status, headers } : 200);
      expect(await attempt()).to.deep.equal({ outcome: 'failed', why: `HTTP ${status}` });
      expect(receiver.it.received).to.have.length(1);
    });
  }

  it('fails with anything else, and for good with 410', async () => {
    receiver.it.reply = () => 401;
    expect(await attempt()).to.deep.equal({ outcome: 'failed', why: 'HTTP 401' });
    receiver.it.reply = () => ({ status: 503, headers: { 'Retry-After': '7' } });
    expect(await attempt()).to.deep.equal({ outcome: 'failed', why: 'HTTP 503', retryAfterMs: 7_000 });
    receiver.it.reply = () => 410;
    expect(await attempt()).to.deep.equal({ outcome: 'hopeless', why: 'HTTP 410' });
  });

  it('fails when nothing is answered in time, and the connection goes', async () => {
    receiver.it.reply = () => 'hang';
    expect(await attempt({ timeoutMs: 60 })).to.deep.equal({
      outcome: 'failed',
      why: 'no answer within 0.06 s',
    });
    await eventually(() => receiver.it.busy === 0);
  });

  it('fails when the name is not resolved in time, or not at all', async () => {
    const allow = ['http://hook.test'];
    const never: Resolve = () => new Promise(() => undefined);
    const slow = await attempt({ allow, resolve: never, timeoutMs: 30 }, 'http://hook.test/');
    expect(slow).to.include({ outcome: 'failed', why: 'no answer within 0.03 s' });
    const unknown: Resolve = () => Promise.reject(Object.assign(new Error('who?'), { code: 'ENOTFOUND' }));
    const none = await attempt({ allow, resolve: unknown }, 'http://hook.test/');
    expect(none).to.deep.equal({ outcome: 'failed', why: 'ENOTFOUND' });
  });

  it('fails when nobody listens, with the code alone', async () => {
    const { origin } = receiver.it;
    await receiver.it.close();
    const refused = await attempt({ allow: [origin] }, `${origin}/secret`);
    expect(refused).to.deep.equal({ outcome: 'failed', why: 'ECONNREFUSED' });
    await receiver.it.listen();
  });

  it('goes to the address that was judged, whatever the name leads to, under the name of the host', async () => {
    const asked: string[] = [];
    const resolve: Resolve = (host) => {
      asked.push(host);
      return Promise.resolve([{ address: '127.0.0.1', family: 4 as const }]);
    };
    const url = `http://hook.invalid.:${receiver.it.port}/hook?a=b#c`;
    const allow = [`http://hook.invalid.:${receiver.it.port}`];
    expect(await attempt({ allow, resolve }, url)).to.deep.equal({ outcome: 'ok' });
    expect(asked).to.deep.equal(['hook.invalid']);
    const [request] = receiver.it.received as [Received];
    expect(request.headers.host).to.equal(`hook.invalid:${receiver.it.port}`);
    expect(request.path).to.equal('/hook?a=b');
  });

  it('never reaches an address that the guard refuses', async () => {
    const resolve: Resolve = () => Promise.resolve([{ address: '127.0.0.1', family: 4 as const }]);
    const finding = await attempt({ allow: [], resolve }, `https://hook.example.com:${receiver.it.port}/`);
    expect(finding).to.include({ outcome: 'hopeless' });
    expect(receiver.it.received).to.have.length(0);
  });

  it('takes a success for one as soon as it is said, and reads little of what follows', async () => {
    let written = 0;
    receiver.it.reply = () => (response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384))) written += 16_384;
      };
      response.on('drain', more);
      more();
    };
    expect(await attempt({ timeoutMs: 60_000 })).to.deep.equal({ outcome: 'ok' });
    await eventually(() => receiver.it.busy === 0);
    expect(written).to.be.lessThan(16 * 1_048_576);
  });

  it('fails on what is no HTTP', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.end('220 smtp.example.com\r\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const finding = await attempt({ allow: [origin] }, `${origin}/`);
      expect(finding.outcome).to.equal('failed');
    } finally {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });

  it('is cut off when its sender is closed, and none is begun after it', async () => {
    receiver.it.reply = () => 'hang';
    const sender = senderOf();
    const finding = sender.post({ ...POST, url: `${receiver.it.origin}/hook` });
    await eventually(() => receiver.it.received.length === 1);
    sender.close();
    expect(await finding).to.deep.equal({ outcome: 'aborted' });
    expect(await sender.post({ ...POST, url: `${receiver.it.origin}/hook` })).to.deep.equal({
      outcome: 'aborted',
    });
    expect(receiver.it.received).to.have.length(1);
  });
});

describe('when the next attempt is made', () => {
  const NOW = Date.parse('Wed, 21 Oct 2026 07:28:00 GMT');

  for (const [value, ms] of [
    [undefined, undefined],
    ['0', 0],
    ['120', 120_000],
    [' 5 ', 5_000],
    ['999999', 3_600_000],
    ['Wed, 21 Oct 2026 07:28:30 GMT', 30_000],
    ['Wed, 21 Oct 2026 07:00:00 GMT', 0],
    ['Wed, 21 Oct 2099 07:28:30 GMT', 3_600_000],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
  ] as const) {
    it(`is ${ms ?? 'not'} said by Retry-After: ${value ?? '(none)'}`, () => {
      expect(parseRetryAfter(value, NOW)).to.equal(ms);
    });
  }

  it('is later the more have failed, up to five minutes, and by chance', () => {
    const most = [1, 2, 3, 8, 9, 10, 50].map((tries) => backoffMs(tries, () => 1));
    expect(most).to.deep.equal([1_000, 2_000, 4_000, 128_000, 256_000, 300_000, 300_000]);
    expect(backoffMs(5, () => 0.5)).to.equal(8_000);
    expect(backoffMs(5, () => 0)).to.equal(0);
  });
});
