import { expect } from 'chai';
import type { IncomingMessage } from 'node:http';
import { ProtocolError } from '../../../protocol/errors.ts';
import { clientAddress } from '../../../server/security/client-address.ts';
import { GuardedCredentials } from '../../../server/security/guarded-credentials.ts';
import type { Principal } from '../../../server/security/principal.ts';
import {
  FAILURES_BURST,
  FAILURES_PER_SECOND,
  WrongCredentials,
} from '../../../server/security/wrong-credentials.ts';

const ADA: Principal = { tenant: 'acme', subject: 'ada', roles: ['peer'], tier: 'default' };

const requestOf = (
  authorization: string | undefined,
  remoteAddress = '192.0.2.1',
  also: object = {},
): IncomingMessage =>
  ({
    headers: { ...(authorization !== undefined && { authorization }), ...also },
    socket: { remoteAddress },
  }) as unknown as IncomingMessage;

class World {
  now = 0;
  looked = 0;
  readonly turnedAway: string[] = [];
  readonly wrong = new WrongCredentials({
    mono: () => this.now,
    onTurnedAway: (address) => this.turnedAway.push(address),
    addressesMax: 3,
  });
  answer: (authorization: string | undefined) => Principal | Promise<Principal> = (authorization) => {
    if (authorization?.includes('good') === true) return ADA;
    throw new ProtocolError('UNAUTHENTICATED', { httpStatus: 401 });
  };
  readonly guarded = new GuardedCredentials(
    {
      resolve: ({ authorization }) => {
        this.looked++;
        return this.answer(authorization);
      },
    },
    this.wrong,
    0,
  );

  async ask(authorization: string | undefined, address?: string): Promise<number | undefined> {
    try {
      await this.guarded.resolve(requestOf(authorization, address));
      return 200;
    } catch (error) {
      return (error as ProtocolError).httpStatus;
    }
  }
}

describe('wrong credentials', () => {
  it('are looked at so often, then turned away unread, and again as time goes by', async () => {
    const world = new World();
    for (let i = 0; i < 100; i++) {
      expect(await world.ask(`Bearer wrong-${i}-credential`)).to.equal(i < FAILURES_BURST ? 401 : 429);
    }
    expect(world.looked).to.equal(FAILURES_BURST);
    world.now += 1_000;
    for (let i = 0; i < 100; i++) await world.ask(`Bearer wrong-again-${i}`);
    expect(world.looked).to.equal(FAILURES_BURST + FAILURES_PER_SECOND);
    expect(world.turnedAway).to.have.length(100 + 100 - world.looked);
  });

  it('are those of one address', async () => {
    const world = new World();
    for (let i = 0; i < 30; i++) await world.ask('Bearer wrong', '192.0.2.1');
    expect(await world.ask('Bearer wrong', '192.0.2.2')).to.equal(401);
    expect(await world.ask('Bearer a-good-one', '192.0.2.2')).to.equal(200);
  });

  it('do not keep out who was known behind the same address', async () => {
    const world = new World();
    expect(await world.ask('Bearer good-known-one')).to.equal(200);
    for (let i = 0; i < 30; i++) await world.ask('Bearer wrong');
    expect(await world.ask('Bearer good-known-one')).to.equal(200);
    expect(await world.ask('Bearer good-other-one')).to.equal(429);
  });

  it('are turned away too when they were good once', async () => {
    const world = new World();
    await world.ask('Bearer good-known-one');
    world.answer = () => {
      throw new ProtocolError('UNAUTHENTICATED', { httpStatus: 401 });
    };
    const answers: (number | undefined)[] = [];
    for (let i = 0; i < 30; i++) answers.push(await world.ask('Bearer good-known-one'));
    expect(answers.filter((status) => status === 401)).to.have.length(FAILURES_BURST);
  });

  it('are not those that nobody can judge, and not none at all', async () => {
    const world = new World();
    world.answer = () => Promise.reject(new ProtocolError('AUTHENTICATION_UNAVAILABLE', { httpStatus: 503 }));
    for (let i = 0; i < 50; i++) expect(await world.ask('Bearer a.b.c')).to.equal(503);
    world.answer = () => {
      throw new ProtocolError('UNAUTHENTICATED', { httpStatus: 401 });
    };
    for (let i = 0; i < 50; i++) expect(await world.ask(undefined)).to.equal(401);
    expect(world.turnedAway).to.deep.equal([]);
  });

  it('count against an address also when its client left before they were judged', async () => {
    const world = new World();
    world.answer = () => Promise.reject(new ProtocolError('UNAUTHENTICATED', { httpStatus: 401 }));
    for (let i = 0; i < FAILURES_BURST; i++) {
      const req = requestOf('Bearer a.b.c');
      const asked = world.guarded.resolve(req) as Promise<Principal>;
      Object.assign(req, { socket: {} });
      await asked.catch(() => undefined);
    }
    expect(await world.ask('Bearer a.b.c')).to.equal(429);
  });

  it('are remembered of so many addresses and no more', async () => {
    const world = new World();
    for (let i = 0; i < 30; i++) await world.ask('Bearer wrong', '192.0.2.1');
    for (const address of ['192.0.2.2', '192.0.2.3', '192.0.2.4']) await world.ask('Bearer wrong', address);
    expect(await world.ask('Bearer wrong', '192.0.2.1')).to.equal(401);
  });

  it('say when to come back', () => {
    const { wrong } = new World();
    for (let i = 0; i < FAILURES_BURST; i++) wrong.failed('192.0.2.1', 'wrong');
    expect(() => {
      wrong.check('192.0.2.1', 'wrong');
    })
      .to.throw(ProtocolError)
      .that.includes({ reason: 'RESOURCE_EXHAUSTED', httpStatus: 429, retryAfterMs: 500 });
  });
});

describe('the address of a client', () => {
  const FORWARDED = { 'x-forwarded-for': '6.6.6.6, 203.0.113.7, 198.51.100.9' };
  for (const [hops, expected] of [
    [0, '192.0.2.1'],
    [1, '198.51.100.9'],
    [2, '203.0.113.7'],
    [4, '192.0.2.1'],
  ] as const) {
    it(`behind ${hops} proxies is ${expected}, whatever else is claimed`, () => {
      expect(clientAddress(requestOf(undefined, '192.0.2.1', FORWARDED), hops)).to.equal(expected);
    });
  }

  it('is that of the socket when the header says nonsense', () => {
    const req = requestOf(undefined, '192.0.2.1', { 'x-forwarded-for': 'unknown' });
    expect(clientAddress(req, 1)).to.equal('192.0.2.1');
  });

  it('is the network of IPv6, and plain IPv4 where that is mapped', () => {
    expect(clientAddress(requestOf(undefined, '2001:db8:1:2:3:4:5:6'), 0)).to.equal('2001:db8:1:2::');
    expect(clientAddress(requestOf(undefined, '2001:db8:1:2::9'), 0)).to.equal('2001:db8:1:2::');
    expect(clientAddress(requestOf(undefined, '::ffff:192.0.2.1'), 0)).to.equal('192.0.2.1');
    expect(clientAddress(requestOf(undefined, 'fe80::1%eth0'), 0)).to.equal('fe80:0:0:0::');
  });
});
