import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseOptions } from '../../scripts/recovery/recovery-options.ts';
import { UsageError } from '../../scripts/usage.ts';
import { eventually } from '../helpers/eventually.ts';
import { hearOutputOf } from '../helpers/overheard.ts';

const SCRIPT = new URL('../../scripts/restart-recovery.ts', import.meta.url).pathname;
const SMALL = ['--sessions', '4', '--kills', '1', '--messages', '6'];

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe('npm run recovery', function () {
  this.timeout(60_000);
  /** What the script makes in the temporary folder is made here. */
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'recovery-test-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  /** @param onStderr gets all of it so far, and a way to send a signal */
  async function run(
    args: readonly string[],
    onStderr: (text: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
  ): Promise<Ended> {
    const env = { ...process.env, TMPDIR: folder };
    const child = spawn(process.execPath, ['--import=tsx', SCRIPT, ...args], { env });
    hearOutputOf(child);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      onStderr(stderr, (signal) => child.kill(signal));
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, stderr };
  }

  /** Neither folders nor, where that can be seen, processes. */
  async function expectNothingLeft(): Promise<void> {
    expect((await readdir(folder)).filter((name) => name.startsWith('holdfast-'))).to.deep.equal([]);
    if (process.platform !== 'linux') return;
    await eventually(async () => {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
      const homes = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
      expect(homes.filter((home) => home.startsWith(folder))).to.deep.equal([]);
    });
  }

  for (const store of ['lmdb', 'redis']) {
    it(`finds nothing lost and nothing doubled on ${store}, and ends with 0`, async () => {
      const { code, stdout, stderr } = await run(['--store', store, ...SMALL]);
      expect(code, stdout + stderr).to.equal(0);
      expect(stdout)
        .to.match(/^ {2}sent +26$/m)
        .and.match(/^ {2}found +26$/m);
      expect(stdout)
        .to.match(/^ {2}lost +0$/m)
        .and.match(/^ {2}duplicated +0$/m);
      expect(stdout).to.match(/^ {2}kills +1 \+ 1 before the check$/m);
      expect(stdout).to.match(/^ {2}tasks expected \/ found +26 \/ 26$/m);
      expect(stdout).to.match(/^ {2}start to first answer +median \d+ ms, max \d+ ms$/m);
      expect(stderr).to.match(/^killed: \d+ of 26 acknowledged, 1 kills, \d+ retries$/m);
      await expectNothingLeft();
    });
  }

  it('finds everything lost on a store that keeps nothing, and ends with 1', async () => {
    const { code, stdout } = await run(['--store', 'memory', ...SMALL]);
    expect(code).to.equal(1);
    // A stream that was cut is asked for again and refused: that one was never answered to its end.
    const [acknowledged, lost] = ['acknowledged', 'lost'].map((row) =>
      Number(new RegExp(`^ {2}${row} +(\\d+)$`, 'm').exec(stdout)?.[1]),
    );
    expect(lost).to.equal(acknowledged);
    expect(lost).to.be.above(10);
    expect(stdout).to.match(/^FAILED: \d+ faults$/m);
    await expectNothingLeft();
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`takes everything with it on ${signal}`, async () => {
      let sent = false;
      const args = ['--store', 'redis', '--sessions', '4', '--kills', '50', '--messages', '100'];
      const { code, stdout } = await run(args, (text, kill) => {
        if (!sent && text.includes('1 kills')) kill(signal);
        sent ||= text.includes('1 kills');
      });
      expect(sent).to.equal(true);
      expect([code, stdout]).to.deep.equal([130, '']);
      await expectNothingLeft();
    });
  }

  it('ends with 2 and one line when the arguments are wrong, and explains itself', async () => {
    expect(await run(['--store', 'tape'])).to.deep.equal({
      code: 2,
      stdout: '',
      stderr: 'recovery: --store must be redis or lmdb, got tape; try --help\n',
    });
    const help = await run(['--help']);
    expect(help.code).to.equal(0);
    expect(help.stdout).to.match(/^Usage: npm run recovery -- --store redis\|lmdb /);
  });

  for (const [args, fault] of [
    [[], '--store must be redis or lmdb, got nothing'],
    [['--store', 'lmdb', '--sessions', '0'], '--sessions must be a whole number from 1 to 500, got 0'],
    [['--store', 'lmdb', '--kills', 'many'], '--kills must be a whole number from 0 to 50, got many'],
    [['--store', 'lmdb', '--messages', '1e2'], '--messages must be a whole number from 2 to 500, got 1e2'],
    [
      ['--store', 'lmdb', '--sessions', '1', '--messages', '8', '--kills', '3'],
      '--kills must be at most 2 with so few messages, got 3',
    ],
    [['--store', 'lmdb', '--sessions=-1'], '--sessions must be a whole number from 1 to 500, got -1'],
    [
      ['--store', 'lmdb', 'more'],
      "Unexpected argument 'more'. This command does not take positional arguments",
    ],
    [['--stroe', 'lmdb'], "Unknown option '--stroe'"],
    [['--store', 'lmdb', '--seed', '-1'], "Option '--seed' argument is ambiguous."],
  ] as const) {
    it(`refuses: ${args.join(' ')}`, () => {
      expect(() => parseOptions(args)).to.throw(UsageError, fault);
    });
  }

  it('has sensible defaults', () => {
    const { seed, ...options } = parseOptions(['--store', 'redis']) ?? { seed: -1 };
    expect(options).to.deep.equal({ store: 'redis', sessions: 20, kills: 3, messages: 12 });
    expect(seed).to.be.within(0, 2 ** 32 - 1);
  });
});
