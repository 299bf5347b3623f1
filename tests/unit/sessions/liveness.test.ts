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
    store.always('refuse', 'instances');
    expect(await judge.isDead('other').catch((error: unknown) => error)).to.be.instanceOf(
      StoreUnavailableError,
    );
  });

  it('ends with a goodbye whoever judges: one who has just begun, or could not beat', async () => {
    await other.beat();
    await store.noteTenant('acme', 'other');
    await other.close();
    expect(await judge.isDead('other')).to.equal(true);
    expect(await judge.dead()).to.deep.equal([{ instance: 'other', ageMs: Infinity }]);
  });

  it('is never nobody', async () => {
    expect(await judge.isDead('')).to.equal(true);
  });

  it('is not said by one whom the store has forgotten: it lost more than that', async () => {
    await beatFor(DEAD_MS, judge, other);
    clock.advance(DEAD_MS - BEAT_MS);
    await judge.beat();
    clock.advance(2 * BEAT_MS);
    let losses = 0;
    judge.onLoss(() => (losses += 1));
    await store.forget('judge');
    expect(await judge.isDead('other')).to.equal(false);
    expect(losses).to.equal(1);
    await beatFor(DEAD_MS - BEAT_MS, judge);
    expect(await judge.isDead('other')).to.equal(false);
    await beatFor(BEAT_MS, judge);
    expect(await judge.isDead('other')).to.equal(true);
  });

  it('is still one who was seen a moment ago when his entry alone is lost', async () => {
    await beatFor(DEAD_MS, judge, other);
    expect(await judge.isDead('other')).to.equal(false);
    await store.forget('other');
    await beatFor(DEAD_MS, judge);
    expect(await judge.isDead('other')).to.equal(false);
    await beatFor(BEAT_MS, judge);
    expect(await judge.isDead('other')).to.equal(true);
  });

  it('begins to count anew when the connection was lost, however soon it was back', async () => {
    await beatFor(DEAD_MS, judge, other);
    await beatFor(DEAD_MS + BEAT_MS, judge);
    expect(await judge.isDead('other')).to.equal(true);
    judge.storeChanged();
    await beatFor(DEAD_MS - BEAT_MS, judge);
    expect(await judge.isDead('other')).to.equal(false);
    await beatFor(BEAT_MS, judge);
    expect(await judge.isDead('other')).to.equal(true);
  });

  it('is asked of the store once for many who want to know at about the same time', async () => {
    await beatFor(DEAD_MS, judge, other);
    for (let i = 0; i < 100; i += 1) {
      await judge.isDead('other');
      clock.advance(4);
    }
    expect(store.calls.instances).to.equal(1);
    clock.advance(101);
    await judge.isDead('other');
    expect(store.calls.instances).to.equal(2);
    expect(judge.alive).to.equal(2);
  });

  it('is known of oneself: a silence is told once, and remembered', async () => {
    let silences = 0;
    judge.onSilence(() => (silences += 1));
    await beatFor(DEAD_MS, judge);
    const before = clock.mono();
    expect([judge.isSilent, judge.wasSilentSince(0)]).to.deep.equal([false, false]);
    store.always('refuse', 'beat');
    await beatFor(DEAD_MS + BEAT_MS, judge);
    expect([judge.isSilent, judge.wasSilentSince(before)]).to.deep.equal([true, true]);
    store.always(undefined);
    await judge.beat();
    await beatFor(BEAT_MS, judge);
    expect([judge.isSilent, judge.wasSilentSince(before)]).to.deep.equal([false, true]);
    expect(judge.wasSilentSince(clock.mono())).to.equal(false);
    expect(silences).to.equal(1);
    // one who was paused
    clock.advance(2 * DEAD_MS);
    expect(judge.isSilent).to.equal(true);
    await judge.beat();
    expect(silences).to.equal(2);
  });

  it('does not fail a goodbye while the store is away', async () => {
    store.always('refuse');
    await judge.beat();
    await judge.close();
    expect(store.calls).to.deep.equal({ beat: 1, leave: 1 });
  });
});
