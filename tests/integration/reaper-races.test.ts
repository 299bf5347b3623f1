import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { splitTaskId } from '../../server/sessions/session-ref.ts';
import { LmdbSessionStore } from '../../server/stores/lmdb/lmdb-store.ts';
import { MemorySessionStore } from '../../server/stores/memory/memory-store.ts';
import { eventually } from '../helpers/eventually.ts';
import { begin, changeOnce } from '../helpers/sessions.ts';
import { Gate } from './operations/scripted-agent.ts';
import { callOf, messageOf } from './operations/service.ts';
import {
  bury,
  closeAll,
  DEAD_MS,
  endsIn,
  isJudge,
  kill,
  recordsOf,
  recoveriesOf,
  running,
  serve,
} from './reaping.ts';

const TENANTS = ['acme', 'globex', 'initech'];

describe('a reaper', () => {
  afterEach(closeAll);
  let store: MemorySessionStore;
  beforeEach(() => {
    store = new MemorySessionStore();
  });

  it('races a runner whose beat is late: nothing that was acknowledged is lost, and the task ends once', async () => {
    const [one, two] = [await serve(store), await serve(store)];
    const enough = new Gate();
    one.agent.script = (act) => Promise.race([act.aborted(), enough.passed]);
    two.operations.reaper.start();
    await eventually(() => isJudge(two));
    const ids: string[] = [];
    for (let i = 0; i < 20; i += 1) ids.push(await running(one));
    await eventually(() => one.agent.begun.length === ids.length);
    const said: string[] = [];
    const talking = { isOver: false };
    const talk = (async () => {
      for (let i = 0; !talking.isOver; i = (i + 1) % ids.length) {
        const messageId = `m${said.length}`;
        const params = messageOf(messageId, { taskId: ids[i] ?? '', messageId }, { blocking: false });
        const principal = { ...callOf().principal, tenant: 'acme' };
        const isTaken = await one.operations.sendMessage(params, { ...callOf(), principal }).then(
          () => true,
          () => false,
        );
        if (isTaken) said.push(messageId);
        for (const act of one.agent.acts) act.artifact(messageId);
        // some of them end by themselves at the very moment
        if (recoveriesOf(two) > 0) {
          for (const act of one.agent.acts.slice(0, 10)) act.done();
          enough.open();
        }
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    await eventually(() => said.length > 20);
    one.store.always('refuse', 'beat');
    const ends = async (): Promise<string[][]> =>
      Promise.all(ids.map(async (id) => endsIn(await recordsOf(store, id, 'acme'))));
    await eventually(async () => (await ends()).every((states) => states.length > 0), 10 * DEAD_MS);
    await eventually(() => one.runner.size === 0);
    talking.isOver = true;
    await talk;
    for (const states of await ends())
      expect(states.filter((state) => ['FAILED', 'COMPLETED'].includes(state))).to.have.length(1);
    const kept = (await Promise.all(ids.map((id) => recordsOf(store, id, 'acme')))).flat();
    const messages = kept.flatMap((body) => (body.t === 'message' ? [body.message.messageId] : []));
    expect(said.filter((messageId) => !messages.includes(messageId))).to.deep.equal([]);
    expect(new Set(messages).size).to.equal(messages.length);
  });

  it('begins what is recorded as run here and never was, and ends what was broken off', async () => {
    const one = await serve(store);
    const by = `${one.manager.instance}.1`;
    await changeOnce(one.manager, begin('t1', 'go', by));
    await changeOnce(one.manager, begin('t2', 'go', by));
    await changeOnce(one.manager, (_draft, at) => [
      { t: 'artifact', at, task: 't2', by, artifact: { artifactId: 'a', parts: [{ text: 'half' }] } },
    ]);
    const id = await running(one, 'acme', 's2');
    await one.operations.reaper.sweep();
    expect(endsIn(await recordsOf(store, 's1.t2', 'acme'))).to.deep.equal(['FAILED']);
    expect(one.runner.isRunning({ tenant: 'acme', sessionId: 's1' }, 't1')).to.equal(true);
    expect(one.runner.isRunning({ tenant: 'acme', sessionId: 's1' }, 't2')).to.equal(false);
    expect(endsIn(await recordsOf(store, id, 'acme'))).to.deep.equal([]);
  });

  it('asks nothing while the store is away, nor when it is closed, and never twice at once', async () => {
    let isAway = true;
    const one = await serve(store, { isAway: () => isAway });
    const { reaper } = one.operations;
    await reaper.sweep();
    expect(one.store.calls.instances).to.equal(undefined);
    isAway = false;
    one.store.always('hang', 'instances');
    const sweeps = [reaper.sweep(), reaper.sweep()];
    await eventually(() => one.store.hanging === 1);
    one.store.always(undefined);
    one.store.release();
    await Promise.all(sweeps);
    expect(one.store.calls.instances).to.equal(1);
    const { tenants } = one.store.calls;
    await reaper.close();
    await reaper.sweep();
    expect(one.store.calls.tenants).to.equal(tenants);
  });

  it('goes on with the others when a session cannot be settled, and comes back to it', async () => {
    const one = await serve(store);
    const ids = [await running(one), await running(one), await running(one)];
    await one.manager.close();
    const two = await serve(store, { deadMs: 60_000 });
    two.store.once('commit', 'refuse');
    const broken = splitTaskId(ids[1] ?? '')?.sessionId;
    const read = two.store.read.bind(two.store);
    let isBroken = true;
    two.store.read = (ref, ...rest) =>
      isBroken && ref.sessionId === broken ? Promise.reject(new Error('a fault')) : read(ref, ...rest);
    await two.operations.reaper.sweep();
    const isKnown = async (): Promise<boolean> =>
      (await store.instances()).some(({ instance }) => instance === one.manager.instance);
    expect(two.logged.filter(({ event }) => event === 'reaper_failed')).to.have.length(1);
    expect(await isKnown()).to.equal(true);
    isBroken = false;
    await two.operations.reaper.sweep();
    await eventually(() => two.manager.pending.records === 0);
    for (const id of ids) expect(endsIn(await recordsOf(store, id, 'acme'))).to.deep.equal(['FAILED']);
    await two.operations.reaper.sweep();
  });
});

describe('after a restart on files', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-reaper-'));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('what the process before left is settled at once, without a reader', async () => {
    const options = { folder, pid: process.pid, sync: false, now: Date.now };
    const before = await LmdbSessionStore.open(options);
    const one = await serve(before, {}, true);
    const tasks: (readonly [string, string])[] = [];
    for (const tenant of TENANTS) tasks.push([await running(one, tenant), tenant]);
    await eventually(() => one.manager.pending.records === 0);
    kill(one);
    await bury(one);
    await before.close();
    const store = await LmdbSessionStore.open(options);
    const two = await serve(store, { deadMs: 60_000 }, true);
    two.operations.reaper.start();
    await two.operations.reaper.sweep();
    for (const [id, tenant] of tasks)
      expect(endsIn(await recordsOf(store, id, tenant))).to.deep.equal(['FAILED']);
    await two.operations.reaper.sweep();
    const seen = (await store.instances()).map(({ instance }) => instance);
    expect(seen).to.deep.equal([two.manager.instance]);
    await closeAll();
    await store.close();
  });
});
