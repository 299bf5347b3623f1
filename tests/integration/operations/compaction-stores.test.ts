import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Task, TaskView } from '../../../protocol/model.ts';
import type { DurationMs, EpochMs } from '../../../protocol/units.ts';
import type { SessionRef } from '../../../server/sessions/session-ref.ts';
import type { Clock } from '../../../server/sessions/session-parts.ts';
import type { SessionStore } from '../../../server/sessions/session-store.ts';
import { LmdbSessionStore } from '../../../server/stores/lmdb/lmdb-store.ts';
import { useRedisStores } from '../../contract/redis-harness.ts';
import { chunkTexts, wordsOf } from '../../helpers/chunked-tasks.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { useRedis } from '../../helpers/redis.ts';
import { readAll } from '../../helpers/sessions.ts';
import { Gate, ScriptedAgent, type Act } from './scripted-agent.ts';
import { callOf, createService, messageOf, type Service } from './service.ts';
import { StreamReader } from './stream-reader.ts';

const CHUNKS = 200;
const RESUME_MS: DurationMs = 60_000;
const HERE: SessionRef = { tenant: 'default', sessionId: 'here' };

/** Goes on by itself, because a store has a clock of its own, and leaps when the test says so. */
class LeapingClock implements Clock {
  #ahead: DurationMs = 0;
  readonly now = (): EpochMs => Date.now() + this.#ahead;
  readonly mono = (): DurationMs => performance.now() + this.#ahead;
  leap(ms: DurationMs): void {
    this.#ahead += ms;
  }
}

/** Streams its chunks, half of them before the gate. */
const streaming =
  (gate: Gate): ((act: Act) => Promise<void>) =>
  async (act) => {
    if (act.text !== 'stream') {
      act.done(
        act.context.session.messages
          .map(({ parts: [part] }) => (part && 'text' in part ? part.text : '?'))
          .join('|'),
      );
      return;
    }
    const { taskId, contextId } = act.context;
    for (const [i, text] of chunkTexts(CHUNKS).entries()) {
      if (i === CHUNKS / 2) await gate.passed;
      const artifact = { artifactId: 'a', name: 'all', parts: [{ text }] };
      act.publish({ kind: 'artifactUpdate', data: { taskId, contextId, artifact, append: i > 0 } });
    }
    act.done();
  };

