import { expect } from 'chai';
import { parseUrl } from '../../../protocol/parse-url.ts';
import { CODECS } from '../../../protocol/dialects/codecs.ts';
import type { Dialect, PushConfig } from '../../../protocol/model.ts';
import { refusal } from './fixtures.ts';

interface Door {
  /** Both ways in which a webhook comes: by a method of its own, and with a send. */
  decode: (config: object) => PushConfig | null | undefined;
  /** The path of the config in the params. */
  at: string;
}

const text = { v1: { text: 'x' }, v03: { kind: 'text', text: 'x' }, v01: { type: 'text', text: 'x' } };
const create = (dialect: Dialect, params: unknown) => CODECS[dialect].push.decodeCreate(params).config;
const send = (dialect: Dialect, rest: object) => {
  const message = { messageId: 'm', role: dialect === 'v1' ? 'ROLE_USER' : 'user', parts: [text[dialect]] };
  return CODECS[dialect].decodeSend({ id: 't', message, ...rest }).pushConfig;
};

const DOORS: Record<Dialect, Door[]> = {
  v1: [
    { decode: (config) => create('v1', { taskId: 't', ...config }), at: '' },
    {
      decode: (config) => send('v1', { configuration: { taskPushNotificationConfig: config } }),
      at: 'configuration.taskPushNotificationConfig.',
    },
  ],
  v03: [
    {
      decode: (pushNotificationConfig) => create('v03', { taskId: 't', pushNotificationConfig }),
      at: 'pushNotificationConfig.',
    },
    {
      decode: (pushNotificationConfig) => send('v03', { configuration: { pushNotificationConfig } }),
      at: 'configuration.pushNotificationConfig.',
    },
  ],
  v01: [
    {
      decode: (pushNotificationConfig) => create('v01', { id: 't', pushNotificationConfig }),
      at: 'pushNotificationConfig.',
    },
    { decode: (pushNotification) => send('v01', { pushNotification }), at: 'pushNotification.' },
  ],
};

const HOOK = 'https://hook.example/';
const NO_URL = 'must be an absolute http or https URL';
const NO_ASCII = 'must have only printable ASCII characters';

for (const dialect of ['v1', 'v03', 'v01'] as const) {
  for (const [index, { decode, at }] of DOORS[dialect].entries()) {
    const auth = (scheme: unknown, credentials?: unknown) => ({
      url: HOOK,
      authentication: { ...(dialect === 'v1' ? { scheme } : { schemes: [scheme] }), credentials },
    });
    const schemeAt = `${at}authentication.${dialect === 'v1' ? 'scheme' : 'schemes[0]'}`;

    describe(`the bounds of a webhook of ${dialect} that comes ${index === 0 ? 'by itself' : 'with a send'}`, () => {
      it('take URLs of http and https as they were written', () => {
        for (const url of [
          'http://a',
          'HTTPS://a:8443/b?c=d#e',
          'http://[::1]:9/',
          'https://bücher.example/ü',
        ]) {
          expect(decode({ url })?.url).to.equal(url);
        }
      });

      it('refuse what is no such URL, naming it', () => {
        for (const url of [
          'hook.example',
          '/a',
          '//a/b',
          'ftp://a/',
          'file:///etc/passwd',
          'javascript:alert(1)',
          'https:/a',
          'https:a',
          'https://',
          'https://a:99999/',
          'https://a b/',
          ' https://a/',
          'https://a/\n',
          'https://a/\r\nHost: b',
          'https://a/\u0000',
          'https://a/\u0085',
        ]) {
          expect(
            refusal(() => decode({ url })),
            JSON.stringify(url),
          ).to.deep.equal({ [`${at}url`]: NO_URL });
        }
        expect(refusal(() => decode({ url: '' }))).to.deep.equal({ [`${at}url`]: 'must not be empty' });
        expect(refusal(() => decode({ url: 5 }))).to.deep.equal({ [`${at}url`]: 'must be a string' });
        expect(refusal(() => decode({ url: 'https://a/\ud800' }))).to.have.keys(`${at}url`);
      });

      it('take URLs of 2048 bytes and no more', () => {
        const url = HOOK.padEnd(2048, 'x');
        expect(decode({ url })?.url).to.equal(url);
        expect(refusal(() => decode({ url: `${url}x` }))).to.deep.equal({
          [`${at}url`]: 'must be at most 2048 bytes of UTF-8',
        });
      });

      it('take tokens and credentials of 8 KiB and no more', () => {
        const longest = 'x'.repeat(8192);
        expect(decode({ url: HOOK, token: longest })?.token).to.equal(longest);
        expect(decode(auth('Bearer', longest))?.authentication?.credentials).to.equal(longest);
        const fault = 'must be at most 8192 bytes of UTF-8';
        expect(refusal(() => decode({ url: HOOK, token: `${longest}x` }))).to.deep.equal({
          [`${at}token`]: fault,
        });
        expect(refusal(() => decode(auth('Bearer', `${longest}x`)))).to.deep.equal({
          [`${at}authentication.credentials`]: fault,
        });
      });

      it('refuse what would be no header, or two', () => {
        for (const bad of ['a\r\nX-Admin: 1', 'a\nb', 'a\u0000', 'a\u007f', '\t', 'é', '\u2028', '\ud800']) {
          expect(
            refusal(() => decode({ url: HOOK, token: bad })),
            JSON.stringify(bad),
          ).to.deep.equal({ [`${at}token`]: NO_ASCII });
          expect(refusal(() => decode(auth('Bearer', bad)))).to.deep.equal({
            [`${at}authentication.credentials`]: NO_ASCII,
          });
          expect(refusal(() => decode(auth(bad)))).to.deep.equal({ [schemeAt]: NO_ASCII });
        }
      });

      it('take no scheme that says nothing or too much', () => {
        expect(refusal(() => decode(auth('')))).to.deep.equal({ [schemeAt]: 'must not be empty' });
        expect(decode(auth('x'.repeat(256)))?.authentication?.schemes).to.deep.equal(['x'.repeat(256)]);
        expect(refusal(() => decode(auth('x'.repeat(257))))).to.deep.equal({
          [schemeAt]: 'must be at most 256 bytes of UTF-8',
        });
      });
    });
  }
}

describe('the bounds of a webhook', () => {
  it('take the same URL however often it was seen', () => {
    const url = 'https://bücher.example/ü';
    const refused = Array.from({ length: 20_000 }, () => parseUrl(url)).filter((read) => read === undefined);
    expect(refused).to.deep.equal([]);
  });

  it('take 32 schemes in 0.x and no more', () => {
    for (const dialect of ['v03', 'v01'] as const) {
      for (const { decode, at } of DOORS[dialect]) {
        const list = (count: number) =>
          decode({ url: HOOK, authentication: { schemes: Array(count).fill('Bearer') } });
        expect(list(32)?.authentication?.schemes).to.have.length(32);
        expect(refusal(() => list(33))).to.deep.equal({
          [`${at}authentication.schemes`]: 'must have at most 32 entries',
        });
      }
    }
  });
});
