import { expect } from 'chai';
import { setTimeout as pause } from 'node:timers/promises';
import type { SessionStore } from '../../server/sessions/session-store.ts';
import { createRedisClient } from '../../server/stores/redis/client.ts';
import { RedisSessionStore } from '../../server/stores/redis/redis-store.ts';
import { eventually } from '../helpers/eventually.ts';
import { FaultyStore } from '../helpers/faulty-store.ts';
import { useRedis } from '../helpers/redis.ts';
import { Gate } from './operations/scripted-agent.ts';
import { messageOf, type Service } from './operations/service.ts';
import type { StreamReader } from './operations/stream-reader.ts';
import { closeAll, idOf, serve, stream, subscribe } from './operations/streaming.ts';

const CHUNKS = 200;
/** Twice the longest safety poll. */
const POLLED_WITHIN_MS = 2_400;

describe('a task that another instance runs, on one redis', function () {
  this.timeout(20_000);
  const redis = useRedis();
  const stores: SessionStore[] = [];

  /** An instance with connections of its own. */
  const connect = async (as: { username?: string; password?: string } = {}): Promise<Service> => {
    const client = createRedisClient({ ...redis.server.address, ...as }, () => undefined);
    await client.connect();
    const store = new RedisSessionStore(client, {
      prefix: redis.prefix,
      buckets: 1,
      exclusive: false,
      indexTtlMs: 86_400_000,
      location: 'redis',
    });
    stores.push(store);
    return await serve(new FaultyStore(store, false));
  };
  afterEach(async () => {
    await closeAll();
    for (const store of stores.splice(0)) await store.close();
  });

  const wakeChannels = async (): Promise<string[]> =>
    ((await redis.client.pubsub('CHANNELS', `${redis.prefix}:*`)) as string[]).filter((name) =>
      name.includes('}:w:'),
    );
  const chunksOf = (reader: StreamReader): string[] =>
    reader.words.filter((word) => word.startsWith('a0')).map((word) => word.replace(/^a0\+? /, ''));
  const expected = Array.from({ length: CHUNKS }, (_, i) => `chunk ${i}`);

  /** When each chunk came. */
  async function times(reader: StreamReader): Promise<Map<string, number>> {
    const at = new Map<string, number>();
    for (let word = ''; word !== 'end'; at.set(word.replace(/^a0\+? /, ''), performance.now()))
      word = await reader.next();
    return at;
  }

  /** As the demo agent's `slow`. */
  function slow(one: Service, count: number, everyMs: number): Gate {
    const gate = new Gate();
    one.agent.script = async (act) => {
      await gate.passed;
      for (let i = 0; i < count; i += 1) {
        const { taskId, contextId } = act.context;
        const artifact = { artifactId: 'a', parts: [{ text: `chunk ${i}` }] };
        act.publish({ kind: 'artifactUpdate', data: { taskId, contextId, artifact, append: i > 0 } });
        await pause(everyMs);
      }
      act.done();
    };
    return gate;
  }

  it('is told here soon after there, each event once and in order, at the cost of one follower', async () => {
    const [one, two] = [await connect(), await connect()];
    const gate = slow(one, CHUNKS, 5);
    const sent = await stream(one, messageOf('go'));
    await sent.next();
    const readers = await Promise.all(Array.from({ length: 5 }, () => subscribe(two, idOf(sent))));
    await Promise.all(readers.map((reader) => reader.next()));
    const reading = readers.map((reader) => times(reader));
    await eventually(async () => (await wakeChannels()).length === 1);
    const before = { reads: two.store.calls.read ?? 0, commits: one.store.calls.commit ?? 0 };
    const began = performance.now();
    gate.open();
    const there = await times(sent);
    const here = await Promise.all(reading);
    const seconds = (performance.now() - began) / 1_000;
    for (const reader of readers) {
      expect(chunksOf(reader)).to.deep.equal(expected);
      expect(reader.words.at(-1)).to.equal('completed!');
    }
    const delays = expected.map((chunk) => (here[0]?.get(chunk) ?? NaN) - (there.get(chunk) ?? NaN));
    const median = delays.sort((a, b) => a - b)[CHUNKS / 2] ?? NaN;
    const reads = (two.store.calls.read ?? 0) - before.reads;
    const commits = (one.store.calls.commit ?? 0) - before.commits;
    console.info(`      median delay ${median.toFixed(1)} ms; ${commits} commits there, ${reads} reads here`);
    // a poll alone would make it half a second
    expect(median).to.be.below(250);
    expect(reads).to.be.at.most(commits + seconds / 0.8 + 2);
    expect(two.store.calls.commit ?? 0).to.equal(0);
  });

  it('is listened to while somebody follows it or waits for it, and never where it runs', async () => {
    const [one, two] = [await connect(), await connect()];
    const gate = slow(one, 1, 1);
    const sent = await stream(one, messageOf('go'));
    await sent.next();
    const all = sent.all();
    expect(await wakeChannels()).to.deep.equal([]);
    const reader = await subscribe(two, idOf(sent));
    await reader.next();
    const next = reader.next();
    await eventually(async () => (await wakeChannels()).length === 1);
    await reader.leave();
    await next;
    await eventually(async () => (await wakeChannels()).length === 0);
    const waiting = stream(two, messageOf('more', { taskId: idOf(sent) }));
    const queued = await waiting;
    await queued.next();
    const rest = queued.all();
    await eventually(async () => (await wakeChannels()).length === 1);
    gate.open();
    await Promise.all([all, rest]);
    await eventually(async () => (await wakeChannels()).length === 0);
  });

  for (const [what, lose] of [
    ['the connection for hints is cut', () => redis.client.client('KILL', 'TYPE', 'pubsub')],
    ['hints are not heard any more', () => redis.client.pubsub('CHANNELS')],
  ] as const) {
    it(`is told here by polling when ${what}`, async () => {
      const one = await connect();
      await redis.client.acl('SETUSER', 'deaf', 'on', '>secret', '~*', '+@all', 'resetchannels');
      const isDeaf = what.startsWith('hints');
      const two = await connect(isDeaf ? { username: 'deaf', password: 'secret' } : {});
      one.agent.script = (act) => act.aborted();
      const sent = await stream(one, messageOf('go'));
      await sent.next();
      const reader = await subscribe(two, idOf(sent));
      await reader.next();
      const first = reader.next();
      if (!isDeaf) await eventually(async () => (await wakeChannels()).length === 1);
      for (const text of ['first', 'second']) {
        await lose();
        const began = performance.now();
        one.agent.act('go').artifact(text);
        expect(await (text === 'first' ? first : reader.next())).to.equal(`a0 ${text}`);
        expect(performance.now() - began).to.be.below(POLLED_WITHIN_MS);
      }
    });
  }

  it('stays open here while the store cannot be read, and goes on where it was', async () => {
    const [one, two] = [await connect(), await connect()];
    const gate = new Gate();
    one.agent.script = async (act) => {
      await act.aborted();
      await gate.passed;
    };
    const sent = await stream(one, messageOf('go'));
    await sent.next();
    const reader = await subscribe(two, idOf(sent));
    await reader.next();
    const all = reader.all();
    two.store.always('refuse');
    for (let i = 0; i < 5; i += 1) one.agent.act('go').artifact(`${i}`);
    // to be listened to, to be polled, and to be asked who is alive
    await eventually(() => two.store.faults.refuse > 4);
    expect(reader.words).to.deep.equal(['task submitted']);
    two.store.always(undefined);
    one.agent.act('go').done();
    expect(await all).to.deep.equal([
      'task submitted',
      ...[0, 1, 2, 3, 4].map((i) => `a0 ${i}`),
      'completed!',
    ]);
    gate.open();
  });

  it('is followed on both while it goes from one to the other and back', async () => {
    const [one, two] = [await connect(), await connect()];
    for (const { agent } of [one, two])
      agent.script = (act) => {
        if (act.text === 'end') act.done(act.text);
        else act.artifact(act.text).status('TASK_STATE_INPUT_REQUIRED');
      };
    const sent = await stream(one, messageOf('begin'));
    await sent.all();
    const readers = [await subscribe(one, idOf(sent)), await subscribe(two, idOf(sent))];
    const reading = readers.map((reader) => reader.all());
    for (const [service, text] of [
      [two, 'there'],
      [one, 'back'],
      [two, 'end'],
    ] as const) {
      await (await stream(service, messageOf(text, { taskId: idOf(sent) }))).all();
      await eventually(() => readers.every(({ words }) => words.includes(`a0 ${text}`)), 1_000);
    }
    const [first, second] = await Promise.all(reading);
    expect(first).to.deep.equal([
      'task input-required',
      ...['there', 'back'].flatMap((text) => ['working', `a0 ${text}`, 'input-required']),
      'working',
      'a0 end',
      'completed!',
    ]);
    expect(second).to.deep.equal(first);
    expect(one.agent.begun).to.deep.equal(['begin', 'back']);
  });
});
