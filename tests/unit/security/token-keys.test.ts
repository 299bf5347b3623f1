import { expect } from 'chai';
import { generateKeyPairSync } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { ProtocolError } from '../../../protocol/errors.ts';
import { JwtBearer } from '../../../server/security/jwt-bearer.ts';
import {
  COOLDOWN_MS,
  KEEP_MS,
  REFRESH_MS,
  RemoteKeys,
  RETRY_MS,
} from '../../../server/security/token-keys.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  AUDIENCE,
  claimsOf,
  forge,
  ISSUER,
  newPair,
  sign,
  type SigningPair,
  useJwksServer,
} from '../../helpers/tokens.ts';

const RULES = {
  issuer: ISSUER,
  audience: AUDIENCE,
  algorithms: ['ES256'],
  clockSkewMs: 0,
  claims: { tenant: 'tenant', subject: 'sub', roles: 'roles', tier: 'tier' },
};

describe('keys from a URL', () => {
  const issuer = useJwksServer();
  let [first, second]: SigningPair[] = [];
  let now = 0;
  let news: string[] = [];
  let keys: RemoteKeys;
  let bearer: JwtBearer;
  before(async () => {
    [first, second] = [await newPair('first'), await newPair('second')];
  });
  beforeEach(() => {
    now = Date.now();
    news = [];
    keys = new RemoteKeys({
      url: new URL(issuer.url),
      now: () => now,
      news: { read: (count) => news.push(`read ${count}`), unavailable: () => news.push('unavailable') },
      timeoutMs: 150,
    });
    bearer = new JwtBearer({ rules: RULES, keys, now: () => now });
  });

  const pair = (one: SigningPair | undefined): SigningPair => {
    if (one === undefined) throw new Error('there is no key yet');
    return one;
  };
  /** Good for as long as a test makes believe. */
  const tokenOf = (signer: SigningPair | undefined, header: object = {}): Promise<string> =>
    sign(pair(signer), { exp: Math.floor(now / 1000) + 3 * 86_400 }, header);
  const outcome = async (token: string): Promise<string> => {
    try {
      return (await bearer.verify(token)) === undefined ? 'refused' : 'admitted';
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      expect([error.reason, error.retryAfterMs]).to.deep.equal(['AUTHENTICATION_UNAVAILABLE', RETRY_MS]);
      return String(error.httpStatus);
    }
  };

  it('are asked for once for many tokens', async () => {
    issuer.serve(pair(first), pair(second));
    const tokens = await Promise.all([first, second, first, second].map((signer) => tokenOf(signer)));
    expect(await Promise.all(tokens.map(outcome))).to.deep.equal(Array(4).fill('admitted'));
    expect(issuer.asked).to.equal(1);
    expect(news).to.deep.equal(['read 2']);
  });

  it('are asked for again when a token names another, and not at each made-up name', async () => {
    issuer.serve(pair(first));
    expect(await outcome(await tokenOf(first))).to.equal('admitted');
    issuer.serve(pair(second));
    expect(await outcome(await tokenOf(second))).to.equal('refused');
    expect(issuer.asked).to.equal(1);
    now += COOLDOWN_MS;
    expect(await outcome(await tokenOf(second))).to.equal('admitted');
    for (let i = 0; i < 5; i++)
      expect(await outcome(await tokenOf(second, { kid: `x${i}` }))).to.equal('refused');
    expect(issuer.asked).to.equal(2);
  });

  it('that are gone admit nobody any more, remembered or not', async () => {
    issuer.serve(pair(first));
    const token = await tokenOf(first);
    expect(await outcome(token)).to.equal('admitted');
    expect(await outcome(await tokenOf(second))).to.equal('refused');
    expect(await outcome(token)).to.equal('admitted');
    expect(bearer.find(token)).to.not.equal(undefined);
    issuer.serve(pair(second));
    now += REFRESH_MS + 1;
    expect(bearer.find(token)).to.not.equal(undefined);
    keys.refresh();
    await eventually(() => keys.generation === 2);
    expect(bearer.find(token)).to.equal(undefined);
    expect(await outcome(token)).to.equal('refused');
    expect(news).to.deep.equal(['read 1', 'read 1']);
  });

  it('are read again when they are old, although the clock was set back', async () => {
    issuer.serve(pair(first));
    expect(await outcome(await tokenOf(first))).to.equal('admitted');
    now -= 86_400_000;
    keys.refresh();
    expect(issuer.asked).to.equal(1);
    now += REFRESH_MS + 1;
    keys.refresh();
    await eventually(() => issuer.asked === 2);
  });

  it('that cannot be verified with admit nobody, and are no fault of the server', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const short = { ...pair(first), jwk: { ...publicKey.export({ format: 'jwk' }), kty: 'RSA', kid: 'rsa' } };
    const broken = { ...pair(first), kid: 'broken', jwk: { ...pair(first).jwk, kid: 'broken', x: 'AA' } };
    issuer.serve(short, broken, pair(second));
    bearer = new JwtBearer({ rules: { ...RULES, algorithms: ['RS256', 'ES256'] }, keys, now: () => now });
    const forged = forge({ alg: 'RS256', kid: 'rsa' }, claimsOf());
    for (const token of [forged, await tokenOf(broken)]) expect(await outcome(token)).to.equal('refused');
    expect(await outcome(await tokenOf(second))).to.equal('admitted');
  });

  for (const [what, answer] of [
    ['hangs', undefined],
    ['fails', (res: ServerResponse) => res.writeHead(500).end('{}')],
    ['sends elsewhere', (res) => res.writeHead(302, { Location: issuer.url }).end()],
    ['says nonsense', (res) => res.end('<html>')],
    ['says what is no list of keys', (res) => res.end('{"keys":{}}')],
    ['never ends its answer', (res) => res.write('{"keys":[')],
    ['says too much', (res) => res.end(`{"keys":[],"x":"${'x'.repeat(300_000)}"}`)],
    ['hangs up', (res) => res.destroy()],
  ] as [string, ((res: ServerResponse) => unknown) | undefined][]) {
    describe(`while the issuer ${what}`, () => {
      beforeEach(() => {
        issuer.hang();
        if (answer !== undefined) issuer.answer((_, res) => void answer(res));
      });

      it('nobody is admitted, nobody is told that the token is wrong, and nobody waits long', async () => {
        const token = await tokenOf(first);
        const begun = performance.now();
        expect(await outcome(token)).to.equal('503');
        // the second at once
        const asked = issuer.asked;
        expect(await outcome(token)).to.equal('503');
        expect(performance.now() - begun).to.be.below(1_500);
        expect(issuer.asked).to.equal(asked);
        expect(news).to.deep.equal(['unavailable']);
        issuer.serve(pair(first));
        now += RETRY_MS;
        expect(await outcome(token)).to.equal('admitted');
        expect(news).to.deep.equal(['unavailable', 'read 1']);
      });

      it('keys that are known hold for a day, and others are not decided on', async () => {
        const [known, other] = [await tokenOf(first), await tokenOf(second)];
        const fails = answer;
        issuer.serve(pair(first));
        expect(await outcome(known)).to.equal('admitted');
        issuer.hang();
        if (fails !== undefined) issuer.answer((_, res) => void fails(res));
        now += COOLDOWN_MS;
        expect(await outcome(other)).to.equal('503');
        expect(await outcome(known)).to.equal('admitted');
        now += KEEP_MS + 1;
        expect(await outcome(known)).to.equal('503');
      });
    });
  }

  it('a token that is wrong by itself is refused without them', async () => {
    issuer.hang();
    expect(await outcome('a.b.c')).to.equal('refused');
    expect(await outcome(await tokenOf(first, { alg: 'ES256', kid: undefined }))).to.equal('503');
    expect(issuer.asked).to.equal(1);
  });
});
