import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { SessionDamagedError, StoreUnavailableError } from '../../../server/sessions/session-store.ts';
import type { JournalRead } from '../../../server/sessions/session-store.ts';
import { BreakerStore } from '../../../server/stores/breaker.ts';
import type { BreakerOptions } from '../../../server/stores/breaker.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { StoreTimeoutError } from '../../../server/stores/store-timeout-error.ts';
import { Writer, createOf, errorOf, refOf } from '../../contract/harness.ts';

const hangs = () => new Promise<never>(() => undefined);

/** A store that does to every call what `act` says, and counts them. */
class FaultyStore extends MemorySessionStore {
  act: (() => Promise<never>) | undefined;
  calls = 0;
  beats: string[] = [];

  override read(...args: Parameters<MemorySessionStore['read']>): Promise<JournalRead> {
    this.calls += 1;
    return this.act?.() ?? super.read(...args);
  }

  override beat(instance: string): Promise<number> {
    this.beats.push(instance);
    return this.act?.() ?? super.beat(instance);
  }
}

describe('the breaker', () => {
  let clock: SinonFakeTimers;
  let inner: FaultyStore;
  let breaker: BreakerStore;
  let changes: string[];
  const known = { epoch: 'e1', head: 1, w: 'i1.1' };
  const read = (after: typeof known | undefined = known) => breaker.read(refOf(), after);
  const fails = (options?: { counts?: boolean; decisive?: boolean }) => () =>
    Promise.reject(new StoreUnavailableError('connection refused', options));
  const start = (options: Partial<BreakerOptions> = {}) => {
    breaker = new BreakerStore(inner, { instance: 'me', ...options });
    breaker.onChange((state, why) => changes.push(`${state}: ${why}`));
  };
  const failTimes = async (times: number) => {
    for (let i = 0; i < times; i += 1) await errorOf(read());
  };
  /** Calls, lets the clock run past the deadline, and answers the error and how long it took. */
  const timeOut = async (call = read()) => {
    const began = performance.now();
    const error = errorOf(call).then((e) => [e, performance.now() - began] as const);
    await clock.tickAsync(300);
    return await error;
  };

  beforeEach(() => {
    clock = useFakeTimers();
    inner = new FaultyStore();
    changes = [];
    start();
  });
  afterEach(async () => {
    await breaker.close();
    clock.restore();
  });

  it('is the store it stands before, for everybody who asks', async () => {
    expect([breaker.kind, breaker.location, breaker.exclusive]).to.deep.equal(['memory', 'memory', true]);
    const writer = await new Writer(breaker).create(['1'], {
      aliases: [{ subject: 'ann', clientTaskId: 'mine', local: 't', expected: null }],
    });
    await breaker.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [1] }]);
    await breaker.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [], serves: '' }]);
    expect(await breaker.claimDerived(writer.ref, 'e1', '', 'next')).to.equal('next');
    expect(await breaker.resolveAlias('acme', 'ann', 'mine')).to.equal('s1.t');
    expect(await breaker.read(writer.ref)).to.deep.include({ found: true, answered: [1] });
    await breaker.beat('i1');
    expect(await breaker.instances()).to.deep.equal([{ instance: 'i1', ageMs: 0 }]);
    await breaker.noteTenant('acme', 'i1');
    expect([await breaker.tenants(), await breaker.tenantsOf('i1')]).to.deep.equal([['acme'], ['acme']]);
    await breaker.leave('i1');
    expect(await breaker.instances()).to.deep.equal([{ instance: 'i1', ageMs: Infinity }]);
    await breaker.forget('i1');
    expect(await breaker.instances()).to.deep.equal([]);
    expect(await breaker.runningTasks('acme', 10)).to.deep.equal({ tasks: [] });
    expect(await breaker.warnings()).to.have.length(1);
    expect(await breaker.retire('acme')).to.equal(0);
    expect(await breaker.remove(writer.ref, 1_000, writer.cursor)).to.equal('removed');
    expect(breaker.state).to.equal('closed');
  });

  it('opens after five failures in a row, and then asks the store nothing', async () => {
    inner.act = fails();
    await failTimes(4);
    expect(breaker.state).to.equal('closed');
    await failTimes(1);
    expect(breaker.state).to.equal('open');
    expect(changes).to.deep.equal(['open: 5 failures in a row, the last: connection refused']);
    const calls = inner.calls;
    const error = await errorOf(read());
    expect(error).to.be.instanceOf(StoreUnavailableError).with.property('counts', false);
    await errorOf(breaker.commit(refOf(), createOf('e1', ['1'])));
    expect(inner.calls).to.equal(calls);
  });

  it('counts from the beginning after every success', async () => {
    inner.act = fails();
    await failTimes(4);
    inner.act = undefined;
    await read();
    inner.act = fails();
    await failTimes(4);
    expect(breaker.state).to.equal('closed');
    await failTimes(1);
    expect(breaker.state).to.equal('open');
  });

  it('opens at once when the store itself says that it takes no writes', async () => {
    inner.act = fails({ decisive: true });
    await failTimes(1);
    expect(changes).to.deep.equal(['open: connection refused']);
  });

  it('does not count what says nothing about the store', async () => {
    inner.act = fails({ counts: false });
    await failTimes(10);
    inner.act = () => Promise.reject(new SessionDamagedError('key', 'v'));
    await failTimes(10);
    inner.act = () => Promise.reject(new Error('a defect'));
    await failTimes(10);
    expect([breaker.state, changes]).to.deep.equal(['closed', []]);
  });

  it('bounds a call that hangs, and counts it', async () => {
    inner.act = hangs;
    for (let i = 0; i < 5; i += 1) {
      expect(breaker.state).to.equal('closed');
      const [error, ms] = await timeOut();
      expect(error).to.be.instanceOf(StoreTimeoutError).with.property('counts', true);
      expect(ms).to.be.within(250, 260);
    }
    expect(breaker.state).to.equal('open');
  });

  it('takes an answer that came while it was already giving up', async () => {
    inner.act = () =>
      new Promise<never>((_, reject) => {
        setTimeout(() => {
          reject(new Error('answered'));
        }, 250);
      });
    const [error] = await timeOut();
    expect(error.message).to.equal('answered');
  });

  it('does not count a time-out while our own loop was late', async () => {
    const asked: number[] = [];
    let late = true;
    await breaker.close();
    inner = new FaultyStore();
    start({ wasLateSince: (since) => asked.push(since) > 0 && late });
    inner.act = hangs;
    const began = performance.now();
    for (let i = 0; i < 10; i += 1) await timeOut();
    expect(breaker.state).to.equal('closed');
    expect(asked[0]).to.equal(began);
    late = false;
    for (let i = 0; i < 5; i += 1) await timeOut();
    expect(breaker.state).to.equal('open');
  });

  it('counts a failure that is no time-out however late the loop was', async () => {
    await breaker.close();
    inner = new FaultyStore();
    start({ wasLateSince: () => true });
    inner.act = fails();
    await failTimes(5);
    expect(breaker.state).to.equal('open');
  });

  it('does not count a time-out of a read from the first record, whose answer may be large', async () => {
    inner.act = hangs;
    for (let i = 0; i < 10; i += 1) await timeOut(breaker.read(refOf()));
    for (let i = 0; i < 10; i += 1) await timeOut(read({ epoch: 'e1', head: 0, w: '' }));
    expect(breaker.state).to.equal('closed');
    inner.act = fails();
    for (let i = 0; i < 5; i += 1) await errorOf(breaker.read(refOf()));
    expect(breaker.state).to.equal('open');
  });

  it('opens at once when it is told to, once', () => {
    breaker.trip('the connection is lost');
    breaker.trip('again');
    expect([breaker.state, changes]).to.deep.equal(['open', ['open: the connection is lost']]);
  });

  it('probes after 250 ms, then half as often each time up to once a second, and closes on success', async () => {
    inner.act = fails();
    breaker.trip('lost');
    const at: number[] = [];
    const began = Date.now();
    for (let ms = 0; ms < 4_000; ms += 10) {
      const before = inner.beats.length;
      await clock.tickAsync(10);
      if (inner.beats.length > before) at.push(Date.now() - began);
    }
    expect(at).to.deep.equal([250, 750, 1_750, 2_750, 3_750]);
    expect(new Set(inner.beats)).to.deep.equal(new Set(['me']));
    inner.act = undefined;
    await clock.tickAsync(1_000);
    expect(breaker.state).to.equal('closed');
    expect(changes).to.deep.equal(['open: lost', 'closed: a probe succeeded']);
    expect((await read()).found).to.equal(false);
    const beats = inner.beats.length;
    await clock.tickAsync(5_000);
    expect(inner.beats).to.have.length(beats);
    inner.act = fails();
    breaker.trip('lost again');
    await clock.tickAsync(250);
    expect(inner.beats).to.have.length(beats + 1);
  });

  it('has one probe at a time, also when each of them hangs', async () => {
    inner.act = hangs;
    breaker.trip('lost');
    await Promise.all([breaker.probe(), clock.tickAsync(260)]);
    expect(inner.beats).to.have.length(1);
    await clock.tickAsync(400);
    expect(inner.beats).to.have.length(1);
    await clock.tickAsync(200);
    expect(inner.beats).to.have.length(2);
  });

  it('probes at once when there is reason to, and not while it is closed', async () => {
    await breaker.probe();
    expect(inner.beats).to.deep.equal([]);
    breaker.trip('lost');
    await breaker.probe();
    expect(breaker.state).to.equal('closed');
    await clock.tickAsync(5_000);
    expect(inner.beats).to.have.length(1);
  });

  it('stays open when a call from before succeeds late', async () => {
    let answer: (value: never) => void = () => undefined;
    inner.act = () => new Promise<never>((resolve) => (answer = resolve));
    const early = read();
    breaker.trip('lost');
    answer({ found: false } as never);
    await early;
    expect(breaker.state).to.equal('open');
  });

  it('can start open: a store that never answered is handled like one that went away', async () => {
    await breaker.close();
    inner = new FaultyStore();
    inner.act = fails();
    start({ startOpen: true });
    expect(breaker.state).to.equal('open');
    expect(await errorOf(read())).to.have.property('counts', false);
    await clock.tickAsync(250);
    expect(breaker.state).to.equal('open');
    inner.act = undefined;
    await clock.tickAsync(500);
    expect([breaker.state, changes]).to.deep.equal(['closed', ['closed: a probe succeeded']]);
  });

  it('leaves no timer behind, and closes the store', async () => {
    breaker.trip('lost');
    await breaker.close();
    expect(clock.countTimers()).to.equal(0);
    breaker.trip('after the end');
    await breaker.probe();
    expect(inner.beats).to.deep.equal([]);
    expect(await errorOf(inner.read(refOf()))).to.be.instanceOf(StoreUnavailableError);
  });
});
