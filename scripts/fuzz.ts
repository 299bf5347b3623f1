/**
 * Whether anything that can be sent to the server harms it: see `npm run fuzz -- --help`.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz/fuzz-run.ts';
import { type FuzzReport } from './fuzz/fuzz-run.ts';
import { inMb } from './fuzz/memory-verdict.ts';
import { parsed, seedOf, UsageError, wholeNumber } from './usage.ts';

const EXIT = { sound: 0, unsound: 1, usage: 2 } as const;
const QUICK_REQUESTS = 10_000;
const USAGE = `npm run fuzz -- [options]

Sends generated requests to a server with a Redis of its own: calls of every generation, right, changed and damaged; odd
HTTP; cut off and pipelined requests; garbage; wrong credentials. Exit code 1: a crash, an answer that did not come within
15 s, a status 5xx that is no refusal with Retry-After, an answer that is no JSON or has another id, an answer that tells
of the inside, of a secret or of another tenant, memory that grows, a server that does not go on or does not stop cleanly.

  --requests N     how many (1000000)
  --quick          ${QUICK_REQUESTS}
  --connections N  at a time (64)
  --seed N         the same seed makes the same requests; what they meet depends on the machine too
`;

function show({ sent, tookMs, kinds, outcomes, looks, findings, warnings }: FuzzReport): string {
  const rows = (counts: ReadonlyMap<string, number>): string =>
    [...counts]
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name}: ${count}`)
      .join(', ');
  const [first, last] = [looks[0], looks.at(-1)];
  return [
    `${sent} requests in ${(tookMs / 1000).toFixed(0)} s, ${Math.round((sent / tookMs) * 1000)} a second`,
    `  kinds     ${rows(kinds)}`,
    `  outcomes  ${rows(outcomes)}`,
    ...(first && last
      ? [
          `  heap      ${inMb(first.heapUsed)} first, ${inMb(last.heapUsed)} last`,
          `  resident  ${inMb(first.rss)} first, ${inMb(last.rss)} last`,
        ]
      : []),
    `  warnings  ${rows(warnings) || 'none'}`,
    ...findings.map(({ fault, count, example }) => `FAULT ${fault}, ${count} times, first:\n${example}`),
    findings.length === 0 ? 'nothing found' : `${findings.length} kinds of faults`,
    '',
  ].join('\n');
}

async function run(): Promise<number> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    requests: text,
    connections: text,
    seed: text,
    quick: flag,
    help: { ...flag, short: 'h' },
  };
  const { values } = parsed(() => parseArgs({ options }));
  if (values.help === true) {
    process.stdout.write(USAGE);
    return EXIT.sound;
  }
  const seed = seedOf(values.seed);
  const most = values.quick === true ? QUICK_REQUESTS : 1_000_000;
  const requests = wholeNumber('--requests', values.requests, [100, 100_000_000], most);
  const connections = wholeNumber('--connections', values.connections, [1, 500], 64);
  const build = join(import.meta.dirname, 'build.mjs');
  if (spawnSync(process.execPath, [build, '--if-stale'], { stdio: 'inherit' }).status !== 0)
    return EXIT.unsound;
  process.stdout.write(`seed ${seed}\n`);
  const report = await fuzz({
    seed,
    requests,
    connections,
    portions: 20,
    onPortion: (sent, { heapUsed, rss }) => {
      process.stdout.write(`  ${sent} sent, heap ${inMb(heapUsed)}, resident ${inMb(rss)}\n`);
    },
  });
  process.stdout.write(show(report));
  return report.findings.length === 0 ? EXIT.sound : EXIT.unsound;
}

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`fuzz: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.unsound;
}
