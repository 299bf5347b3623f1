import { expect } from 'chai';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../helpers/eventually.ts';
import { useRedis } from '../helpers/redis.ts';
import { type ServerProcess, useServerProcesses } from '../helpers/server.ts';
import { get, newId, send, type Seen } from '../integration/operations/conversation.ts';

const DEAF = new URL('./agents/deaf.mjs', import.meta.url).pathname;

describe('an instance that was paused for longer than the others wait for it', function () {
  this.timeout(60_000);
  const redis = useRedis({ tcp: true });
  const processes = useServerProcesses();
  let notes: string;
  let paused: ServerProcess;
  let other: ServerProcess;
  let id: string;
  /** Of the send that waits at the paused one. */
  let answer: Promise<Seen>;

  const noted = async (): Promise<string[]> =>
    (await readFile(notes, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  const notedBy = async ({ pid }: ServerProcess): Promise<string[]> =>
    (await noted()).filter((line) => line.startsWith(`${pid} `)).map((line) => line.slice(`${pid} `.length));
  const chunksOf = ({ reply }: Seen): string[] => {
    const { result } = reply.json as { result: { artifacts?: { parts: { text: string }[] }[] } };
    return (result.artifacts ?? []).flatMap(({ parts }) => parts.map(({ text }) => text));
  };

  async function begin(env: Record<string, string>): Promise<void> {
    notes = join(redis.server.folder, `notes-${redis.prefix}`);
    const serve = (): Promise<ServerProcess> =>
      processes.start(
        {
          ...redis.server.tcpEnv,
          A2A_KEY_PREFIX: redis.prefix,
          A2A_DEAD_SECONDS: '1',
          A2A_AGENT: DEAF,
          NOTES: notes,
          ...env,
        },
        redis.server.folder,
      );
    [paused, other] = await Promise.all([serve(), serve()]);
    const session = newId('s');
    answer = send(paused.url, 'v1', 'go', { session });
    await eventually(async () => {
      const list = await redis.client.keys(`${redis.prefix}*:tasks:ids`);
      const [member] = list[0] === undefined ? [] : await redis.client.zrange(list[0], 0, 0);
      id = member ?? '';
      return id !== '';
    });
    await eventually(async () => chunksOf(await get(other.url, 'v1', id)).length >= 3);
    paused.signal('SIGSTOP');
  }

  const untilEnded = (server: ServerProcess, state: string): Promise<unknown> =>
    eventually(async () => (await get(server.url, 'v1', id)).state === state, 15_000);

  it('finds its task taken over: its executor is aborted, and nothing more of it is stored', async () => {
    await begin({ RESUMABLE: '1' });
    await untilEnded(other, 'completed');
    const before = chunksOf(await get(other.url, 'v1', id));
    expect(before.slice(-3)).to.deep.equal(['2.0', '2.1', '2.2']);
    expect(await notedBy(other)).to.deep.equal([`began 2 resumed true with ${before.length - 3}`]);
    paused.signal('SIGCONT');
    await paused.logs.next('task_fenced');
    await eventually(async () => (await notedBy(paused)).includes('finished'), 10_000);
    expect(await notedBy(paused)).to.deep.equal(['began 1 resumed false with 0', 'aborted', 'finished']);
    expect((await answer).state).to.equal('completed');
    for (const server of [paused, other])
      expect(chunksOf(await get(server.url, 'v1', id))).to.deep.equal(before);
    const metrics = await (await fetch(new URL('/metrics', paused.url))).text();
    expect(metrics).to.match(/^holdfast_tasks_fenced_total 1$/m);
  });

  it('finds its task failed when nobody may go on with it, and its client is told', async () => {
    await begin({});
    await untilEnded(other, 'failed');
    const before = chunksOf(await get(other.url, 'v1', id));
    paused.signal('SIGCONT');
    const told = await answer;
    expect(told.state).to.equal('failed');
    expect(told.says).to.match(/^The instance that ran this task stopped; it was found unfinished at /);
    await eventually(async () => (await notedBy(paused)).includes('finished'), 10_000);
    expect(await notedBy(paused)).to.deep.equal(['began 1 resumed false with 0', 'aborted', 'finished']);
    for (const server of [paused, other]) {
      const seen = await get(server.url, 'v1', id);
      expect([seen.state, chunksOf(seen)]).to.deep.equal(['failed', before]);
    }
  });
});
