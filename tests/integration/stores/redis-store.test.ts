import { expect } from 'chai';
import type { RedisSessionStore } from '../../../server/stores/redis/redis-store.ts';
import {
  HOUR,
  KEEP,
  Writer,
  aliasOf,
  errorOf,
  readFound,
  refOf,
  requestAt,
  taskOf,
} from '../../contract/harness.ts';
import { REDIS_OPTIONS, elapse, useRedisStores } from '../../contract/redis-harness.ts';
import { eventually } from '../../helpers/eventually.ts';
import { useRedis } from '../../helpers/redis.ts';

const WORKING = 'TASK_STATE_WORKING';
const DONE = 'TASK_STATE_COMPLETED';

describe('the redis store on a real server', () => {
  const redis = useRedis();
  const openStore = useRedisStores(redis);
  let store: RedisSessionStore;
  const base = () => `${redis.prefix}:1:{acme.00}:`;
  const leftovers = async () => (await redis.client.keys(`${redis.prefix}:1:{acme.*`)).sort();

  beforeEach(async () => {
    store = await openStore();
  });

  /** What clients, not scripts, asked for meanwhile. */
  const commandsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
    const seen: string[] = [];
    const monitor = await redis.client.monitor();
    monitor.on('monitor', (_time: string, [name = '']: string[], source: string) => {
      if (source !== 'lua') seen.push(name.toLowerCase());
    });
    await work();
    await redis.client.echo('over');
    await eventually(() => seen.includes('echo'));
    monitor.disconnect();
    return seen.slice(0, seen.indexOf('echo'));
  };

  describe('on the wire', () => {
    it('needs one round trip per commit, per read and per answer that was refused', async () => {
      const tasks = [taskOf('t', WORKING)];
      const writer = await new Writer(store, refOf('warm')).create(['1'], {
        tasks,
        aliases: [aliasOf('w', 't')],
      });
      await writer.append(['2']);
      await store.read(writer.ref);
      const commands = await commandsOf(async () => {
        const again = await new Writer(store).create(['1'], { tasks, aliases: [aliasOf('mine', 't')] });
        await again.append(['2'], { tasks: [taskOf('t', DONE, WORKING)] });
        await store.read(again.ref);
        await store.read(again.ref, again.cursor, HOUR);
        await store.commit(again.ref, requestAt({ ...again.cursor, head: 0, w: '' }, 9, ['x']));
      });
      expect(commands).to.deep.equal(Array.from({ length: 5 }, () => 'evalsha'));
    });

    it('sends less than 4 MB for 1,000 sends of 1 kB that are echoed', async () => {
      const text = 'x'.repeat(1_000);
      const session = '0f8fad5b-d9cd-469f-a165-70867728950e';
      const instance = 'kYzDq3mBv8Q2xWcL';
      const shared = await openStore({ prefix: 'a2a' });
      const ref = refOf(session, 'default');
      const writer = new Writer(shared, ref, instance);
      const summary = (state: string) =>
        JSON.stringify({ state, at: 1_700_000_000_000, by: `${instance}.1` });
      await writer.create();
      const inputBytes = async () =>
        Number(/total_net_input_bytes:(\d+)/.exec(await redis.client.info('stats'))?.[1]);
      const before = await inputBytes();
      let at = writer.cursor;
      const commit = async (jsons: string[], local: string, done: boolean) => {
        const state = done ? DONE : 'TASK_STATE_SUBMITTED';
        const previous = done ? 'TASK_STATE_SUBMITTED' : null;
        const entry = { local, state, previous, statusAt: Date.now(), summary: summary(state) } as const;
        const tasks = [entry];
        expect(
          await shared.commit(ref, requestAt(at, at.head + 1, jsons, { instance, tasks })),
        ).to.deep.equal({
          outcome: 'ok',
        });
        at = { ...at, head: at.head + jsons.length, w: `${instance}.${at.head + jsons.length}` };
      };
      for (let i = 0; i < 1_000; i += 1) {
        const task = `hJ8s0Qm2Lw9xTz4b${i}`;
        const message = {
          t: 'message',
          at: Date.now(),
          task,
          o: at.w,
          p: at.w,
          message: { messageId: `m${i}`, role: 'ROLE_USER', parts: [{ text }] },
        };
        await commit(
          [JSON.stringify(message), JSON.stringify({ t: 'task', at: Date.now(), task, runner: instance })],
          task,
          false,
        );
        const artifact = {
          t: 'artifact',
          at: Date.now(),
          task,
          o: at.w,
          p: at.w,
          artifact: { artifactId: 'echo', parts: [{ text: `echo: ${text}` }] },
        };
        await commit(
          [JSON.stringify(artifact), JSON.stringify({ t: 'status', at: Date.now(), task, state: DONE })],
          task,
          true,
        );
      }
      expect((await inputBytes()) - before).to.be.below(4_000_000);
    });

    it('changes nothing in the server by reading', async () => {
      const writer = await new Writer(store).create(['1', '2']);
      const dirty = async () =>
        Number(/rdb_changes_since_last_save:(\d+)/.exec(await redis.client.info('persistence'))?.[1]);
      const before = await dirty();
      await store.read(writer.ref);
      await store.read(writer.ref, writer.cursor);
      await store.read(refOf('missing'));
      await store.read(refOf('missing'), undefined, HOUR);
      await store.resolveAlias('acme', 'ann', 'none');
      expect(
        (
          await errorOf(
            store.commit(
              writer.ref,
              requestAt(writer.cursor, 3, [], {
                tasks: [],
                records: [{ seq: 3, json: '3' }],
                expiry: { kind: 'slide', ttlMs: -1 },
              }),
            ),
          )
        ).name,
      ).to.equal('RangeError');
      await store.commit(writer.ref, requestAt({ ...writer.cursor, head: 0, w: '' }, 9, ['x']));
      expect(await dirty()).to.equal(before);
    });

    it('goes on when the server forgets its scripts', async () => {
      const writer = await new Writer(store).create(['1']);
      await redis.client.script('FLUSH');
      await writer.append(['2']);
      await redis.client.script('FLUSH');
      expect((await readFound(store, writer.ref)).tail.records).to.have.length(2);
    });

    it('wakes watchers on the channel of the session, and nobody when it is alone', async () => {
      const subscriber = redis.server.client();
      const heard: string[] = [];
      subscriber.on('message', (channel, head) => heard.push(`${channel} ${head}`));
      await subscriber.subscribe(`${base()}w:s1`, `${base()}w:s2`);
      const writer = await new Writer(store).create(['1', '2']);
      await writer.append(['3']);
      await new Writer(await openStore({ exclusive: true }), refOf('s2')).create();
      await store.remove(writer.ref, HOUR);
      await eventually(() => heard.length >= 3);
      expect(heard).to.deep.equal(['2 i1', '3 i1', '0'].map((message) => `${base()}w:s1 ${message}`));
    });

    it('commits for a user who may not publish', async () => {
      await redis.client.call('ACL', 'SETUSER', 'quiet', 'on', '>secret', '~*', '+@all', 'resetchannels');
      const quiet = await openStore({}, { ...redis.server.address, username: 'quiet', password: 'secret' });
      const writer = await new Writer(quiet).create(['1']);
      await writer.append(['2']);
      expect((await readFound(quiet, writer.ref)).cursor).to.deep.equal(writer.cursor);
    });
  });

  describe('its keys', () => {
    it('are one hash that an operator can read', async () => {
      const writer = await new Writer(store).create(['{"t":"message"}'], { tasks: [taskOf('a.b', WORKING)] });
      await writer.append(['{"t":"status"}']);
      await store.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [1] }]);
      expect(await redis.client.hgetall(`${base()}s:s1`)).to.deep.equal({
        e: 'e1',
        v: '2',
        w: 'i1.2',
        b: '29',
        'o:i1': '2',
        1: '{"t":"message"}',
        2: '{"t":"status"}',
        't:s1.a%2Eb': '{"task":"a.b"}',
        m: ',1,',
      });
      expect(await leftovers()).to.deep.equal(
        ['s:s1', 'sessions', 'tasks', 'tasks:ids', 'tasks:working'].map((key) => base() + key),
      );
    });

    it('score a session by its expiry, and are kept twice the largest TTL whatever a session says', async () => {
      const writer = await new Writer(store).create(['1'], { tasks: [taskOf('t', WORKING)] });
      const score = async () => Number(await redis.client.zscore(`${base()}sessions`, 's1'));
      const drift = async () =>
        Math.abs((await score()) - Number(await redis.client.call('PEXPIRETIME', `${base()}s:s1`)));
      expect(await drift()).to.be.below(5);
      const before = await score();
      await writer.append(['2'], { expiry: KEEP });
      await writer.append(['3'], { expiry: { kind: 'lengthen', ttlMs: 1_000 } });
      expect(await score()).to.equal(before);
      await writer.append(['4'], { expiry: { kind: 'lengthen', ttlMs: 2 * HOUR } });
      expect([await score(), await drift()]).to.satisfy(([at = 0, by = 9]) => at > before && by < 5);
      await store.read(writer.ref, writer.cursor, 3 * HOUR);
      expect(await drift()).to.be.below(5);
      await writer.append(['5'], { expiry: { kind: 'slide', ttlMs: 50 } });
      for (const index of ['sessions', 'tasks', 'tasks:ids', 'tasks:working']) {
        expect(await redis.client.pttl(base() + index), index).to.be.above(REDIS_OPTIONS.indexTtlMs - 60_000);
      }
    });

    it('hold no summary of a task that was taken out', async () => {
      const writer = await new Writer(store).create(['1'], {
        tasks: [taskOf('a', WORKING), taskOf('b', WORKING)],
      });
      await writer.append(['2'], { tasks: [taskOf('a', null, WORKING)] });
      const fields = Object.keys(await redis.client.hgetall(`${base()}s:s1`));
      expect(fields.filter((field) => field.startsWith('t:'))).to.deep.equal(['t:s1.b']);
    });

    it('leave a tombstone of two fields, and nothing in any index', async () => {
      const tasks = [taskOf('a', WORKING), taskOf('b', DONE)];
      const writer = await new Writer(store).create(['1'], {
        tasks,
        aliases: [aliasOf('mine', 'a'), aliasOf('two', 'a')],
      });
      await writer.append(['2'], { tasks: [taskOf('a', null, WORKING)] });
      await store.remove(writer.ref, HOUR);
      expect(await leftovers()).to.deep.equal([`${base()}s:s1`]);
      const tombstone = await redis.client.hgetall(`${base()}s:s1`);
      expect(Object.keys(tombstone).sort()).to.deep.equal(['d', 'e']);
      expect(Math.abs(Date.now() - Number(tombstone.d))).to.be.below(10_000);
      expect(await redis.client.pttl(`${base()}s:s1`)).to.be.within(HOUR - 10_000, HOUR);
    });

    it('are all gone once the last session is retired', async () => {
      for (const id of ['s1', 's2']) {
        await new Writer(store, refOf(id)).create(['1'], {
          expiry: { kind: 'slide', ttlMs: 30 },
          tasks: [taskOf('a', WORKING)],
          aliases: [aliasOf(id, 'a')],
        });
      }
      await elapse(redis.client, 31);
      expect(await store.retire('acme')).to.equal(2);
      expect(await leftovers()).to.deep.equal([]);
    });

    it('put an index right that says of a living session that it is over', async () => {
      const writer = await new Writer(store).create(['1'], { tasks: [taskOf('a', WORKING)] });
      await redis.client.zadd(`${base()}sessions`, 5, 's1');
      expect(await store.retire('acme')).to.equal(0);
      expect(Number(await redis.client.zscore(`${base()}sessions`, 's1'))).to.be.above(Date.now());
      expect(await redis.client.zcard(`${base()}tasks`)).to.equal(1);
      await redis.client.persist(`${base()}s:s1`);
      expect((await readFound(store, writer.ref)).remainingMs).to.equal(REDIS_OPTIONS.indexTtlMs);
    });

    it('take the outbox with them, and name it in nobody else’s slot', async () => {
      const expiry = { kind: 'slide', ttlMs: 30 } as const;
      await new Writer(store).create(['1'], { outboxInMs: HOUR, expiry });
      const stays = await new Writer(store, refOf('stays')).create(['1'], { outboxInMs: 5_000 });
      const due = Number(await redis.client.zscore(`${base()}outbox`, 'stays'));
      expect(due - Date.now()).to.be.within(0, 6_000);
      const life = await redis.client.pttl(`${base()}outbox`);
      expect(life).to.be.within(REDIS_OPTIONS.indexTtlMs - 10_000, REDIS_OPTIONS.indexTtlMs);
      await elapse(redis.client, 31);
      await store.retire('acme');
      expect(await redis.client.zrange(`${base()}outbox`, 0, -1)).to.deep.equal(['stays']);
      await store.remove(stays.ref, HOUR);
      expect(await redis.client.exists(`${base()}outbox`)).to.equal(0);
    });
  });
});
