/**
 * Whether a server that is worked with for long comes back to where it was: see `npm run soak -- --help`.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatSoak, writeSoak } from './soak/soak-report.ts';
import { runSoak, type SoakOptions } from './soak/soak-run.ts';

const EXIT = { sound: 0, unsound: 1, usage: 2, interrupted: 130 } as const;
const USAGE = `npm run soak -- [options]

Works with one server over Redis at half the rate that it can take, and looks whether heap, handles and keys in Redis come
back to where they were. Exit code 1: something did not.

  --minutes N    of load (10)
  --sessions N   that come and go (10000)
  --seed N       chooses what is random (1)
  --write        replaces the result in docs/evidence.md
`;
const root = join(import.meta.dirname, '..');

interface SoakArguments extends SoakOptions {
  readonly write: boolean;
  readonly help: boolean;
}

function readArguments(): SoakArguments {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      minutes: { ...text, default: '10' },
      sessions: { ...text, default: '10000' },
      seed: { ...text, default: '1' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [minutes, sessions, seed] = [values.minutes, values.sessions, values.seed].map(Number) as [
    number,
    number,
    number,
  ];
  if (!(minutes > 0) || !(sessions >= 1) || !Number.isInteger(seed))
    throw new TypeError('--minutes, --sessions and --seed are positive numbers');
  return { minutes, sessions, seed, write: values.write, help: values.help };
}

function parse(): SoakArguments {
  try {
    return readArguments();
  } catch (error) {
    process.stderr.write(`soak: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(EXIT.usage);
  }
}

const options = parse();
if (options.help) {
  process.stdout.write(USAGE);
  process.exit(EXIT.sound);
}
const build = join(root, 'scripts/build.mjs');
if (spawnSync(process.execPath, [build, '--if-stale'], { stdio: 'inherit' }).status !== 0)
  process.exit(EXIT.unsound);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => process.exit(EXIT.interrupted));
const report = await runSoak(options, (line) => process.stderr.write(`${line}\n`));
process.stdout.write(`${formatSoak(report)}\n`);
if (options.write) writeSoak(join(root, 'docs/evidence.md'), report);
process.exit(report.faults.length === 0 ? EXIT.sound : EXIT.unsound);
