import { expect } from 'chai';
import type { Excess, Quota } from '../../../server/sessions/quota.ts';
import { QuotaLedger } from '../../../server/sessions/quota-ledger.ts';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  moveTo,
  opened,
  readAll,
  reasonOf,
  refOf,
  say,
  TestClock,
  textsOf,
  type TestManager,
} from '../../helpers/sessions.ts';

const ENDED = 'TASK_STATE_COMPLETED';
const ASKS = 'TASK_STATE_INPUT_REQUIRED';

describe('what a tenant may have', () => {
  let clock: TestClock;
  let store: FaultyStore;
  let test: TestManager;
  let refused: string[];
  let exceeded: (Excess & { tenant: string; changes: number })[];

  beforeEach(() => {
    clock = new TestClock();
    refused = [];
    exceeded = [];
    const quotas = new QuotaLedger({
      refused: (tenant, { limit, tier, max }) => refused.push(`${tenant} ${tier} ${limit} ${max}`),
      exceeded: (tenant, excess, changes) => exceeded.push({ tenant, ...excess, changes }),
    });
    store = new FaultyStore(new MemorySessionStore(clock.now), false);
    test = createTestManager(store, { clock, instance: 'one', quotas });
  });

  const quotaOf = (limits: Omit<Quota, 'tier'>) => ({ quota: { tier: 'gold', ...limits } });
  const send = (sessionId: string, limits: Omit<Quota, 'tier'>, task = 't1') =>
    changeOnce(test.manager, begin(task, `say ${task}`), refOf(sessionId), quotaOf(limits));
  const inSession = async (
    sessionId: string,
    use: (session: LiveSession) => Promise<unknown>,
  ): Promise<void> => {
    const session = await opened(test.manager, refOf(sessionId));
    await use(session);
    test.manager.release(session);
  };

  it('is asked only of what adds to it, in the commit that does', async () => {
    const limits = { maxSessions: 5, maxRunningTasks: 6 };
    await send('s1', limits);
    await inSession('s1', async (session) => {
      await session.change(begin('t2', 'another'), quotaOf(limits));
      await session.change(say('t2', 'more'), quotaOf(limits));
      await session.change(moveTo('t2', ENDED), quotaOf(limits));
      await session.change(begin('t3', 'unasked'));
    });
    expect(store.requests.map((request) => request.limits)).to.deep.equal([
      limits,
      { maxRunningTasks: 6 },
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('refuses what is above it, naming limit and value, and nothing of it is stored', async () => {
    await send('s1', { maxSessions: 1 });
    const error = await send('s2', { maxSessions: 1 }).catch((thrown: unknown) => thrown);
    expect(error).to.deep.include({
      reason: 'RESOURCE_EXHAUSTED',
      httpStatus: 200,
      message: 'the limit of the tier gold is reached: maxSessions is 1',
      metadata: { bound: 'maxSessions', limit: '1', tier: 'gold' },
    });
    expect(refused).to.deep.equal(['acme gold maxSessions 1']);
    expect(await readAll(store, refOf('s2'))).to.deep.equal([]);
    expect(await send('s2', { maxSessions: 2 })).to.equal('stored');
  });

  it('has room for one of two that come together, and takes one', async () => {
    await inSession('s1', async (session) => {
      await session.change(begin('t1', 'first'), quotaOf({ maxRunningTasks: 2 }));
      const both = ['t2', 't3'].map((task) =>
        reasonOf(session.change(begin(task, task), quotaOf({ maxRunningTasks: 2 }))),
      );
      expect(await Promise.all(both)).to.deep.equal(['it succeeded', 'RESOURCE_EXHAUSTED']);
      expect(textsOf(session.view)).to.deep.equal(['first', 't2']);
    });
  });

  it('refuses nothing that comes in the same commit and does not ask', async () => {
    await inSession('s1', async (session) => {
      await session.change(begin('t1', 'first'), quotaOf({ maxRunningTasks: 1 }));
      const chunk = session.change(say('t1', 'before'));
      const second = reasonOf(session.change(begin('t2', 'second'), quotaOf({ maxRunningTasks: 1 })));
      const behind = session.change(say('t1', 'behind'));
      expect([await chunk, await second, await behind]).to.deep.equal([
        'stored',
        'RESOURCE_EXHAUSTED',
        'stored',
      ]);
      expect(store.answers.map(({ result }) => result.outcome)).to.deep.equal(['ok', 'refused', 'ok']);
      expect(textsOf(session.view)).to.deep.equal(['first', 'before', 'behind']);
    });
  });

  it('lets a task go on only where there is room for it', async () => {
    const goOn = (_draft: unknown, at: number) => [
      { t: 'run' as const, at, task: 't1', by: 'i1.2' as const, next: true as const },
    ];
    await inSession('s1', async (session) => {
      await session.change(begin('t1', 'first'));
      await session.change(moveTo('t1', ASKS));
      await send('s2', { maxRunningTasks: 1 });
      expect(await reasonOf(session.change(goOn, quotaOf({ maxRunningTasks: 1 })))).to.equal(
        'RESOURCE_EXHAUSTED',
      );
      expect(await session.change(goOn, quotaOf({ maxRunningTasks: 2 }))).to.equal('stored');
    });
  });

  it('bounds the records and bytes of a session beside the bounds for all, and its end always fits', async () => {
    await inSession('s1', async (session) => {
      await session.change(begin('t1', 'first'));
      const few = quotaOf({ maxRecordsPerSession: 4 });
      expect(await session.change(say('t1', 'fits'), few)).to.equal('stored');
      expect(await reasonOf(session.change(say('t1', 'too many'), few))).to.equal('RESOURCE_EXHAUSTED');
      const small = quotaOf({ maxBytesPerSession: session.view.bytes + 200 });
      expect(await reasonOf(session.change(say('t1', 'x'.repeat(200)), small))).to.equal(
        'RESOURCE_EXHAUSTED',
      );
      expect(await session.change(say('t1', 'x'), small)).to.equal('stored');
      expect(await session.change(moveTo('t1', ENDED), few)).to.equal('stored');
      expect(refused).to.deep.equal([
        'acme gold maxRecordsPerSession 4',
        `acme gold maxBytesPerSession ${small.quota.maxBytesPerSession}`,
      ]);
    });
  });

  describe('while the store is away', () => {
    const limits = { maxSessions: 3 };

    it('is what the store said last, and what was admitted since', async () => {
      await send('s1', limits);
      test.away = true;
      expect(await send('s2', limits)).to.equal('deferred');
      expect(await send('s3', limits)).to.equal('deferred');
      expect(await reasonOf(send('s4', limits))).to.equal('RESOURCE_EXHAUSTED');
      expect(refused).to.deep.equal(['acme gold maxSessions 3']);
      // a tenant of whom nothing is known has nothing
      const other = changeOnce(
        test.manager,
        begin('t1', 'one'),
        refOf('s1', 'other'),
        quotaOf({ maxSessions: 1 }),
      );
      expect(await other).to.equal('deferred');
      test.away = false;
      await Promise.all([...test.manager.pending.sessions].map((session) => session.replay()));
      expect(exceeded).to.deep.equal([]);
      test.away = true;
      expect(await reasonOf(send('s4', limits))).to.equal('RESOURCE_EXHAUSTED');
      expect(await send('s4', { maxSessions: 4 })).to.equal('deferred');
    });

    it('has room again for what ended meanwhile, stored or not', async () => {
      const one = { maxRunningTasks: 1 };
      await send('s1', one);
      await inSession('s1', (session) => session.change(moveTo('t1', ENDED)));
      await send('s2', one);
      test.away = true;
      expect(await reasonOf(send('s3', one))).to.equal('RESOURCE_EXHAUSTED');
      await inSession('s2', (session) => session.change(moveTo('t1', ENDED)));
      expect(await send('s3', one)).to.equal('deferred');
      expect(await reasonOf(send('s4', one))).to.equal('RESOURCE_EXHAUSTED');
      await inSession('s3', (session) => session.change(moveTo('t1', ENDED)));
      expect(await send('s4', one)).to.equal('deferred');
    });

    it('is kept where it turns out to be too much, and told of with tenant, limit and count', async () => {
      const other = createTestManager(store, { clock, instance: 'two' });
      await send('s1', limits);
      test.away = true;
      expect(await send('s2', limits)).to.equal('deferred');
      expect(await send('s3', limits)).to.equal('deferred');
      for (const id of ['o1', 'o2']) await changeOnce(other.manager, begin('t1', id), refOf(id));
      test.away = false;
      for (const session of [...test.manager.pending.sessions]) await session.replay();
      for (const id of ['s2', 's3']) expect(await readAll(store, refOf(id))).to.have.length(3);
      const told = { tenant: 'acme', tier: 'gold', limit: 'maxSessions', max: 3, changes: 1 };
      expect(exceeded).to.deep.equal([
        { ...told, count: 4 },
        { ...told, count: 5 },
      ]);
      expect(await reasonOf(send('s4', limits))).to.equal('RESOURCE_EXHAUSTED');
    });

    it('has what was stored although the answer was lost', async () => {
      await send('s1', limits);
      store.once('commit', 'lose');
      expect(await send('s2', limits)).to.equal('deferred');
      for (const session of [...test.manager.pending.sessions]) await session.replay();
      expect(store.answers.at(-1)?.result.outcome).to.equal('stored');
      test.away = true;
      expect(await send('s3', limits)).to.equal('deferred');
      expect(await reasonOf(send('s4', limits))).to.equal('RESOURCE_EXHAUSTED');
    });

    it('decides on what the store does not answer in time, too', async () => {
      await send('s1', { maxSessions: 1 });
      store.once('commit', 'refuse');
      expect(await reasonOf(send('s2', { maxSessions: 1 }))).to.equal('RESOURCE_EXHAUSTED');
      store.once('commit', 'refuse');
      expect(await send('s3', { maxSessions: 2 })).to.equal('deferred');
    });
  });
});
