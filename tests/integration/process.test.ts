import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { call, sendV01 } from '../helpers/rpc.ts';
import { useServerProcesses } from '../helpers/server.ts';

const MEMORY = { A2A_STORE: 'memory' };

describe('the process', () => {
  const processes = useServerProcesses();
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-process-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs to its end, which is expected to come by itself. */
  async function run(
    env: Record<string, string>,
    ...args: string[]
  ): Promise<{ code: number | null; stderr: string; stdout: string }> {
    const ended = processes.launch(env, folder, ...args);
    const code = await ended.exited();
    return { code, stderr: ended.stderr, stdout: ended.stdout };
  }

  it('says its version and how to use it', async () => {
    expect(await run({}, '--version')).to.deep.equal({ code: 0, stderr: '', stdout: '0.1.0\n' });
    expect((await run({}, '--help')).stdout).to.match(/^Usage: holdfast/);
    expect((await run({}, '--nonsense')).code).to.equal(2);
  });

  it('ends with 2 and every problem when the configuration is not usable', async () => {
    expect(await run({ A2A_SESSION_TTL_SECONDS: '0', A2A_STROE: 'x' })).to.deep.equal({
      code: 2,
      stdout: '',
      stderr:
        'Configuration is not usable:\n' +
        '  - A2A_SESSION_TTL_SECONDS: must be at least 1, got 0\n' +
        '  - A2A_STROE: does nothing in this version; did you mean A2A_STORE?\n',
    });
  });

  it('ends with 2 and one line when the agent cannot be loaded', async () => {
    const { code, stderr } = await run({ ...MEMORY, A2A_AGENT: './missing.mjs' });
    expect([code, stderr.trim().split('\n').length]).to.deep.equal([2, 1]);
    expect(stderr).to.contain('A2A_AGENT: cannot load ./missing.mjs');
  });

  it('serves, tells where on stderr, logs to stdout, and ends with 0 on SIGTERM and on SIGINT', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const server = await processes.start(MEMORY, folder);
      expect((await call(server.url, 'tasks/send', sendV01('t1', 'hi'))).json.result).to.include({
        id: 't1',
      });
      server.signal(signal);
      expect(await server.exited()).to.equal(0);
      expect(server.stderr)
        .to.contain(`listens on ${server.url}`)
        .and.contain('memory')
        .and.contain('curl -s');
      expect(server.logs.lines.map(({ event }) => event)).to.deep.equal([
        'server_listening',
        'server_draining',
        'server_stopped',
      ]);
    }
  });

  it('prints a curl line that works', async () => {
    const server = await processes.start(MEMORY, folder);
    const [, line = ''] = await server.onStderr(/-H 'Content-Type: application\/json' -d '(.*)'$/m);
    const reply = await fetch(server.url, {
      method: 'POST',
      body: line,
      headers: { 'Content-Type': 'application/json' },
    });
    expect(await reply.json()).to.have.nested.property('result.artifacts[0].parts[0].text', 'echo: hello');
  });

  it('runs the agent that is configured, found from the folder it is started in', async () => {
    const source = `export default { async execute({ contextId }, bus) {
      bus.publish({ kind: 'message', data: { messageId: 'x', contextId, role: 'ROLE_AGENT', parts: [{ text: 'mine' }] } });
    } };`;
    await writeFile(join(folder, 'agent.mjs'), source);
    const server = await processes.start({ ...MEMORY, A2A_AGENT: './agent.mjs' }, folder);
    expect((await call(server.url, 'tasks/send', sendV01('t1', 'hi'))).text).to.contain('mine');
  });

  it('ends with 3 and what to change when the address is in use', async () => {
    const { url } = await processes.start(MEMORY, folder);
    const { code, stderr } = await run({ ...MEMORY, PORT: new URL(url).port });
    expect(code).to.equal(3);
    expect(stderr).to.match(/^holdfast: 127\.0\.0\.1:\d+ is in use: .*set PORT/);
  });

  it('ends at once on the second signal', async () => {
    const server = await processes.start({ ...MEMORY, A2A_DRAIN_SECONDS: '600' }, folder);
    const slow = call(server.url, 'tasks/send', sendV01('t1', 'slow 2 99999')).catch(
      (error: unknown) => error,
    );
    await server.logs.next('server_listening');
    while (
      !(await (await fetch(new URL('/metrics', server.url))).text()).includes('holdfast_tasks_running 1')
    )
      continue;
    server.signal('SIGTERM');
    await server.logs.next('server_draining');
    server.signal('SIGTERM');
    expect(await server.exited()).to.equal(1);
    expect(await slow).to.be.an('error');
  });

  it('ends with 1 and logs the cause when something is thrown that nobody handles', async () => {
    const source = `export default { async execute() { setImmediate(() => { throw new Error('loose end'); }); } };`;
    await writeFile(join(folder, 'agent.mjs'), source);
    const server = await processes.start({ ...MEMORY, A2A_AGENT: './agent.mjs' }, folder);
    await call(server.url, 'tasks/send', sendV01('t1', 'hi')).catch((error: unknown) => error);
    expect(await server.exited()).to.equal(1);
    expect(server.logs.of('server_crashed')[0]?.['error']).to.include({ message: 'loose end' });
  });

  it('serves on when nobody reads its log any more', async () => {
    const server = await processes.start({ ...MEMORY, LOG_LEVEL: 'debug' }, folder);
    server.stopReading();
    for (const id of ['t1', 't2']) {
      expect((await call(server.url, 'tasks/send', sendV01(id, 'boom'))).status).to.equal(200);
    }
    expect(await server.stop()).to.equal(0);
  });
});
