import { expect } from 'chai';
import { eventually } from '../helpers/eventually.ts';
import { isCompleted, sendOnce } from '../helpers/load.ts';
import { type LocalServer, useOutage } from '../helpers/outage.ts';
import { bytesReceived, changes, commandsDuring, costOf } from '../helpers/redis-traffic.ts';
import { call, sendV01, V1 } from '../helpers/rpc.ts';
import { readSession, SHELF } from '../helpers/stored-sessions.ts';

/** Nothing but what is asked for: the next heartbeat comes after a quarter of this. */
const QUIET = { A2A_DEAD_SECONDS: '3600' };
const SENDS = 1_000;
const WINDOW = 20;
const CHUNKS = 500;
/** What a commit sends beside its records. */
const COMMIT_MAX_BYTES = 600;
const TEXT = 'x'.repeat(990);

describe('what a conversation costs redis', function () {
  this.timeout(60_000);
  const outage = useOutage({ appendonly: false });

  /** What a start asks of redis comes after it listens: how redis is set up, and to be told of nudges. */
  const serve = async (env: Record<string, string> = QUIET): Promise<LocalServer> => {
    const channels = async (): Promise<string[]> => (await outage.client.pubsub('CHANNELS')) as string[];
    const known = new Set(await channels());
    const server = await outage.serveHere(env);
    await server.logs.next('store_not_durable');
    await eventually(async () => (await channels()).some((name) => !known.has(name)));
    return server;
  };

  const isQuiet = async (url: string): Promise<string> => {
    await sendOnce(url, 'v1', 'hello', 'known');
    // the answer's mark comes after the answer
    await eventually(async () => 'm' in (await readSession(outage.client, 'known')).hash);
    return url;
  };

  /**
   * A tenant is noted once an hour, a process that starts looks for tasks that another has left, and the connection for
   * hints is asked now and then whether it lives.
   */
  const BACKGROUND = ['beat', 'note_tenant', 'instances', 'tenants', 'zcount', 'running', 'ping'];
  /** Marks follow their answers, several at once. Like what runs in the background, they are nobody's round trip. */
  const withoutMarks = (commands: string[]): string[] =>
    commands.filter((name) => !name.startsWith('mark') && !BACKGROUND.includes(name));

  it('is what is said, however long the conversation is', async () => {
    const server = await serve();
    let n = 0;
    const send = async (times: number): Promise<void> => {
      for (const end = n + times; n < end; n += 1) {
        const text = `${String(n).padStart(9, '0')} ${TEXT}`;
        const sent = await sendOnce(server.url, 'v03', text, 'long');
        if (!isCompleted(sent)) throw new Error(sent.reply.text);
      }
    };
    await outage.client.config('RESETSTAT');
    await send(WINDOW / 2);
    let total = await bytesReceived(outage.client);
    const early = await costOf(outage.client, () => send(WINDOW));
    const between = await costOf(outage.client, () => send(SENDS - 2.5 * WINDOW));
    const late = await costOf(outage.client, () => send(WINDOW));
    expect(n).to.equal(SENDS);
    total += early.bytes + between.bytes + late.bytes;
    expect(total).to.be.within(2 * SENDS * (TEXT.length + 10), 4_000_000);
    expect(late.bytes / early.bytes).to.be.below(1.2);
    expect(late.commands / early.commands).to.be.below(1.2);
  });

  it('is two round trips for a send that waits, and one for reading a task', async () => {
    const { url } = await serve();
    await isQuiet(url);
    let id = '';
    const sending = await commandsDuring(outage.client, async () => {
      ({ taskId: id } = await sendOnce(url, 'v1', 'again', 'known'));
    });
    expect(withoutMarks(sending)).to.deep.equal(['append', 'append']);
    const beginning = await commandsDuring(outage.client, async () => {
      await sendOnce(url, 'v1', 'a session without a name');
    });
    expect(withoutMarks(beginning)).to.deep.equal(['create', 'append']);
    const reading = await commandsDuring(outage.client, async () => {
      await call(url, 'GetTask', { id }, V1);
    });
    expect(withoutMarks(reading)).to.deep.equal(['read']);
  });

  it('is the call, one look at the hash and one at its life for a task that is as it was', async () => {
    const { url } = await serve();
    const { taskId: id } = await sendOnce(url, 'v1', 'hello', 'known');
    const reads = 100;
    const { commands } = await costOf(outage.client, async () => {
      for (let n = 0; n < reads; n += 1) await call(url, 'GetTask', { id }, V1);
    });
    expect(commands / reads).to.be.within(3, 3.3);
  });

  it('is one round trip more for the first send after a restart', async () => {
    const before = await outage.serve(QUIET);
    await isQuiet(before.url);
    await before.kill9();
    const { url } = await serve();
    const sending = await commandsDuring(outage.client, async () => {
      await sendOnce(url, 'v1', 'again', 'known');
    });
    expect(withoutMarks(sending)).to.deep.equal(['read', 'append', 'append']);
  });

  it('is every chunk of a stream once, its whole once when it ends, and numbers alone when that takes their place', async () => {
    const { url } = await serve({ ...QUIET, A2A_RESUME_SECONDS: '1' });
    await isQuiet(url);
    let bytes = 0;
    const streaming = await commandsDuring(outage.client, async () => {
      ({ bytes } = await costOf(outage.client, async () => {
        expect(isCompleted(await sendOnce(url, 'v1', `slow ${CHUNKS} 1`, 'stream'))).to.equal(true);
      }));
    });
    const ended = performance.now();
    const { hash, records } = await readSession(outage.client, 'stream');
    const sizeOf = (is: (record: object) => boolean): number =>
      records.reduce((sum, record, i) => sum + (record && is(record) ? (hash[i + 1]?.length ?? 0) : 0), 0);
    const isChunk = (record: object): boolean => 'append' in record || 'is' in record;
    const [chunks, whole] = [sizeOf(isChunk), sizeOf((record) => 'whole' in record)];
    expect(whole).to.be.within(CHUNKS * '{"text":"chunk 0"}'.length, 0.5 * chunks);
    const commits = streaming.filter((name) => name === 'append' || name === 'create').length;
    expect(bytes - chunks - whole).to.be.below(COMMIT_MAX_BYTES * commits);
    await eventually(() => performance.now() - ended > 1_000);
    const tidying = await commandsDuring(outage.client, async () => {
      ({ bytes } = await costOf(outage.client, async () => {
        expect(isCompleted(await sendOnce(url, 'v1', 'later', 'stream'))).to.equal(true);
        await eventually(async () => !('10' in (await readSession(outage.client, 'stream')).hash));
      }));
    });
    // The test looks on with commands of its own.
    const own = tidying.filter((name) => ['create', 'append', 'read', 'compact'].includes(name));
    expect(own.sort()).to.deep.equal(['append', 'append', 'compact']);
    const left = await readSession(outage.client, 'stream');
    expect(Object.keys(left.hash).filter((field) => /^\d+$/.test(field))).to.have.length.below(20);
    expect(bytes).to.be.below(10_000);
  });

  it('is nothing for reading what is in memory when no other instance writes', async () => {
    const { url, logs } = await outage.serveHere({ ...QUIET, A2A_CACHE_COHERENCE: 'exclusive' });
    await logs.next('store_not_durable');
    const { taskId: id } = await sendOnce(url, 'v1', 'hello', 'known');
    const reading = await commandsDuring(outage.client, async () => {
      await call(url, 'GetTask', { id }, V1);
    });
    expect(withoutMarks(reading)).to.deep.equal([]);
  });

  it('changes nothing by reading, in any dialect, cached or not', async () => {
    const first = await serve();
    const { taskId: id } = await sendOnce(first.url, 'v1', 'hello', 'known');
    await call(first.url, 'tasks/send', sendV01('t1', 'hello', 'known'));
    const second = await serve();
    const hash = await eventually(async () => {
      const stored = await readSession(outage.client, 'known');
      expect(stored.hash['m']?.split(',').filter(Boolean)).to.have.length(2);
      return stored.hash;
    });
    const key = `${SHELF}s:known`;
    // expired sessions are looked for now and then, which counts as a change: once in a while, never at every turn
    await eventually(async () => {
      const before = { changes: await changes(outage.client), pttl: await outage.client.pttl(key) };
      for (const { url } of [first, second]) {
        for (let n = 0; n < 10; n += 1) {
          const replies = [
            await call(url, 'GetTask', { id }, V1),
            await call(url, 'tasks/get', { id }),
            await call(url, 'tasks/get', { id: 't1' }),
            await call(url, 'tasks/get', { id: 'unknown.x' }),
          ];
          expect(replies.map(({ json }) => json.error?.code)).to.deep.equal([
            undefined,
            undefined,
            undefined,
            -32001,
          ]);
        }
      }
      expect(await outage.client.pttl(key)).to.be.below(before.pttl);
      expect(await changes(outage.client)).to.equal(before.changes);
    }, 15_000);
    expect((await readSession(outage.client, 'known')).hash).to.deep.equal(hash);
  });
});
