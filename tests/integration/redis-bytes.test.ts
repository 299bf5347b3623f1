/** What a send, a stream and a long conversation cost redis, counted: bounds that no machine is too slow or too quick for. */
import { expect } from 'chai';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RedisSessionStore } from '../../server/stores/redis/redis-store.ts';
import { createRedisClient } from '../../server/stores/redis/client.ts';
import { REDIS_OPTIONS } from '../contract/redis-harness.ts';
import { countJson } from '../helpers/json-count.ts';
import { eventually } from '../helpers/eventually.ts';
import { isCompleted, type Sent, sendOnce } from '../helpers/load.ts';
import { type LocalServer, useOutage } from '../helpers/outage.ts';
import { commandsDuring, costOf } from '../helpers/redis-traffic.ts';
import { begin, createTestManager, moveTo, opened, say } from '../helpers/sessions.ts';
import { readSession, SHELF } from '../helpers/stored-sessions.ts';

/** Nothing but what is asked for: the next heartbeat comes after a quarter of this. */
const QUIET = { A2A_DEAD_SECONDS: '3600' };
const SENDS = 20;
/** What a send brings to redis beside its texts: ids, keys, records, marks. */
const SEND_MAX_BYTES = 2_400;
const MARKS_BATCH_MS = 50;

describe('what redis is told', function () {
  this.timeout(60_000);
  const outage = useOutage({ appendonly: false });

  async function send(url: string, text: string): Promise<Sent> {
    const sent = await sendOnce(url, 'v1', text);
    if (!isCompleted(sent)) throw new Error(sent.reply.text);
    return sent;
  }

  /** Marks come after their answers, those given first first. */
  const isMarked = ({ sessionId }: Sent) =>
    eventually(async () => (await outage.client.hexists(`${SHELF}s:${sessionId}`, 'a')) === 1);

  /** Every script has been sent in full, and what a start asks for is over. */
  async function serve(): Promise<LocalServer> {
    const server = await outage.serveHere(QUIET);
    await server.logs.next('store_not_durable');
    await isMarked(await send(server.url, 'hello'));
    return server;
  }

  const stores: RedisSessionStore[] = [];
  afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));
  async function openStore(): Promise<RedisSessionStore> {
    const client = createRedisClient(outage.redis.address, () => undefined);
    const store = new RedisSessionStore(client, REDIS_OPTIONS);
    stores.push(store);
    await client.connect();
    return store;
  }

  for (const size of [200, 2_000, 32_000]) {
    it(`is a send's texts and little else: ${size} bytes`, async () => {
      const { url } = await serve();
      const { bytes } = await costOf(outage.client, async () => {
        const sent: Sent[] = [];
        for (let n = 0; n < SENDS; n += 1) sent.push(await send(url, String(n).padStart(size, '.')));
        await isMarked(sent[SENDS - 1]!);
      });
      // the message, and the artifact that repeats it
      const texts = 2 * size;
      expect(bytes / SENDS - texts).to.be.within(0, SEND_MAX_BYTES);
      if (size >= 2_000) expect(bytes / SENDS / texts).to.be.below(1.6);
    });
  }

  it('is two commits for each send, and that they were answered for many at once', async () => {
    const { url } = await serve();
    let [left, began, ended] = [100, 0, 0];
    let last: Sent | undefined;
    const told = await commandsDuring(outage.client, async () => {
      began = performance.now();
      const lane = async (): Promise<void> => {
        while (left-- > 0) last = await send(url, `send ${left}`);
      };
      await Promise.all(Array.from({ length: 20 }, lane));
      if (last !== undefined) await isMarked(last);
      ended = performance.now();
    });
    const count = (name: string): number => told.filter((one) => one === name).length;
    expect([count('create'), count('append')]).to.deep.equal([100, 100]);
    expect(count('mark')).to.be.within(1, Math.ceil((ended - began) / MARKS_BATCH_MS) + 1);
  });

  it('is the same for the 10,000th message of a session as for the tenth', async () => {
    const store = await openStore();
    const { manager } = createTestManager(store);
    const session = await opened(manager);
    await session.change(begin('t1', 'first'));
    let n = 1;
    const sayUntil = async (end: number): Promise<void> => {
      // those said at once share commits
      while (n < end) {
        const texts = Array.from({ length: Math.min(100, end - n) }, () =>
          `message ${(n += 1)}`.padEnd(100, '.'),
        );
        await Promise.all(texts.map((text) => session.change(say('t1', text))));
      }
    };
    const costOfOne = () =>
      costOf(outage.client, async () => {
        n += 1;
        await session.change(say('t1', `message ${n}`.padEnd(100, '.')));
        await session.change(moveTo('t1', n % 2 === 0 ? 'TASK_STATE_WORKING' : 'TASK_STATE_INPUT_REQUIRED'));
      });
    await sayUntil(9);
    await costOfOne();
    const early = await costOfOne();
    await sayUntil(9_999);
    const late = await costOfOne();
    expect((await readSession(outage.client, 's1', 'a2a:1:{acme.00}:')).head).to.be.above(10_000);
    expect(late.bytes / early.bytes).to.be.within(0.9, 1.1);
    expect(late.commands / early.commands).to.be.within(0.9, 1.1);
    manager.release(session);
    await manager.close();
  });

  /** @param atOnce how many an agent publishes in one turn of the event loop */
  async function streams(atOnce: number, more: object): Promise<number> {
    const [count, size] = [1_000, 100];
    const source = `export default { async execute({ taskId, contextId }, bus) {
      for (let n = 0; n < ${count}; n++) {
        const more = ${JSON.stringify(more)};
        const artifact = { artifactId: 'a', name: more.name, parts: [{ text: String(n).padStart(${size}, '.') }] };
        bus.publish({ kind: 'artifactUpdate', data: { taskId, contextId, artifact, append: n > 0, lastChunk: more.last } });
        if (n % ${atOnce} === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      const status = { state: 'TASK_STATE_COMPLETED' };
      bus.publish({ kind: 'statusUpdate', data: { taskId, contextId, status, final: true } });
    } };`;
    const agent = join(outage.redis.folder, `agent-${atOnce}.mjs`);
    await writeFile(agent, source);
    const { url } = await outage.serve({ ...QUIET, A2A_AGENT: agent });
    await isMarked(await send(url, 'hello'));
    const { bytes } = await costOf(outage.client, async () => {
      await isMarked(await send(url, 'go on'));
    });
    return bytes / (count * size);
  }

  it('is little over twice what an agent streams in chunks of 100 bytes', async () => {
    expect(await streams(20, {})).to.be.at.most(2.2);
  });

  it('is hardly more where they come one by one, and with what changes nothing', async () => {
    // as fast as the event loop turns, with what agents say of a chunk that changes nothing
    // how many chunks share a commit is a matter of time
    expect(await streams(1, { name: 'chunks', last: false })).to.be.at.most(2.4);
  });

  it('is made JSON no more often than this, with the two texts of a send and its client', async () => {
    const { url } = await serve();
    const marker = 'a text that stands nowhere else';
    const { written, read } = await countJson(marker, async () => {
      await send(url, marker);
    });
    // in the record of the message, in that of the artifact, in the answer; and in the request, by the client
    expect(written).to.be.within(4, 6);
    // the request, and by the client the answer
    expect(read).to.be.within(2, 2);
  });
});