describe('ended tasks in a store', function () {
  this.timeout(20_000);
  const redis = useRedis();
  const openRedis = useRedisStores(redis);
  let folder = '';
  let clock: LeapingClock;
  let services: Service[];
  let readers: StreamReader[];
  let gate: Gate;
  let lmdb: LmdbSessionStore | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-ended-'));
    clock = new LeapingClock();
    services = [];
    readers = [];
    gate = new Gate();
  });
  afterEach(async () => {
    await Promise.all(readers.map((reader) => reader.leave()));
    for (const service of services) await stop(service);
    await lmdb?.close();
    lmdb = undefined;
    await rm(folder, { recursive: true, force: true });
  });

  const stop = async ({ runner, manager, store }: Service): Promise<void> => {
    store.always(undefined);
    await runner.drain(0);
    await manager.close();
  };

  /** One more instance on the store, which it shares with the others. */
  const start = async (open: () => Promise<SessionStore>): Promise<Service> => {
    const agent = new ScriptedAgent();
    agent.script = streaming(gate);
    const service = createService(new FaultyStore(await open(), false), undefined, {
      clock,
      agent,
      manager: {
        resumeMs: RESUME_MS,
        limits: { recordMaxBytes: 1e6, sessionMaxBytes: 1e7, sessionMaxRecords: 1e5 },
      },
    });
    services.push(service);
    return service;
  };

  const send = async ({ operations }: Service, text: string): Promise<Task> => {
    const { result } = await operations.sendMessage(messageOf(text, { contextId: 'here' }), callOf());
    return (result as { view: TaskView }).view.task;
  };
  const get = async ({ operations }: Service, id: string): Promise<Task> =>
    (await operations.getTask({ id }, callOf())).result.task;
  const list = async ({ operations }: Service): Promise<Task[]> => {
    const wanted = { includeArtifacts: true, historyLength: 10 };
    return (await operations.listTasks(wanted, callOf())).result.tasks.map(({ task }) => task);
  };
  const words = async ({ store }: Service): Promise<string[]> => wordsOf(await readAll(store, HERE));
  const missing = async (service: Service): Promise<number> =>
    (await words(service)).filter((word) => word === '-').length;
  const events = ({ logged }: Service): string[] => logged.map(({ event }) => event);
  const subscribe = async (
    { operations }: Service,
    id: string,
    lastEventId: string,
  ): Promise<StreamReader> => {
    const reader = new StreamReader(await operations.subscribeToTask({ id }, { ...callOf(), lastEventId }));
    readers.push(reader);
    return reader;
  };
  const compacted = async (service: Service, text = 'later'): Promise<void> => {
    clock.leap(RESUME_MS);
    await send(service, text);
    await eventually(async () => (await missing(service)) === CHUNKS - 1);
  };

  const STORES: [string, () => Promise<SessionStore>][] = [
    ['redis', () => openRedis()],
    ['lmdb', async () => (lmdb ??= await LmdbSessionStore.open({ folder, pid: process.pid }))],
  ];
  for (const [name, open] of STORES) {
    describe(`that is ${name}`, () => {
      beforeEach(() => {
        gate.open();
      });

      it('lose their chunks to the first later message, and nobody can tell from what they are', async () => {
        const service = await start(open);
        const { id } = await send(service, 'stream');
        const before = { task: await get(service, id), list: await list(service) };
        expect(before.task.artifacts[0]?.parts).to.have.length(CHUNKS);
        const read = await service.store.read(HERE);
        service.store.once('compact', 'hang');
        clock.leap(RESUME_MS);
        await send(service, 'later');
        const kept = await service.store.read(HERE);
        service.store.release();
        await eventually(async () => (await missing(service)) === CHUNKS - 1);
        const after = await service.store.read(HERE);
        if (!read.found || !kept.found || !after.found) throw new Error('the session is not there');
        // What is left: the whole, and a chunk that says where it stands.
        expect(kept.bytes - after.bytes).to.be.above(CHUNKS * 60);
        expect(after.bytes).to.be.below(read.bytes);
        expect(after.cursor).to.deep.equal(kept.cursor);
        expect(after.remainingMs).to.be.within(kept.remainingMs - 5_000, kept.remainingMs);
        const again = await start(open);
        for (const each of [service, again]) {
          expect(await get(each, id)).to.deep.equal(before.task);
          expect(await list(each)).to.deep.include(before.list[0]);
        }
        const [said] = (await send(again, 'recall')).artifacts;
        expect(said?.parts).to.deep.equal([{ text: 'stream|later|recall' }]);
        expect(events(again)).to.not.include('record_damaged');
        expect(again.store.calls.compact).to.equal(undefined);
      });

      it('begin with a snapshot for a cursor inside what is gone, and go on for one behind it', async () => {
        const service = await start(open);
        const { operations } = service;
        const answer = await operations.sendStreamingMessage(
          messageOf('stream', { contextId: 'here' }),
          callOf(),
        );
        const sent = new StreamReader(answer);
        await sent.all();
        const first = sent.frames[0]?.event;
        const id = first?.kind === 'task' ? first.view.task.id : '';
        await compacted(service);
        for (const each of [service, await start(open)]) {
          for (const inside of [2, 3, 50, CHUNKS - 1]) {
            const reader = await subscribe(each, id, sent.cursors[inside] ?? '');
            expect(await reader.all(), `${inside}`).to.deep.equal(['task completed!']);
            const event = reader.frames[0]?.event;
            expect(event?.kind === 'task' && event.view.task.artifacts[0]?.parts.length).to.equal(CHUNKS);
          }
          // Behind the last chunk only the status is missed; behind that, nothing.
          for (const behind of [CHUNKS, CHUNKS + 1]) {
            const reader = await subscribe(each, id, sent.cursors[behind] ?? '');
            expect(await reader.all()).to.deep.equal(sent.words.slice(behind + 1));
          }
        }
      });

      it('are caught up with by an instance that had read half of them', async () => {
        gate = new Gate();
        const one = await start(open);
        const two = await start(open);
        const sending = send(one, 'stream');
        await eventually(
          async () => (await words(one)).filter((word) => word === 'artifact').length === CHUNKS / 2,
        );
        const half = await two.manager.open(HERE, 'existing');
        expect([...(half?.view.tasks() ?? [])][0]?.state).to.not.equal('TASK_STATE_COMPLETED');
        if (half !== undefined) two.manager.release(half);
        gate.open();
        const { id } = await sending;
        await compacted(one);
        expect(await get(two, id)).to.deep.equal(await get(one, id));
        expect((await get(two, id)).artifacts[0]?.parts).to.have.length(CHUNKS);
        const [said] = (await send(two, 'recall')).artifacts;
        expect(said?.parts).to.deep.equal([{ text: 'stream|later|recall' }]);
        expect([...events(one), ...events(two)]).to.not.include('record_damaged');
      });

      it('are rid of their chunks by the next reader when whoever said so did not come to it', async () => {
        const service = await start(open);
        const { id } = await send(service, 'stream');
        const before = await get(service, id);
        service.store.always('refuse', 'compact');
        clock.leap(RESUME_MS);
        await send(service, 'later');
        expect(await words(service)).to.include('compacted');
        expect(await missing(service)).to.equal(0);
        await service.runner.drain(0);
        const again = await start(open);
        expect(await get(again, id)).to.deep.equal(before);
        await eventually(async () => (await missing(again)) === CHUNKS - 1);
        const last = await start(open);
        expect(await get(last, id)).to.deep.equal(before);
        expect([...events(again), ...events(last)]).to.not.include('record_damaged');
        expect(last.store.calls.compact).to.equal(undefined);
      });

      it('keep their chunks while a webhook is to be told of them', async () => {
        const service = await start(open);
        const { operations } = service;
        const pushConfig = { url: 'https://example.com/hook' };
        const params = messageOf('stream', { contextId: 'here' }, { pushConfig });
        const { result } = await operations.sendMessage(params, callOf());
        const taskId = result.kind === 'task' ? result.view.task.id : '';
        clock.leap(RESUME_MS);
        await send(service, 'later');
        expect(await words(service)).to.not.include('compacted');
        const [hook] = (await operations.listPushConfigs({ taskId }, callOf())).result.configs;
        await operations.deletePushConfig({ taskId, id: hook?.config.id ?? '' }, callOf());
        await send(service, 'later still');
        await eventually(async () => (await missing(service)) === CHUNKS - 1);
      });
    });
  }

  it('in redis have no fields left, and a record that is really lost is told', async () => {
    gate.open();
    const service = await start(() => openRedis());
    const { id } = await send(service, 'stream');
    const key = service.store.keyOf(HERE);
    const hash = await redis.client.hgetall(key);
    await compacted(service);
    const left = await redis.client.hgetall(key);
    const numbers = (fields: object): number[] =>
      Object.keys(fields)
        .filter((field) => /^\d+$/.test(field))
        .map(Number);
    const gone = numbers(hash).filter((n) => !(String(n) in left));
    expect(gone).to.have.length(CHUNKS - 1);
    // Field b is what the records that are there take.
    const bytes = numbers(left).reduce((sum, n) => sum + Buffer.byteLength(left[String(n)] ?? ''), 0);
    expect(Number(left['b'])).to.equal(bytes);
    const whole = await start(() => openRedis());
    await get(whole, id);
    expect(events(whole)).to.not.include('record_damaged');
    const lost = numbers(left).find((n) => (left[String(n)] ?? '').includes('"later"')) ?? 0;
    await redis.client.hdel(key, String(lost));
    const again = await start(() => openRedis());
    expect((await get(again, id)).artifacts[0]?.parts).to.have.length(CHUNKS);
    const damage = again.logged as readonly { event: string; fields: object }[];
    expect(
      damage.filter(({ event }) => event === 'record_damaged').map(({ fields }) => fields),
    ).to.deep.equal([{ ...HERE, key, field: String(lost), what: 'missing' }]);
  });
});
