import { expect } from 'chai';
import { useFakeTimers, type SinonFakeTimers } from 'sinon';
import type { JournalRead } from '../../../server/sessions/session-store.ts';
import { BreakerStore } from '../../../server/stores/breaker.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { StoreTimeoutError } from '../../../server/stores/store-timeout-error.ts';
import { refOf } from '../../contract/harness.ts';

/** A store that answers when it is told to. */
class SlowStore extends MemorySessionStore {
  readonly asked: ((read: JournalRead) => void)[] = [];

  override read(): Promise<JournalRead> {
    return new Promise((resolve) => {
      this.asked.push(resolve);
    });
  }
}

describe('the deadlines of calls that are under way together', () => {
  let clock: SinonFakeTimers;
  let inner: SlowStore;
  let breaker: BreakerStore;
  let ended: string[];
  const known = { epoch: 'e1', head: 1, w: 'i1.1' };
  const ask = (name: string): void => {
    const note = (how: string): void => {
      // an immediate of the fake clock takes a millisecond
      ended.push(`${name} ${how} at ${10 * Math.floor(performance.now() / 10)}`);
    };
    breaker.read(refOf(), known).then(
      () => {
        note('answered');
      },
      (error: unknown) => {
        note(error instanceof StoreTimeoutError ? 'late' : 'failed');
      },
    );
  };

  beforeEach(() => {
    clock = useFakeTimers();
    inner = new SlowStore();
    breaker = new BreakerStore(inner, { instance: 'me', failures: 100 });
    ended = [];
  });
  afterEach(async () => {
    await breaker.close();
    clock.restore();
  });

  it('are each their own', async () => {
    ask('first');
    await clock.tickAsync(100);
    ask('second');
    await clock.tickAsync(100);
    ask('third');
    await clock.tickAsync(1_000);
    expect(ended).to.deep.equal(['first late at 250', 'second late at 350', 'third late at 450']);
  });

  it('count as failures when they pass, also where the answers come after them', async () => {
    const counting = new BreakerStore(inner, { instance: 'me', failures: 3 });
    for (const n of [0, 1, 2]) {
      expect(counting.state).to.equal('closed');
      counting.read(refOf(), known).catch(() => undefined);
      await clock.tickAsync(300);
      inner.asked[n]?.({ found: false });
      await clock.tickAsync(10);
    }
    expect(counting.state).to.equal('open');
    await counting.close();
  });

  it('hold for those that stay when the oldest is answered', async () => {
    ask('first');
    await clock.tickAsync(200);
    ask('second');
    inner.asked[0]?.({ found: false });
    await clock.tickAsync(1_000);
    expect(ended).to.deep.equal(['first answered at 200', 'second late at 450']);
  });

  it('hold for one that begins when nothing was under way for long', async () => {
    ask('first');
    inner.asked[0]?.({ found: false });
    await clock.tickAsync(10_000);
    ask('second');
    await clock.tickAsync(10_000);
    expect(ended).to.deep.equal(['first answered at 0', 'second late at 10250']);
  });

  it('leave an answer that comes after them to nobody', async () => {
    ask('first');
    await clock.tickAsync(300);
    inner.asked[0]?.({ found: false });
    await clock.tickAsync(300);
    expect(ended).to.deep.equal(['first late at 250']);
  });
});
