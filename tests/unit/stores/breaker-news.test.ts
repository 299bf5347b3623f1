import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { StoreUnavailableError } from '../../../server/sessions/session-store.ts';
import { BreakerStore } from '../../../server/stores/breaker.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';

describe('news for a breaker that is open', () => {
  let clock: SinonFakeTimers;
  beforeEach(() => {
    clock = useFakeTimers();
  });
  afterEach(() => {
    clock.restore();
  });

  it('that comes during a probe which fails is followed by one more probe, at once', async () => {
    const store = new MemorySessionStore();
    let beats = 0;
    let beat = (): Promise<number> => new Promise(() => undefined);
    store.beat = () => {
      beats += 1;
      return beat();
    };
    const breaker = new BreakerStore(store, { instance: 'me' });
    breaker.trip('lost');
    void breaker.probe();
    await clock.tickAsync(100);
    for (let nth = 0; nth < 3; nth += 1) void breaker.probe();
    expect(beats).to.equal(1);
    beat = () => Promise.reject(new StoreUnavailableError('refused'));
    await clock.tickAsync(151);
    expect(beats).to.equal(2);
    await clock.tickAsync(500);
    expect(beats).to.equal(2);
    beat = () => Promise.resolve(0);
    await clock.tickAsync(500);
    expect([beats, breaker.state]).to.deep.equal([3, 'closed']);
    await breaker.close();
  });
});
