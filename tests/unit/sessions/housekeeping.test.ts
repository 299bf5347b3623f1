import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { Housekeeping } from '../../../server/sessions/housekeeping.ts';
import { Liveness } from '../../../server/sessions/liveness.ts';
import { SessionCache } from '../../../server/sessions/session-cache.ts';
import { SYSTEM_CLOCK } from '../../../server/sessions/session-parts.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { Writer, refOf } from '../../contract/harness.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';

const TURN_MS = 5_000;
const HOUR_MS = 3_600_000;

describe('housekeeping', () => {
  let clock: SinonFakeTimers;
  let store: FaultyStore;
  let house: Housekeeping;
  let isAway: boolean;
  let logged: string[];

  const begin = (liveness = new Liveness('me', store, 10_000, SYSTEM_CLOCK)): Housekeeping => {
    const bounds = { maxSessions: 10, maxBytes: 10_000 };
    const cache = new SessionCache(
      bounds,
      () => performance.now(),
      () => undefined,
    );
    const made = new Housekeeping(
      store,
      liveness,
      cache,
      () => isAway,
      (event) => {
        logged.push(event);
      },
    );
    made.start();
    return made;
  };
  const calls = (method: 'noteTenant' | 'tenants' | 'retire'): number => store.calls[method] ?? 0;

  beforeEach(() => {
    clock = useFakeTimers();
    store = new FaultyStore(new MemorySessionStore());
    [isAway, logged] = [false, []];
    house = begin();
  });
  afterEach(() => {
    house.close();
    clock.restore();
  });

  it('tells the store of a tenant that is first seen, and then once an hour while it is', async () => {
    for (let i = 0; i < 10; i += 1) house.tenantSeen('acme');
    await clock.tickAsync(1);
    expect(await store.tenants()).to.deep.equal(['acme']);
    for (let i = 0; i < 100; i += 1) house.tenantSeen('acme');
    await clock.tickAsync(HOUR_MS - TURN_MS);
    house.tenantSeen('acme');
    expect(calls('noteTenant')).to.equal(1);
    await clock.tickAsync(2 * TURN_MS);
    expect(calls('noteTenant')).to.equal(1);
    house.tenantSeen('acme');
    await clock.tickAsync(1);
    expect(calls('noteTenant')).to.equal(2);
  });

  it('fails nobody when the store does not take it, and tells it at the next turn', async () => {
    store.always('refuse', 'noteTenant');
    house.tenantSeen('acme');
    await clock.tickAsync(1);
    expect(calls('noteTenant')).to.equal(1);
    store.always(undefined);
    for (let i = 0; i < 10; i += 1) house.tenantSeen('acme');
    expect(calls('noteTenant')).to.equal(1);
    await clock.tickAsync(TURN_MS);
    expect(await store.tenants()).to.deep.equal(['acme']);
    expect(logged).to.deep.equal([]);
  });

  it('tells it again when this instance was taken for dead, or forgotten', async () => {
    const liveness = new Liveness('me', new FaultyStore(store, false), 100, SYSTEM_CLOCK);
    house.close();
    house = begin(liveness);
    house.tenantSeen('acme');
    await clock.tickAsync(1);
    await store.forget('me');
    expect(await store.tenantsOf('me')).to.deep.equal([]);
    await clock.tickAsync(101);
    await liveness.beat();
    await clock.tickAsync(1);
    expect(await store.tenantsOf('me')).to.deep.equal(['acme']);
  });

  it('asks nothing of a store that is away', async () => {
    isAway = true;
    house.tenantSeen('acme');
    const before = { ...store.calls };
    await clock.tickAsync(4 * TURN_MS);
    expect(store.calls).to.deep.equal(before);
    isAway = false;
    await clock.tickAsync(TURN_MS);
    expect(await store.tenants()).to.deep.equal(['acme']);
  });

  it('clears up after tenants that nobody talks to any more', async () => {
    house.close();
    const expiry = { kind: 'slide', ttlMs: 1_000 } as const;
    await store.noteTenant('silent', 'gone');
    for (let i = 0; i < 120; i += 1)
      await new Writer(store, refOf(`s${i}`, 'silent')).create(['1'], { expiry });
    // a process that starts while the store is away hears of them later
    isAway = true;
    house = begin();
    await clock.tickAsync(2 * TURN_MS);
    expect(calls('retire')).to.equal(0);
    isAway = false;
    await clock.tickAsync(TURN_MS);
    expect(await store.retire('silent')).to.equal(0);
    expect(calls('retire')).to.be.above(2);
  });

  it('gives every tenant its turn, however many there are', async () => {
    const tenants = Array.from({ length: 250 }, (_, i) => `t${i}`);
    for (const tenant of tenants) house.tenantSeen(tenant);
    await clock.tickAsync(TURN_MS);
    expect(calls('retire')).to.equal(100);
    await clock.tickAsync(2 * TURN_MS);
    expect(calls('retire')).to.equal(300);
  });

  it('says when an index is damaged', async () => {
    store.retire = () => Promise.reject(new Error('index is damaged'));
    store.tenants = () => Promise.reject(new Error('index is damaged'));
    house.close();
    house = begin();
    house.tenantSeen('acme');
    await clock.tickAsync(TURN_MS);
    expect(logged).to.deep.equal(['tenants_failed', 'tenants_failed', 'retire_failed']);
  });
});
