import { expect } from 'chai';
import { within } from '../../../server/sessions/patience.ts';
import { StoreUnavailableError } from '../../../server/sessions/session-store.ts';
import { errorOf } from '../../contract/harness.ts';
import { SYSTEM_CLOCK } from '../../../server/sessions/session-parts.ts';

describe('the patience of a request', () => {
  const never = new Promise<never>(() => undefined);

  it('ends at its deadline, however long the store takes, and does not count against the store', async () => {
    const error = await errorOf(within(SYSTEM_CLOCK, SYSTEM_CLOCK.mono() + 5, never));
    expect(error).to.be.instanceOf(StoreUnavailableError).and.to.include({ counts: false });
  });

  it('is over at once when earlier steps have used it up', async () => {
    expect(await errorOf(within(SYSTEM_CLOCK, SYSTEM_CLOCK.mono() - 1_000, never))).to.be.instanceOf(
      StoreUnavailableError,
    );
  });

  it('gives what comes in time, and what failed as it is', async () => {
    const deadline = SYSTEM_CLOCK.mono() + 10_000;
    expect(await within(SYSTEM_CLOCK, deadline, Promise.resolve('found'))).to.equal('found');
    const failure = new TypeError('no');
    expect(await errorOf(within(SYSTEM_CLOCK, deadline, Promise.reject(failure)))).to.equal(failure);
  });
});
