import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { SessionStore } from '../../../server/sessions/session-store.ts';
import { LmdbSessionStore } from '../../../server/stores/lmdb/lmdb-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { createRedisClient } from '../../../server/stores/redis/client.ts';
import { RedisSessionStore } from '../../../server/stores/redis/redis-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { useRedis } from '../../helpers/redis.ts';
import { newId } from './conversation.ts';
import { Gate } from './scripted-agent.ts';
import { messageOf, type Service } from './service.ts';
import { closeAll, idOf, serve, stream, subscribe } from './streaming.ts';

interface Shared {
  readonly name: string;
  /** Other runners count as dead at once. */
  readonly exclusive: boolean;
  readonly open: () => Promise<SessionStore>;
}

/** Each server has a connection of its own, where the store allows that. */
function describeStore({ name, exclusive, open }: Shared): void {
  describe(`streams on ${name}`, () => {
    const connections = new Set<SessionStore>();
    const connect = async (): Promise<FaultyStore> => {
      const [first] = connections;
      const store = exclusive && first !== undefined ? first : await open();
      connections.add(store);
      return new FaultyStore(store, exclusive);
    };
    afterEach(async () => {
      await closeAll();
      for (const store of connections) await store.close();
      connections.clear();
    });

    /** As a process that is killed: it says and hears nothing more. */
    const kill = (service: Service): void => {
      service.store.always('refuse');
    };

    it('go on where they were when the server is killed and another one takes over', async () => {
      const one = await serve(await connect());
      one.agent.script = (act) => {
        act.status('TASK_STATE_WORKING');
        for (let i = 0; i < 700; i += 1) act.artifact(`${i}`);
        return act.aborted();
      };
      const sent = await stream(one, messageOf('go'));
      await sent.until('a0 699');
      // On a slow machine some of it may have been told from memory.
      await eventually(() => one.manager.pending.records === 0);
      kill(one);
      const other = await serve(await connect());
      const reader = await subscribe(other, idOf(sent), sent.cursors[4]);
      await reader.all();
      const missed = sent.frames.slice(5).map(({ event }) => event);
      const told = reader.frames.map(({ event }) => event);
      expect(told.slice(0, missed.length)).to.deep.equal(missed);
      expect(reader.words.slice(missed.length)).to.have.length(1);
      expect(reader.words.at(-1)).to.match(/^failed! The instance that ran this task stopped/);
      const late = await subscribe(other, idOf(sent), sent.cursors.at(-1));
      expect(await late.all()).to.deep.equal(reader.words.slice(-1));
    });

    it('tell those who wait without a cursor that its runner is gone', async () => {
      const one = await serve(await connect());
      one.agent.script = (act) => {
        act.artifact('one');
        return act.aborted();
      };
      const sent = await stream(one, messageOf('go'));
      await sent.until('a0 one');
      kill(one);
      const other = await serve(await connect());
      const [first, second] = [await subscribe(other, idOf(sent)), await subscribe(other, idOf(sent))];
      const words = await Promise.all([first.all(), second.all()]);
      for (const [begins, ends, ...more] of words) {
        expect(begins).to.equal('task submitted');
        expect(ends).to.match(/^failed! /);
        expect(more).to.deep.equal([]);
      }
    });

    it('run a task again whose very send is repeated before anything was recorded', async () => {
      const one = await serve(await connect());
      one.agent.script = (act) => act.aborted();
      const params = messageOf('go');
      const sent = await stream(one, params);
      await sent.next();
      kill(one);
      const other = await serve(await connect());
      const retry = await stream(other, params);
      expect((await retry.all()).slice(-2)).to.deep.equal(['a0 did go', 'completed!']);
      expect(idOf(retry)).to.equal(idOf(sent));
    });

    if (exclusive) {
      it('are exactly one message when the task that is run again turns into a bare one', async () => {
        const one = await serve(await connect());
        one.agent.script = (act) => act.aborted();
        const params = messageOf('go');
        await (await stream(one, params)).next();
        kill(one);
        const other = await serve(await connect());
        other.agent.script = (act) => {
          act.message('hello');
        };
        expect(await (await stream(other, params)).all()).to.deep.equal(['message hello']);
      });
    }
  });
}

