import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../helpers/eventually.ts';
import { useRedis } from '../helpers/redis.ts';
import { call, sendV1, V1 } from '../helpers/rpc.ts';
import { type ServerProcess, useServerProcesses } from '../helpers/server.ts';
import { allWorkers, getAnew, metric, pidsOf } from '../helpers/workers.ts';

const COUNT = 2;
/** Each call over a connection of its own. */
const APART = { ...V1, Connection: 'close' };

describe('several workers', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const processes = useServerProcesses();
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-workers-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const envOf = (more: Record<string, string> = {}): Record<string, string> => ({
    ...redis.server.env,
    A2A_KEY_PREFIX: redis.prefix,
    A2A_WORKERS: String(COUNT),
    A2A_DRAIN_SECONDS: '1',
    A2A_DEAD_SECONDS: '1',
    ...more,
  });
  const serve = (more: Record<string, string> = {}): Promise<ServerProcess> =>
    processes.start(envOf(more), folder);
  const run = async (
    more: Record<string, string>,
  ): Promise<{ code: number | null; stderr: string; stdout: string }> => {
    const ended = processes.launch(envOf(more), folder);
    const code = await ended.exited();
    return { code, stderr: ended.stderr, stdout: ended.stdout };
  };
  const eventsOf = (server: ServerProcess, event: string): unknown[] =>
    server.logs.lines.filter((line) => line.event === event).map(({ worker }) => worker);
  it('share one port and the sessions, say once where they are, and drain all on SIGTERM', async () => {
    const server = await serve();
    expect(eventsOf(server, 'worker_listening').sort()).to.deep.equal([1, 2]);
    expect(eventsOf(server, 'server_listening')).to.deep.equal([undefined]);
    expect(server.logs.of('server_listening')[0]).to.include({ workers: COUNT });
    await server.onStderr(/try/);
    expect(server.stderr.match(/^Holdfast .* listens on/gm)).to.have.length(1);
    expect(server.stderr).to.contain(`listens on ${server.url}`).and.contain(`${COUNT} workers`);

    const workers = await allWorkers(server, COUNT);
    expect([...workers.keys()].sort()).to.deep.equal([1, 2]);
    expect(new Set([...workers.values()].map(({ instances }) => instances.me)).size).to.equal(COUNT);
    const texts = Array.from({ length: 3 * COUNT }, (_, n) => `text ${n}`);
    for (const text of texts) await call(server.url, 'SendMessage', sendV1(text, text, 'ada'), APART);
    const recalled = await call(server.url, 'SendMessage', sendV1('m', 'recall', 'ada'), APART);
    expect(recalled.text).to.contain(texts.join('\\n'));

    server.signal('SIGTERM');
    expect(await server.exited()).to.equal(0);
    expect(eventsOf(server, 'server_draining').sort()).to.deep.equal([1, 2]);
    expect(eventsOf(server, 'server_stopped').sort()).to.deep.equal([1, 2]);
    expect(eventsOf(server, 'worker_died')).to.deep.equal([]);
  });

  it('answer with the metrics of all of them, whichever is asked, and never with less than before', async () => {
    const server = await serve();
    const sent = 'holdfast_requests_total{dialect="v1",method="sendMessage",outcome="ok"}';
    for (let n = 0; n < 3 * COUNT; n += 1)
      await call(server.url, 'SendMessage', sendV1(`m${n}`, 'hello'), APART);
    for (let n = 0; n < COUNT; n += 1) expect(await metric(server, sent)).to.equal(3 * COUNT);
    await eventually(async () => (await metric(server, 'holdfast_instances_alive')) === COUNT);
    for (const [, pid] of pidsOf(server)) {
      process.kill(pid, 'SIGKILL');
      expect(await eventually(() => metric(server, sent), 20_000)).to.equal(3 * COUNT);
    }
  });

  it('replace one that dies, while the others settle what it was running', async () => {
    const server = await serve();
    const pids = pidsOf(server);
    const ids: string[] = [];
    for (let n = 0; n < 4 * COUNT; n += 1) {
      const params = { ...sendV1(`m${n}`, 'slow 600 100'), configuration: { returnImmediately: true } };
      const { json } = await call(server.url, 'SendMessage', params, APART);
      ids.push((json.result as { task: { id: string } }).task.id);
    }
    process.kill(pids.get(1) ?? 0, 'SIGKILL');
    const died = await server.logs.next('worker_died');
    expect(died).to.include({ worker: 1, pid: pids.get(1), signal: 'SIGKILL', restartInMs: 200 });
    await server.logs.next('worker_listening', 30_000, COUNT + 1);
    await allWorkers(server, COUNT);
    const inState = async (state: string): Promise<number> => {
      const replies = await Promise.all(ids.map((id) => call(server.url, 'GetTask', { id }, APART)));
      return replies.filter(({ text }) => text.includes(`"TASK_STATE_${state}"`)).length;
    };
    await eventually(async () => (await inState('FAILED')) > 0, 20_000);
    // Each had some of them: connections are dealt out in turn.
    expect(await inState('WORKING')).to.be.above(0);
    expect(await server.stop()).to.equal(0);
  });

  it('do not leave a client waiting whose connection a dead worker was being given', async () => {
    const server = await serve({ A2A_WORKERS: '2' });
    const pids = [...pidsOf(server).values()];
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const asked = Array.from({ length: 4 }, () =>
      getAnew(new URL('/livez', server.url), 10_000).catch(String),
    );
    // they are being handed over once the primary has taken them
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    for (const answer of await Promise.all(asked)) expect(answer).to.match(/ECONNRESET|hang up|alive/);
    await server.logs.next('worker_listening', 30_000, 4);
    expect(await getAnew(new URL('/livez', server.url))).to.contain('alive');
  });

  it('drain and end when the primary process is killed', async () => {
    const server = await serve();
    await call(server.url, 'SendMessage', sendV1('m1', 'hello', 'ada'), V1);
    await server.kill9();
    // its output is closed only when the last worker has ended
    expect(eventsOf(server, 'primary_gone').sort()).to.deep.equal([1, 2]);
    expect(eventsOf(server, 'server_stopped').sort()).to.deep.equal([1, 2]);
  });

  it('end at once on the second signal', async () => {
    const server = await serve({ A2A_DRAIN_SECONDS: '600' });
    const slow = call(server.url, 'SendMessage', sendV1('m1', 'slow 2 99999'), V1).catch(
      (error: unknown) => error,
    );
    await eventually(async () => (await metric(server, 'holdfast_tasks_running')) === 1);
    server.signal('SIGINT');
    await server.logs.next('server_draining', 30_000, COUNT);
    server.signal('SIGINT');
    expect(await server.exited()).to.equal(1);
    expect(server.stderr).to.contain('SIGINT again');
    expect(await slow).to.be.an('error');
  });

  it('say once what keeps them from starting, before any of them is forked or by the first', async () => {
    expect(await run({ A2A_CACHE_COHERENCE: 'exclusive' })).to.deep.equal({
      code: 2,
      stdout: '',
      stderr:
        'Configuration is not usable:\n' +
        '  - A2A_WORKERS: must be 1 while A2A_CACHE_COHERENCE is exclusive, because workers share the Redis, got 2\n',
    });
    const missing = await run({ A2A_AGENT: './missing.mjs' });
    expect([missing.code, missing.stderr.trim().split('\n').length]).to.deep.equal([2, 1]);
    const { url } = await serve({ A2A_WORKERS: '1' });
    const taken = await run({ PORT: new URL(url).port });
    expect(taken.code).to.equal(3);
    expect(taken.stderr).to.match(/^holdfast: 127\.0\.0\.1:\d+ is in use: [^\n]*set PORT[^\n]*\n$/);
    expect(taken.stdout.match(/"event":"server_start_failed"/g)).to.have.length(1);
  });

  it('are given up when one of them dies again and again at its start', async () => {
    const source = `import { existsSync } from 'node:fs';
      if (existsSync('crash')) setTimeout(() => { throw new Error('at once'); }, 10);
      export default { async execute() {} };`;
    await writeFile(join(folder, 'agent.mjs'), source);
    const server = await serve({ A2A_AGENT: './agent.mjs' });
    await writeFile(join(folder, 'crash'), '');
    process.kill(pidsOf(server).get(2) ?? 0, 'SIGKILL');
    expect(await server.exited()).to.equal(1);
    expect(eventsOf(server, 'worker_died')).to.deep.equal([2, 2, 2, 2, 2, 2]);
    expect(server.logs.of('workers_given_up')[0]).to.include({ worker: 2, deaths: 6 });
    expect(eventsOf(server, 'server_stopped')).to.deep.equal([1]);
    expect(server.stderr).to.match(/holdfast: worker 2 ended 6 times soon after its start/);
  });
});
