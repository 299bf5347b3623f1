import { expect } from 'chai';
import sinon from 'sinon';
import { ProtocolError } from '../../../protocol/errors.ts';
import { Rates, type RatesOptions, type TierRate } from '../../../server/security/rates.ts';

const of = (tenant: string, tier = 'default') => ({ tenant, tier, subject: 'ada', roles: ['peer'] });

describe('rates', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: 1_000_000, toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    clock.restore();
  });

  const refused: string[] = [];
  const ratesOf = (tiers: Record<string, TierRate>, more: Partial<RatesOptions> = {}): Rates =>
    new Rates({
      tiers: new Map(Object.entries(tiers)),
      mono: () => Date.now(),
      onRefused: (tenant, tier) => refused.push(`${tenant} ${tier}`),
      ...more,
    });
  /** How many of so many calls are served. */
  async function served(rates: Rates, calls: number, tenant = 'acme', tier?: string): Promise<number> {
    let count = 0;
    for (let i = 0; i < calls; i++) {
      await rates.admit(of(tenant, tier))?.then(
        () => count++,
        () => undefined,
      );
    }
    return count;
  }
  const refusal = (rates: Rates): Promise<unknown> =>
    (rates.admit(of('acme')) ?? Promise.resolve()).catch((error: unknown) => error);

  it('serve so many calls a second, and again in the next', async () => {
    const rates = ratesOf({ default: { requestsPerSecond: 3 } });
    expect(await served(rates, 10)).to.equal(3);
    await clock.tickAsync(1_001);
    expect(await served(rates, 10)).to.equal(3);
  });

  it('serve a burst above that once a minute', async () => {
    const rates = ratesOf({ default: { requestsPerSecond: 3, burst: 4 } });
    expect(await served(rates, 20)).to.equal(7);
    await clock.tickAsync(1_001);
    expect(await served(rates, 20)).to.equal(3);
    await clock.tickAsync(60_001);
    expect(await served(rates, 20)).to.equal(7);
  });

  it('refuse with 429 and when to come back', async () => {
    const rates = ratesOf({ default: { requestsPerSecond: 1 } });
    await served(rates, 1);
    await clock.tickAsync(400);
    refused.length = 0;
    const error = (await refusal(rates)) as ProtocolError;
    expect(error).to.be.instanceOf(ProtocolError);
    expect(error).to.include({ reason: 'RESOURCE_EXHAUSTED', httpStatus: 429, retryAfterMs: 600 });
    expect(error.metadata).to.deep.equal({ bound: 'requestsPerSecond', tier: 'default' });
    expect(refused).to.deep.equal(['acme default']);
  });

  it('are each tenant’s own, and each tier’s', async () => {
    const rates = ratesOf({ default: { requestsPerSecond: 2 }, gold: { requestsPerSecond: 5 }, own: {} });
    expect(await served(rates, 10, 'acme')).to.equal(2);
    expect(await served(rates, 10, 'umbrella')).to.equal(2);
    expect(await served(rates, 10, 'acme', 'gold')).to.equal(5);
    expect(rates.admit(of('acme', 'own'))).to.equal(undefined);
  });

  it('are those of the default for a tier that is not there', async () => {
    const rates = ratesOf({ default: { requestsPerSecond: 2 } });
    expect(await served(rates, 10, 'acme', 'silver')).to.equal(2);
    // and not once more under another name
    expect(await served(rates, 10, 'acme', 'bronze')).to.equal(0);
  });

  it('keep counts of so many tenants and no more', async () => {
    const rates = ratesOf({ default: { requestsPerSecond: 1 } }, { tenantsMax: 2 });
    for (const tenant of ['a', 'b', 'c']) await served(rates, 1, tenant);
    expect(await served(rates, 1, 'c')).to.equal(0);
    expect(await served(rates, 1, 'a')).to.equal(1);
    expect(clock.countTimers()).to.equal(2);
  });

  describe('counted elsewhere', () => {
    /** A client of ioredis as far as the counts need it. */
    class Elsewhere {
      status = 'ready';
      asked = 0;
      answer: () => Promise<[number, number]> = () => Promise.resolve([1, 1000]);
      defineCommand(): void {}
      multi(): object {
        return {};
      }
      rlflxIncr(): Promise<[number, number]> {
        this.asked++;
        return this.answer();
      }
    }
    const key = (count: string, tenant: string, tier: string): string => [count, tenant, tier].join();

    it('go by that count, and ask no more where a window is used up', async () => {
      const client = new Elsewhere();
      const rates = ratesOf({ default: { requestsPerSecond: 5 } }, { shared: { client, key } });
      client.answer = () => Promise.resolve([6, 700]);
      expect(await refusal(rates)).to.include({ httpStatus: 429, retryAfterMs: 700 });
      expect(await refusal(rates)).to.include({ httpStatus: 429 });
      expect(client.asked).to.equal(1);
    });

    it('are counted here when that fails, and nobody waits for it for a second', async () => {
      const client = new Elsewhere();
      const rates = ratesOf({ default: { requestsPerSecond: 3 } }, { shared: { client, key } });
      client.answer = () => Promise.reject(new Error('Command timed out'));
      expect(await served(rates, 10)).to.equal(3);
      expect(client.asked).to.equal(1);
      await clock.tickAsync(1_001);
      client.answer = () => Promise.resolve([1, 1000]);
      expect(await served(rates, 4)).to.equal(4);
      expect(client.asked).to.equal(5);
    });

    it('are not asked for over a connection that is not there', async () => {
      const client = new Elsewhere();
      client.status = 'connecting';
      const rates = ratesOf({ default: { requestsPerSecond: 3 } }, { shared: { client, key } });
      expect(await served(rates, 10)).to.equal(3);
      expect(client.asked).to.equal(0);
    });
  });
});
