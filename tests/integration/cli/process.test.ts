/** The program as an operator runs it, beside a server that has the data folder. */
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { useFolder } from '../../helpers/files.ts';
import { hearOutputOf } from '../../helpers/overheard.ts';
import { call, sendV01 } from '../../helpers/rpc.ts';
import { useServerProcesses } from '../../helpers/server.ts';

const MAIN = new URL('../../../dist/server/main.js', import.meta.url).pathname;
/** Where a child leaves what it ran. */
const { NODE_V8_COVERAGE } = process.env;
const COVERAGE: Record<string, string> = NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE };

describe('holdfast beside a server on LMDB', () => {
  const folder = useFolder();
  const processes = useServerProcesses();
  const env = () => ({ A2A_STORE: 'lmdb', A2A_DATA_DIR: join(folder.path, 'data') });

  async function run(args: readonly string[], stdout: 'pipe' | number = 'pipe') {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...COVERAGE, ...env() },
      stdio: ['ignore', stdout, 'pipe'],
    });
    hearOutputOf(child);
    let [out, err] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out, err };
  }

  it('reads what is committed, and writes only when the server has stopped', async () => {
    const server = await processes.start(env(), folder.path);
    await call(server.url, 'tasks/send', sendV01('t', 'hi', 'ada'));
    const listed = await run(['sessions', 'list', '--json']);
    const { sessions } = JSON.parse(listed.out) as { sessions: { sessionId: string }[] };
    expect([listed.code, sessions.map(({ sessionId }) => sessionId)]).to.deep.equal([0, ['ada']]);
    const refused = await run(['sessions', 'delete', 'ada', '--yes']);
    expect([refused.code, refused.out]).to.deep.equal([3, '']);
    expect(refused.err).to.include(`in use by process ${server.pid}`).and.include('only what reads can run');
    expect(await server.stop()).to.equal(0);
    expect(await run(['sessions', 'delete', 'ada', '--yes'])).to.deep.equal({
      code: 0,
      out: 'deleted ada\n',
      err: '',
    });
  });

  it('fails when what it prints cannot be written', async function () {
    if (process.platform !== 'linux') this.skip();
    const server = await processes.start(env(), folder.path);
    await call(server.url, 'tasks/send', sendV01('t', 'hi', 'ada'));
    for (const args of [
      ['sessions', 'export'],
      ['sessions', 'list'],
      ['store', 'check', '--json'],
    ]) {
      const { code, err } = await run(args, openSync('/dev/full', 'w'));
      expect([args.join(' '), code]).to.deep.equal([args.join(' '), 3]);
      expect(err).to.include('the output cannot be written');
    }
  });
});
