import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { BreakerStore } from '../../../server/stores/breaker.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { StoreTimeoutError } from '../../../server/stores/store-timeout-error.ts';
import { errorOf } from '../../contract/harness.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';

describe('the breaker in front of lists', () => {
  let clock: SinonFakeTimers;
  let inner: FaultyStore;
  let breaker: BreakerStore;
  beforeEach(() => {
    clock = useFakeTimers();
    inner = new FaultyStore(new MemorySessionStore());
    breaker = new BreakerStore(inner, { instance: 'me' });
  });
  afterEach(async () => {
    inner.always(undefined);
    await breaker.close();
    clock.restore();
  });

  it('bounds a list, whose answer may be large: waiting for it in vain says nothing of the store', async () => {
    const list = () => breaker.listTasks('acme', { limit: 10 });
    inner.always('hang');
    for (let i = 0; i < 10; i += 1) {
      const error = errorOf(list());
      await clock.tickAsync(300);
      expect(await error).to.be.instanceOf(StoreTimeoutError);
    }
    expect(breaker.state).to.equal('closed');
    inner.always('refuse');
    for (let i = 0; i < 5; i += 1) await errorOf(list());
    expect(breaker.state).to.equal('open');
    expect(await errorOf(list())).to.include({ counts: false });
  });

  it('counts a claim that nobody answers like any other call', async () => {
    inner.always('hang');
    for (let i = 0; i < 5; i += 1) {
      const error = errorOf(breaker.claimDue('acme', 10, 1_000));
      await clock.tickAsync(300);
      await error;
    }
    expect(breaker.state).to.equal('open');
  });
});