describeStore({
  name: 'a store that several servers share',
  exclusive: false,
  open: (() => {
    let shared = new MemorySessionStore();
    return () => {
      const store = shared;
      // Closed after each test.
      store.close = () => {
        shared = new MemorySessionStore();
        return Promise.resolve();
      };
      return Promise.resolve(store);
    };
  })(),
});

describe('with files', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-streams-'));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  describeStore({
    name: 'LMDB',
    exclusive: true,
    open: () =>
      LmdbSessionStore.open({
        folder: join(folder, newId('db')),
        pid: process.pid,
        sync: false,
        now: Date.now,
      }),
  });
});

describe('with a server of its own', () => {
  const redis = useRedis();
  describeStore({
    name: 'Redis',
    exclusive: false,
    open: async () => {
      const client = createRedisClient(redis.server.address, () => undefined);
      await client.connect();
      const { prefix } = redis;
      return new RedisSessionStore(client, {
        prefix,
        buckets: 1,
        exclusive: false,
        indexTtlMs: 86_400_000,
        location: 'redis',
      });
    },
  });
});

describe('streams of a task that another server runs', () => {
  let inner: MemorySessionStore;
  let one: Service;
  let other: Service;
  beforeEach(async () => {
    inner = new MemorySessionStore();
    one = await serve(new FaultyStore(inner, false));
    other = await serve(new FaultyStore(inner, false));
  });
  afterEach(closeAll);

  it('tell the same as there', async () => {
    const gate = new Gate();
    one.agent.script = async (act) => {
      act.artifact('one');
      await gate.passed;
      act.artifact('two').done();
    };
    const sent = await stream(one, messageOf('go'));
    await sent.until('a0 one');
    const back = await subscribe(other, idOf(sent), sent.cursors[0]);
    expect(await back.next()).to.equal('a0 one');
    const reader = await subscribe(other, idOf(sent));
    await reader.next();
    gate.open();
    await Promise.all([sent.all(), back.all(), reader.all()]);
    expect(back.frames).to.deep.equal(sent.frames.slice(1));
    expect(reader.frames.slice(1)).to.deep.equal(sent.frames.slice(2));
  });

  it('tell a message that is queued there when its turn has come', async () => {
    const gate = new Gate();
    one.agent.script = async (act) => {
      if (act.text === 'first') await gate.passed;
      act.status('TASK_STATE_INPUT_REQUIRED', `${act.text}?`);
    };
    const first = await stream(one, messageOf('first'));
    await first.next();
    const second = await stream(other, messageOf('second', { taskId: idOf(first) }));
    expect(await second.next()).to.equal('task submitted');
    gate.open();
    const words = ['task submitted', 'input-required first?', 'working', 'input-required! second?'];
    expect(await second.all()).to.deep.equal(words);
    expect(other.agent.begun).to.deep.equal([]);
  });

  it('learn that its runner is gone however much else goes on in their session', async () => {
    one.agent.script = (act) => act.aborted();
    const contextId = newId('busy');
    const sent = await stream(one, messageOf('go', { contextId }));
    await sent.next();
    const reader = await subscribe(other, idOf(sent));
    const gate = new Gate();
    other.agent.script = async (act) => {
      for (let i = 0; !reader.hasEnded; i += 1) {
        act.artifact(`${i}`);
        await Promise.race([gate.passed, pause(20)]);
      }
      act.done();
    };
    const busy = await stream(other, messageOf('be busy', { contextId }));
    await busy.next();
    one.store.always('refuse');
    expect((await reader.all()).at(-1)).to.match(/^failed! /);
    expect(other.runner.size).to.equal(1);
    gate.open();
    await busy.all();
  });

  it('look there once for all who follow one task', async () => {
    one.agent.script = (act) => act.aborted();
    const sent = await stream(one, messageOf('go'));
    await sent.next();
    const readings = await Promise.all(Array.from({ length: 20 }, () => subscribe(other, idOf(sent))));
    await Promise.all(readings.map((reader) => reader.next()));
    other.store.lateBy = () => 50;
    other.store.always('hang', 'read');
    const before = other.store.calls.read ?? 0;
    const began = performance.now();
    for (const reader of readings) void reader.next();
    await eventually(() => performance.now() > began + 1_200);
    expect(other.store.calls.read).to.be.within(before + 1, before + 10);
  });
});
