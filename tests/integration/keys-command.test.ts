/** `holdfast keys` as an operator runs it, beside a server that is running. */
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type CliRun, runCli } from '../helpers/cli.ts';
import { eventually } from '../helpers/eventually.ts';
import { useFolder } from '../helpers/files.ts';
import { withKey } from '../helpers/keys.ts';
import { hearOutputOf } from '../helpers/overheard.ts';
import { call, sendV01 } from '../helpers/rpc.ts';
import { type ServerProcess, useServerProcesses } from '../helpers/server.ts';

const MAIN = new URL('../../dist/server/main.js', import.meta.url).pathname;
/** Where a child leaves what it ran. */
const { NODE_V8_COVERAGE } = process.env;
const COVERAGE: Record<string, string> = NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE };
const MADE = /^hf_([a-z0-9]{12})_[\w-]{43}\n$/;

interface Listed {
  readonly id: string | null;
  readonly state: string;
  readonly [member: string]: unknown;
}

describe('holdfast keys', () => {
  const folder = useFolder();
  const processes = useServerProcesses();
  const file = (): string => join(folder.path, 'keys.json');

  /** In this process, which is begun already. */
  const runHere = (args: readonly string[], env: Record<string, string> = {}): Promise<CliRun> =>
    runCli(['keys', ...args], { A2A_API_KEYS_FILE: file(), ...env });

  /** In a process of its own. */
  async function run(args: readonly string[]): Promise<Omit<CliRun, 'code'> & { code: number | null }> {
    const child = spawn(process.execPath, [MAIN, 'keys', ...args], {
      cwd: folder.path,
      env: { ...COVERAGE, A2A_API_KEYS_FILE: file() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    hearOutputOf(child);
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out, err };
  }

  const addBy = async (by: typeof run, ...more: string[]): Promise<{ key: string; id: string }> => {
    const { code, out, err } = await by(['add', '--tenant', 'acme', '--subject', 'ada', ...more]);
    const [, id = ''] = MADE.exec(out) ?? [];
    expect([code, id.length], err).to.deep.equal([0, 12]);
    expect(err).to.include(id).and.not.include(out.trim());
    return { key: out.trim(), id };
  };
  const add = (...more: string[]): Promise<{ key: string; id: string }> => addBy(runHere, ...more);
  const listedBy = async (by: typeof run): Promise<Listed[]> =>
    JSON.parse((await by(['list', '--json'])).out) as Listed[];
  const listed = (): Promise<Listed[]> => listedBy(runHere);
  const serve = (env: Record<string, string> = {}): Promise<ServerProcess> =>
    processes.start({ A2A_STORE: 'memory', A2A_API_KEYS_FILE: file(), ...env }, folder.path);
  const statusOf = async (server: ServerProcess, key: string): Promise<number> =>
    (await call(server.url, 'tasks/send', sendV01('t', 'hi'), withKey(key))).status;

  it('makes a key that is shown once, of which the file has a salted hash and nobody else has a word', async () => {
    const { key, id } = await addBy(
      run,
      '--role',
      'peer',
      '--role',
      'operator',
      '--tier',
      'gold',
      '--expires',
      '30',
    );
    const text = readFileSync(file(), 'utf8');
    expect(text).to.not.include(key.slice(-43));
    expect(statSync(file()).mode & 0o777).to.equal(0o600);
    expect(readdirSync(folder.path)).to.deep.equal(['keys.json']);
    const { out } = await run(['list']);
    const [one] = await listedBy(run);
    const { created, expires, ...rest } = one ?? { created: '', expires: '' };
    expect(rest).to.deep.equal({
      ...{ id, state: 'active', tenant: 'acme', subject: 'ada', roles: ['peer', 'operator'] },
      ...{ tier: 'gold', revoked: null },
    });
    expect(Date.parse(String(expires)) - Date.parse(String(created))).to.equal(30 * 86_400_000);
    const { salt, hash } = (JSON.parse(text) as { keys: { salt: string; hash: string }[] }).keys[0] ?? {};
    for (const said of [out, JSON.stringify(one)])
      for (const secret of [salt, hash?.slice(7), key.slice(-43)]) expect(said).to.not.include(secret);
    expect(out)
      .to.match(/^id +state +tenant/)
      .and.include(id);
  });

  it('is taken up by a running server within 2 s, and so is that a key is revoked', async () => {
    const first = await add();
    const server = await serve();
    expect(await statusOf(server, first.key)).to.equal(200);
    const second = await add('--tier', 'gold');
    const added = Date.now();
    await eventually(async () => (await statusOf(server, second.key)) === 200);
    expect(Date.now() - added).to.be.below(2_000);
    expect((await runHere(['revoke', first.id])).code).to.equal(0);
    const revoked = Date.now();
    await eventually(async () => (await statusOf(server, first.key)) === 401);
    expect(Date.now() - revoked).to.be.below(2_000);
    expect(await statusOf(server, second.key)).to.equal(200);
    expect((await listed()).map(({ state }) => state)).to.deep.equal(['revoked', 'active']);
    // The last one too: the file is still one that a server reads.
    expect((await runHere(['revoke', second.id])).code).to.equal(0);
    await eventually(async () => (await statusOf(server, second.key)) === 401);
    expect(server.logs.of('api_keys_refused')).to.deep.equal([]);
    expect(server.stdout + server.stderr).to.not.include(first.key);
  });

  it('loses none of many that are made and revoked at once', async () => {
    const { id } = await add();
    const [made] = await Promise.all([
      Promise.all(Array.from({ length: 6 }, () => addBy(run))),
      run(['revoke', id]),
    ]);
    const keys = await listed();
    expect(keys.map((key) => key.id)).to.have.members([id, ...made.map((one) => one.id)]);
    expect(keys.find((key) => key.id === id)?.state).to.equal('revoked');
    expect(readdirSync(folder.path)).to.deep.equal(['keys.json']);
  });

  it('keeps what is in the file, its links, and who may read it', async () => {
    const older = { id: "ada's laptop", hash: `sha256:${'ab'.repeat(32)}`, tenant: 'acme', subject: 'ada' };
    const real = join(folder.path, 'real.json');
    writeFileSync(real, JSON.stringify({ keys: [older] }));
    chmodSync(real, 0o644);
    symlinkSync(real, file());
    await add();
    expect(statSync(real).mode & 0o777).to.equal(0o640);
    expect(readdirSync(folder.path).sort()).to.deep.equal(['keys.json', 'real.json']);
    const { keys } = JSON.parse(readFileSync(real, 'utf8')) as { keys: object[] };
    expect(keys).to.have.length(2);
    expect(keys[0]).to.deep.equal(older);
    expect((await runHere(['revoke', "ada's laptop"])).code).to.equal(0);
    expect((await listed()).map(({ state }) => state)).to.deep.equal(['revoked', 'active']);
  });

  for (const [what, args, says] of [
    ['no command', [], 'add, list or revoke'],
    ['an unknown one', ['drop'], 'add, list or revoke'],
    ['no tenant', ['add', '--subject', 'a'], '--tenant is required'],
    ['no subject', ['add', '--tenant', 'a'], '--subject is required'],
    ['an empty tenant', ['add', '--tenant', '', '--subject', 'a'], '--tenant must not be empty'],
    [
      'a role nobody knows',
      ['add', '--tenant', 'a', '--subject', 'a', '--role', 'boss'],
      '--role must be one of peer, operator, admin',
    ],
    ['a bad tier', ['add', '--tenant', 'a', '--subject', 'a', '--tier', 'a b'], '--tier must be'],
    ['a past end', ['add', '--tenant', 'a', '--subject', 'a', '--expires', '2020-01-01'], 'in the future'],
    ['an end of now', ['add', '--tenant', 'a', '--subject', 'a', '--expires', '0'], 'in the future'],
    ['an end far off', ['add', '--tenant', 'a', '--subject', 'a', '--expires', '9999'], 'at most 3650 days'],
    [
      'no date',
      ['add', '--tenant', 'a', '--subject', 'a', '--expires', '2030-01-01T10:00'],
      '--expires must',
    ],
    ['an unknown option', ['add', '--colour', 'red'], '--colour'],
    ['no id', ['revoke'], 'one id is required'],
    ['a key for an id', ['revoke', 'hf_abc_hunter2'], 'the part of a key after hf_'],
  ] as [string, string[], string][]) {
    it(`ends with 2 and the usage, and changes nothing, for ${what}`, async () => {
      const { code, out, err } = await runHere(args);
      expect([code, out]).to.deep.equal([2, '']);
      expect(err).to.include(says).and.include('Usage: holdfast keys').and.not.include('hunter2');
      expect(existsSync(file())).to.equal(false);
    });
  }

  it('says how it is used, asked of any of its commands', async () => {
    for (const args of [['--help'], ['add', '--help'], ['revoke', '-h']]) {
      const { code, out, err } = await runHere(args);
      expect([code, err], args.join(' ')).to.deep.equal([0, '']);
      expect(out).to.include('Usage: holdfast keys add');
    }
    expect(existsSync(file())).to.equal(false);
  });

  it('takes a role that the card file names', async () => {
    const card = join(folder.path, 'card.json');
    writeFileSync(card, JSON.stringify({ extended: { description: 'More.', roles: ['dealer'] } }));
    const { code } = await runHere(['add', '--tenant', 'a', '--subject', 'a', '--role', 'dealer'], {
      A2A_CARD_FILE: card,
    });
    expect(code).to.equal(0);
  });

  it('ends with 3 and leaves a file alone that is not usable, or is being changed', async () => {
    expect((await run(['list'])).code).to.equal(3);
    expect((await runHere(['revoke', 'x'])).code).to.equal(3);
    writeFileSync(file(), '{"keys": [hunter2');
    const { code, err } = await runHere(['add', '--tenant', 'a', '--subject', 'a']);
    expect([code, err]).to.deep.equal([3, `holdfast: ${file()} is not JSON\n`]);
    expect(readFileSync(file(), 'utf8')).to.equal('{"keys": [hunter2');
    expect(readdirSync(folder.path)).to.deep.equal(['keys.json']);
  });

  it('an id that is not there is said to be so', async () => {
    await add();
    const { code, err } = await runHere(['revoke', 'nobody']);
    expect(code).to.equal(2);
    expect(err).to.include('there is no key with this id');
    expect((await listed()).map(({ state }) => state)).to.deep.equal(['active']);
  });

  it('is not what the other commands of holdfast are', async () => {
    const serving = processes.launch({ A2A_STORE: 'memory' }, folder.path, 'serve');
    // From then on it heeds signals.
    await serving.onStderr(/listens on/);
    expect(await serving.stop()).to.equal(0);
    for (const args of [['key'], ['serve', 'now'], ['--nonsense']]) {
      const wrong = processes.launch({ A2A_STORE: 'memory' }, folder.path, ...args);
      expect(await wrong.exited()).to.equal(2);
      expect(wrong.stderr).to.include('Usage: holdfast');
    }
  });

  it('a file that others may read is warned of, and so is a door that is open to all', async () => {
    await add();
    const events = async (env: Record<string, string>): Promise<string[]> => {
      const server = await processes.start({ A2A_STORE: 'memory', ...env }, folder.path);
      await server.stop();
      return server.logs.lines.filter(({ level }) => level === 'warn').map(({ event }) => event);
    };
    const keys = { A2A_API_KEYS_FILE: file() };
    const anywhere = { HOST: '0.0.0.0', A2A_PUBLIC_URL: 'http://agent.example/a2a' };
    expect(await events(keys)).to.deep.equal([]);
    expect(await events({})).to.deep.equal([]);
    expect(await events(anywhere)).to.deep.equal(['credentials_missing']);
    chmodSync(file(), 0o604);
    expect(await events({ ...keys, ...anywhere })).to.deep.equal(['api_keys_exposed']);
  });
});
