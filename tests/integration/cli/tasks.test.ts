/** `holdfast tasks`, `webhooks` and `instances` beside those who run and deliver. */
import { expect } from 'chai';
import type { SessionStore } from '../../../server/sessions/session-store.ts';
import { jsonOf, runCli } from '../../helpers/cli.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { useRedis } from '../../helpers/redis.ts';
import { begin, changeOnce, createTestManager, moveTo } from '../../helpers/sessions.ts';
import { SYSTEM_CLOCK } from '../../../server/sessions/session-parts.ts';
import { push, status, told, usePushing, withWebhook } from '../push/pushing.ts';
import { DEFAULT, openRedis, redisEnv, withRedis } from './seeds.ts';

const refOf = (sessionId: string) => ({ tenant: DEFAULT, sessionId });

describe('holdfast tasks', () => {
  const redis = useRedis();
  const cli = (...args: string[]) => runCli(args, redisEnv(redis));

  /** Tasks of one who is alive, one who is not, one who has handed over, and one that has ended. */
  async function seed(store: SessionStore): Promise<void> {
    await store.noteTenant(DEFAULT, 'alive');
    await store.beat('alive');
    const { manager } = createTestManager(store, { clock: SYSTEM_CLOCK });
    await changeOnce(manager, begin('t', 'secret', 'alive.1'), refOf('runs'));
    await changeOnce(manager, begin('t', 'secret', 'dead.1'), refOf('orphan'));
    await changeOnce(manager, begin('t', 'secret', 'dead.1'), refOf('canceled'));
    await changeOnce(manager, (_draft, at) => [{ t: 'cancel', at, task: 't' }], refOf('canceled'));
    await changeOnce(manager, begin('t', 'secret', 'alive.1'), refOf('done'));
    await changeOnce(manager, moveTo('t', 'TASK_STATE_COMPLETED', 'alive.1'), refOf('done'));
  }

  it('are listed by state and session, with how many there are', async () => {
    await withRedis(redis, seed);
    const listed = jsonOf(await cli('tasks', 'list', '--state', 'submitted', '--limit', '2', '--json')) as {
      total: number;
      tasks: { id: string; state: string; runner: string }[];
    };
    expect([listed.total, listed.tasks.length]).to.deep.equal([3, 2]);
    const one = await cli('tasks', 'list', '--session', 'done');
    expect(one.out).to.match(/\ndefault +done\.t +completed +\S+Z +alive\n1 of 1\n$/);
    const wrong = await cli('tasks', 'list', '--state', 'busy');
    expect([wrong.code, wrong.err]).to.deep.equal([2, wrong.err]);
    expect(wrong.err).to.include('--state must be one of submitted, working,');
  });

  it('are stuck when their runner is gone or silent, and not while it works', async () => {
    await withRedis(redis, seed);
    const stuckOf = async (now = Date.now()) => {
      const run = await runCli(['tasks', 'stuck', '--json'], redisEnv(redis), { now: () => now });
      const { stuck } = jsonOf(run) as { stuck: { id: string; why: string }[] };
      return [run.code, ...stuck.map(({ id, why }) => `${id}: ${why}`).sort()];
    };
    const gone = ['canceled.t: its runner is gone', 'orphan.t: its runner is gone'];
    expect(await stuckOf()).to.deep.equal([4, ...gone]);
    expect(await stuckOf(Date.now() + 2 * 3_600_000)).to.deep.equal([
      4,
      ...gone,
      'runs.t: nothing was recorded for 2 h 0 m',
    ]);
    for (const id of ['canceled.t', 'orphan.t']) expect((await cli('tasks', 'settle', id)).code).to.equal(0);
    expect(await stuckOf()).to.deep.equal([0]);
  });

  it('are settled as the reaper does it: failed with the reason, or canceled; whoever follows hears of it', async () => {
    await withRedis(redis, async (store) => {
      await seed(store);
      const { manager } = createTestManager(store, { clock: SYSTEM_CLOCK });
      const follower = await manager.open(refOf('orphan'), 'existing');
      expect((await cli('tasks', 'settle', 'orphan.t', '--json')).out).to.include('"state": "failed"');
      await manager.catchUp(follower!);
      const task = follower!.view.task('t');
      expect([task?.state, JSON.stringify(task?.statusMessage)]).to.satisfy(
        ([state, message]: string[]) =>
          state === 'TASK_STATE_FAILED' &&
          message?.includes('The instance that ran this task stopped') === true,
      );
      manager.release(follower!);
      expect((await cli('tasks', 'settle', 'canceled.t')).out).to.equal('settled canceled.t: canceled\n');
      const { totalSize } = await store.listTasks(DEFAULT, { state: 'TASK_STATE_SUBMITTED', limit: 1 });
      expect(totalSize).to.equal(1);
      expect((await store.instances()).map(({ instance }) => instance)).to.deep.equal(['alive']);
    });
    expect((await cli('tasks', 'settle', 'orphan.t')).out).to.equal('orphan.t does not run: failed\n');
  });

  it('of a living runner are ended only when that is asked for twice', async () => {
    await withRedis(redis, seed);
    const refused = await cli('tasks', 'settle', 'runs.t');
    expect([refused.code, refused.err]).to.deep.equal([
      4,
      'holdfast: instance alive is alive and runs it: --force ends it all the same\n',
    ]);
    expect((await cli('tasks', 'settle', 'runs.t', '--force')).out).to.equal('settled runs.t: failed\n');
    for (const id of ['runs.x', 'nobody.t']) expect((await cli('tasks', 'settle', id)).code, id).to.equal(5);
    expect((await cli('tasks', 'settle', 'runs')).code).to.equal(2);
  });

  it('are run by instances that are listed with their last beat', async () => {
    await withRedis(redis, seed);
    const { instances } = jsonOf(await cli('instances', '--json')) as {
      instances: { instance: string; state: string }[];
    };
    expect(instances.map(({ instance, state }) => [instance, state])).to.deep.equal([['alive', 'alive']]);
    expect((await cli('instances')).out).to.match(/^instance +state +last beat\nalive +alive +\d/);
  });
});

