import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { PendingLedger } from '../../../server/sessions/pending.ts';
import { Replayer } from '../../../server/sessions/replayer.ts';

describe('the replayer', () => {
  let clock: SinonFakeTimers;
  let pending: PendingLedger;
  let replayer: Replayer;
  let isAway: boolean;
  let isTaken: boolean;
  let offered: number;
  let stuck: number;
  const waiting = {
    ref: { tenant: 't', sessionId: 's' },
    replay: () => {
      offered += 1;
      if (isTaken) {
        pending.settle(pending.records, pending.bytes);
        pending.remove(waiting);
      }
      return Promise.resolve();
    },
  };

  beforeEach(() => {
    clock = useFakeTimers();
    pending = new PendingLedger({ maxRecords: 100, maxBytes: 10_000 }, () => undefined);
    [isAway, isTaken, offered, stuck] = [true, false, 0, 0];
    replayer = new Replayer(
      pending,
      () => isAway,
      () => performance.now(),
      () => {
        stuck += 1;
      },
    );
    replayer.start();
    pending.add(waiting, 3, 300);
  });
  afterEach(() => {
    replayer.close();
    clock.restore();
  });

  it('offers nothing while the store is away, and everything soon after it is back', async () => {
    await clock.tickAsync(60_000);
    expect(offered).to.equal(0);
    [isAway, isTaken] = [false, true];
    replayer.storeIsBack();
    await clock.tickAsync(1_000);
    expect([offered, pending.records]).to.deep.equal([1, 0]);
    await clock.tickAsync(60_000);
    expect([offered, stuck]).to.deep.equal([1, 0]);
  });

  it('begins at once when the store is back, and lets it settle when it comes and goes', async () => {
    await clock.tickAsync(60_000);
    isAway = false;
    replayer.storeIsBack();
    await clock.tickAsync(110);
    expect(offered).to.equal(1);
    replayer.storeIsBack();
    await clock.tickAsync(190);
    expect(offered).to.equal(1);
    await clock.tickAsync(120);
    expect(offered).to.equal(2);
    isAway = true;
    await clock.tickAsync(3_000);
    isAway = false;
    replayer.storeIsBack();
    await clock.tickAsync(110);
    expect(offered).to.equal(3);
  });

  it('offers what is not taken again, but not at every turn, and says once that it is stuck', async () => {
    isAway = false;
    await clock.tickAsync(2_500);
    expect([offered, stuck]).to.deep.equal([2, 0]);
    await clock.tickAsync(57_500);
    expect(offered).to.be.within(30, 50);
    expect(stuck).to.equal(1);
    isTaken = true;
    await clock.tickAsync(2_000);
    expect(pending.records).to.equal(0);
    // the next time is another one
    isTaken = false;
    pending.add(waiting, 1, 100);
    await clock.tickAsync(10_000);
    expect(stuck).to.equal(2);
  });

  it('takes an outage that begins in the middle for no sign of being stuck', async () => {
    isAway = false;
    await clock.tickAsync(2_500);
    isAway = true;
    await clock.tickAsync(10_000);
    isAway = false;
    isTaken = true;
    await clock.tickAsync(2_000);
    expect([pending.records, stuck]).to.deep.equal([0, 0]);
  });

  it('waits for what is pending when it drains, and no longer than it may', async () => {
    let drained = false;
    void replayer.drain(3_000).then(() => {
      drained = true;
    });
    await clock.tickAsync(2_900);
    expect(drained).to.equal(false);
    await clock.tickAsync(200);
    expect(drained).to.equal(true);
    drained = false;
    void replayer.drain(60_000).then(() => {
      drained = true;
    });
    [isAway, isTaken] = [false, true];
    await clock.tickAsync(2_000);
    expect(drained).to.equal(true);
  });
});

describe('the ledger of what is pending', () => {
  it('keeps room for what comes of work that was taken, and tells once that it is full', () => {
    let full = 0;
    const ledger = new PendingLedger({ maxRecords: 100, maxBytes: 10_000 }, () => (full += 1));
    const session = { ref: { tenant: 't', sessionId: 's' }, replay: () => Promise.resolve() };
    ledger.admit(90, 100, true);
    ledger.add(session, 90, 100);
    for (const n of [1, 2])
      expect(() => {
        ledger.admit(n, 10, true);
      }).to.throw('too much waits');
    ledger.admit(10, 10, false);
    expect(() => {
      ledger.admit(11, 10, false);
    }).to.throw('too much waits');
    expect(() => {
      ledger.admit(1, 9_901, false);
    }).to.throw('too much waits');
    expect(full).to.equal(1);
    ledger.settle(90, 100);
    expect(() => {
      ledger.admit(101, 10, false);
    }).to.throw('too much waits');
    expect(full).to.equal(2);
  });
});
