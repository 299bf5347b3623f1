import { expect } from 'chai';
import { Liveness } from '../../../server/sessions/liveness.ts';
import { StoreUnavailableError } from '../../../server/sessions/session-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { TestClock } from '../../helpers/sessions.ts';

const DEAD_MS = 10_000;
const BEAT_MS = 2_500;

describe('who is alive', () => {
  let clock: TestClock;
  let store: FaultyStore;
  let judge: Liveness;
  let other: Liveness;

  beforeEach(() => {
    clock = new TestClock();
    store = new FaultyStore(new MemorySessionStore(clock.now), false);
    judge = new Liveness('judge', store, DEAD_MS, clock);
    other = new Liveness('other', new FaultyStore(store, false), DEAD_MS, clock);
  });

  const beatFor = async (ms: number, ...beating: Liveness[]): Promise<void> => {
    for (let passed = 0; passed < ms; passed += BEAT_MS) {
      await Promise.all(beating.map((one) => one.beat()));
      clock.advance(BEAT_MS);
    }
    await Promise.all(beating.map((one) => one.beat()));
  };

  it('is not everybody who was ever seen: a silent one is dead after the time', async () => {
    await beatFor(DEAD_MS, judge, other);
    expect(await judge.isDead('other')).to.equal(false);
    await beatFor(DEAD_MS, judge);
    expect(await judge.isDead('other')).to.equal(false);
    await beatFor(BEAT_MS, judge);
    expect(await judge.isDead('other')).to.equal(true);
  });

  it('is not said by one who has not beaten for as long himself', async () => {
    await judge.beat();
    clock.advance(DEAD_MS - 1);
    await judge.beat();
    expect(await judge.isDead('never seen')).to.equal(false);
    clock.advance(1);
    await judge.beat();
    expect(await judge.isDead('never seen')).to.equal(true);
  });

  it('is not said after an outage before everybody had the time to come back', async () => {
    await beatFor(DEAD_MS, judge, other);
    store.always('refuse', 'beat');
    await beatFor(3 * DEAD_MS, judge, other);
    store.always(undefined);
    await beatFor(DEAD_MS - BEAT_MS, judge);
    expect(await judge.isDead('other')).to.equal(false);
    await beatFor(BEAT_MS, judge);
    expect(await judge.isDead('other')).to.equal(true);
  });

  it('is not said by one who was paused himself: the others may have been paused with him', async () => {
    await beatFor(DEAD_MS, judge, other);
    clock.advance(10 * DEAD_MS);
    expect(await judge.isDead('other')).to.equal(false);
    await judge.beat();
    expect(await judge.isDead('other')).to.equal(false);
    await beatFor(DEAD_MS, judge, other);
    expect(await judge.isDead('other')).to.equal(false);
  });

  it('is never asked about oneself, and nobody but oneself where the store is exclusive', async () => {
    expect(await judge.isDead('judge')).to.equal(false);
    const alone = new Liveness('judge', new FaultyStore(store, true), DEAD_MS, clock);
    expect(await alone.isDead('judge')).to.equal(false);
    expect(await alone.isDead('other')).to.equal(true);
  });

  it('ends at once with a goodbye', async () => {
    await beatFor(DEAD_MS, judge, other);
    await other.close();
    expect(await judge.isDead('other')).to.equal(true);
  });

  it('cannot be known while the store is away', async () => {
    await beatFor(DEAD_MS, judge, other);
    store.always('refuse', 'beatAge');
    expect(await judge.isDead('other').catch((error: unknown) => error)).to.be.instanceOf(
      StoreUnavailableError,
    );
  });

  it('does not fail a goodbye while the store is away', async () => {
    store.always('refuse');
    await judge.beat();
    await judge.close();
    expect(store.calls).to.deep.equal({ beat: 1, leave: 1 });
  });
});