describe('holdfast webhooks', () => {
  const redis = useRedis();
  const stores: SessionStore[] = [];
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });
  const at = usePushing(() => ({
    open: async () => {
      const store = new FaultyStore(await openRedis(redis));
      stores.push(store);
      await store.noteTenant('acme', 'i1');
      return store;
    },
  }));
  const cli = (...args: string[]) => runCli(args, redisEnv(redis));

  it('that were given up are listed, and told what they have missed once they are to be delivered again', async () => {
    const pushing = await at.start({ maxTries: 1 });
    const session = await withWebhook(pushing, `${at.receiver.origin}/secret-path`);
    at.receiver.reply = () => 500;
    await session.change(status('t1', 'first'));
    await eventually(() => {
      expect(pushing.counted).to.deep.equal({ failed: 1, parked: 1 });
    });
    await session.change(status('t1', 'second'));
    await session.change(push('t1', 'fine', `${at.receiver.origin}/other`));
    const { out, code } = await cli('webhooks', 'parked', '--all', '--json');
    expect([code, JSON.parse(out)]).to.deep.equal([
      0,
      {
        parked: [
          {
            tenant: 'acme',
            sessionId: 's1',
            task: 's1.t1',
            id: 'w1',
            origin: at.receiver.origin,
            waiting: 2,
          },
        ],
      },
    ]);
    at.receiver.reply = () => 200;
    const redelivered = await cli('webhooks', 'redeliver', 's1.t1', '--tenant', 'acme');
    expect([redelivered.code, redelivered.out]).to.deep.equal([
      0,
      `due again: w1 to ${at.receiver.origin}\n`,
    ]);
    await at.receives(3);
    await at.isQuiet(pushing);
    expect(told(at.receiver.received.slice(1))).to.deep.equal(['first', 'second']);
    expect((await cli('webhooks', 'redeliver', 's1.t1', '--tenant', 'acme')).code).to.equal(5);
    expect(jsonOf(await cli('webhooks', 'parked', '--tenant', 'acme', '--json'))).to.deep.equal({
      parked: [],
    });
  });
});
