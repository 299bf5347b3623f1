import { expect } from 'chai';
import type { TaskState } from '../../protocol/task-state.ts';
import type { TenantLimits } from '../../server/sessions/tenant-counts.ts';
import {
  aliasOf,
  createOf,
  expectOutcome,
  HOUR,
  refOf,
  requestAt,
  START,
  taskOf,
  Writer,
} from './harness.ts';
import type { Suite } from './harness.ts';

const SUBMITTED = 'TASK_STATE_SUBMITTED';
const WORKING = 'TASK_STATE_WORKING';
const ASKS = 'TASK_STATE_INPUT_REQUIRED';
const DONE = 'TASK_STATE_COMPLETED';
const SOON = { expiry: { kind: 'slide', ttlMs: 40 } } as const;
const SOON_OVER_MS = 45;
/** Time for another commit before it is over, also on a busy machine. */
const LATER = { expiry: { kind: 'slide', ttlMs: 200 } } as const;

export function describeLimits(suite: Suite): void {
  const limited = (limits: TenantLimits, id: string, more = {}) =>
    suite.store.commit(refOf(id), createOf(`e-${id}`, ['1'], { limits, ...more }));
  const running = (maxRunningTasks: number, id: string, state: TaskState = SUBMITTED) =>
    limited({ maxRunningTasks }, id, { tasks: [taskOf('t', state)] });

  describe('the limits of a tenant', () => {
    const test = suite.needs('limits');

    test('have room again for one that could not be read and was erased', async () => {
      for (const id of ['a', 'b']) await limited({ maxSessions: 2 }, id);
      await suite.harness.damage?.head(refOf('a'));
      await suite.store.erase(refOf('a'), HOUR);
      expect(await limited({ maxSessions: 2 }, 'c')).to.deep.equal({
        outcome: 'ok',
        counts: { sessions: 2 },
      });
    });

    test('admit as many sessions as they say, and say how many there are', async () => {
      await new Writer(suite.store, refOf('unasked')).create(['1']);
      for (const [id, sessions] of [
        ['a', 2],
        ['b', 3],
      ] as const)
        expect(await limited({ maxSessions: 3 }, id)).to.deep.equal({ outcome: 'ok', counts: { sessions } });
      expect(await limited({ maxSessions: 3 }, 'c')).to.deep.equal({
        outcome: 'refused',
        limit: 'maxSessions',
      });
      expect(await suite.store.read(refOf('c'))).to.deep.equal({ found: false });
      // whoever asks for nothing is admitted, and another limit is another word
      await new Writer(suite.store, refOf('d')).create(['1']);
      expect(await limited({ maxSessions: 5 }, 'e')).to.deep.include({ counts: { sessions: 5 } });
      expect(
        await suite.store.commit(refOf('x', 'other'), createOf('e1', ['1'], { limits: { maxSessions: 1 } })),
      ).to.deep.equal({ outcome: 'ok', counts: { sessions: 1 } });
    });

    test('do not come between an attempt and its repetition', async () => {
      expectOutcome(await limited({ maxSessions: 1 }, 'a'), 'ok');
      expectOutcome(await limited({ maxSessions: 1 }, 'a'), 'stored');
      const other = createOf('e2', ['1'], { instance: 'i2', limits: { maxSessions: 1 } });
      expectOutcome(await suite.store.commit(refOf('a'), other), 'exists');
      const writer = await new Writer(suite.store, refOf('b')).create(['1']);
      await suite.store.commit(
        writer.ref,
        requestAt(writer.cursor, 2, ['2'], { limits: { maxSessions: 1 } }),
      );
      const behind = requestAt(writer.cursor, 3, ['3'], {
        tasks: [taskOf('t', WORKING)],
        limits: { maxRunningTasks: 0 },
      });
      expectOutcome(await suite.store.commit(writer.ref, { ...behind, instance: 'i2' }), 'moved');
    });

    test('have room again once a session is removed or over', async () => {
      expectOutcome(await limited({ maxSessions: 2 }, 'removed'), 'ok');
      expectOutcome(await limited({ maxSessions: 2 }, 'over', SOON), 'ok');
      expectOutcome(await limited({ maxSessions: 2 }, 'a'), 'refused');
      await suite.store.remove(refOf('removed'), HOUR);
      expectOutcome(await limited({ maxSessions: 2 }, 'a'), 'ok');
      await suite.harness.elapse(SOON_OVER_MS);
      expectOutcome(await limited({ maxSessions: 2 }, 'b'), 'ok');
      expectOutcome(await limited({ maxSessions: 2 }, 'c'), 'refused');
      // also the very one that is over
      await suite.store.remove(refOf('b'), HOUR);
      expectOutcome(await limited({ maxSessions: 2 }, 'over'), 'ok');
      expectOutcome(await limited({ maxSessions: 2 }, 'c'), 'refused');
    });

    test('count a session as long as it lives, however often its end was moved', async () => {
      const writer = await new Writer(suite.store).create(['1'], LATER);
      await writer.append(['2'], { expiry: { kind: 'slide', ttlMs: HOUR } });
      const other = await new Writer(suite.store, refOf('read')).create(['1'], LATER);
      await suite.store.read(other.ref, other.cursor, HOUR);
      await suite.harness.elapse(LATER.expiry.ttlMs + 5);
      expectOutcome(await limited({ maxSessions: 2 }, 'b'), 'refused');
      expect(await limited({ maxSessions: 3 }, 'b')).to.deep.include({ counts: { sessions: 3 } });
    });

    test('leave the tombstone of a session that may not be begun anew', async () => {
      const writer = await new Writer(suite.store).create(['1']);
      await suite.store.remove(writer.ref, HOUR);
      expectOutcome(await limited({ maxSessions: 1 }, 'a'), 'ok');
      const again = createOf('e2', ['1'], {
        expected: { ...START, epoch: 'e1' },
        limits: { maxSessions: 1 },
      });
      expectOutcome(await suite.store.commit(writer.ref, again), 'refused');
      expect(await suite.store.read(writer.ref)).to.have.nested.property('tombstone.epoch', 'e1');
    });

    test('count the tasks that are submitted or working, and no others', async () => {
      expect(await running(2, 'a')).to.deep.equal({ outcome: 'ok', counts: { runningTasks: 1 } });
      expect(await running(2, 'b', WORKING)).to.deep.equal({ outcome: 'ok', counts: { runningTasks: 2 } });
      expect(await running(2, 'c')).to.deep.equal({ outcome: 'refused', limit: 'maxRunningTasks' });
      expect(await suite.store.read(refOf('c'))).to.deep.equal({ found: false });
      expect([...(await suite.harness.tasks('acme')).keys()]).to.have.members(['a.t', 'b.t']);
      const cursor = { epoch: 'e-a', head: 1, w: 'i1.1' };
      await suite.store.commit(
        refOf('a'),
        requestAt(cursor, 2, ['2'], { tasks: [taskOf('t', ASKS, SUBMITTED)] }),
      );
      expectOutcome(await running(2, 'c'), 'ok');
      // what goes on is as much as what begins
      const goesOn = requestAt({ epoch: 'e-a', head: 2, w: 'i1.2' }, 3, ['3'], {
        tasks: [taskOf('t', WORKING, ASKS)],
      });
      const refused = await suite.store.commit(refOf('a'), { ...goesOn, limits: { maxRunningTasks: 2 } });
      expect(refused).to.deep.equal({ outcome: 'refused', limit: 'maxRunningTasks' });
      expect(
        await suite.store.commit(refOf('a'), { ...goesOn, limits: { maxRunningTasks: 3 } }),
      ).to.deep.equal({ outcome: 'ok', counts: { runningTasks: 3 } });
    });

    test('have room again once a task has ended, was taken back, or went with its session', async () => {
      for (const id of ['ends', 'back', 'gone', 'over']) await running(4, id);
      const write = (id: string, state: TaskState | null) =>
        suite.store.commit(
          refOf(id),
          requestAt({ epoch: `e-${id}`, head: 1, w: 'i1.1' }, 2, ['2'], {
            tasks: [taskOf('t', state, SUBMITTED)],
            ...SOON,
          }),
        );
      const next = (n: number) => running(4, `next-${n}`);
      expectOutcome(await next(0), 'refused');
      await write('ends', DONE);
      expectOutcome(await next(1), 'ok');
      await write('back', null);
      expectOutcome(await next(2), 'ok');
      await suite.store.remove(refOf('gone'), HOUR);
      expectOutcome(await next(3), 'ok');
      expectOutcome(await next(4), 'refused');
      await write('over', WORKING);
      await suite.harness.elapse(SOON_OVER_MS);
      expectOutcome(await next(5), 'ok');
      expectOutcome(await next(6), 'refused');
    });

    test('are looked at after everything else, and both of them', async () => {
      const limits = { maxSessions: 1, maxRunningTasks: 1 };
      const tasks = [taskOf('t', WORKING)];
      expect(await limited(limits, 'a', { tasks, aliases: [aliasOf('mine', 't')] })).to.deep.equal({
        outcome: 'ok',
        counts: { sessions: 1, runningTasks: 1 },
      });
      expectOutcome(await limited(limits, 'b', { tasks, aliases: [aliasOf('mine', 't')] }), 'aliased');
      expect(await limited({ ...limits, maxSessions: 2 }, 'b', { tasks })).to.deep.equal({
        outcome: 'refused',
        limit: 'maxRunningTasks',
      });
      const both = { sessions: 2, runningTasks: 1 };
      expect(await limited({ ...limits, maxSessions: 2 }, 'b')).to.deep.include({
        outcome: 'ok',
        counts: both,
      });
    });

    test('hold for many who ask at once', async () => {
      const other = await suite.harness.other();
      const asked = Array.from({ length: 30 }, (_, i) =>
        (i % 2 === 0 ? other : suite.store).commit(
          refOf(`s${i}`),
          createOf(`e${i}`, ['1'], {
            limits: { maxSessions: 7 },
            expiry: i < 3 ? SOON.expiry : { kind: 'slide', ttlMs: HOUR },
          }),
        ),
      );
      const outcomes = (await Promise.all(asked)).map(({ outcome }) => outcome);
      expect(outcomes.filter((outcome) => outcome === 'ok')).to.have.length(7);
      expect(outcomes.filter((outcome) => outcome === 'refused')).to.have.length(23);
    });
  });
}
