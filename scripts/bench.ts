/**
 * How fast it is beside what it is compared with, in one run: see `npm run bench -- --help`.
 *
 * - bench/workloads/ what is measured, one file each; bench/workloads.ts lists them, bench/names.ts names them
 * - bench/goals.ts what has to hold
 * - bench/contenders.ts who is measured and how each is started; bench/contenders/ their programs; bench/install.ts their
 *   packages
 * - bench/rig.ts what a workload stands on; bench/rounds.ts the order in which contenders are asked; bench/load*.ts the
 *   load, bench/client.ts single requests, bench/redis-cost.ts what Redis counts, bench/machine.ts cores and CPU time
 * - bench/book.ts what was measured; bench/statistics.ts what it comes to; bench/tables.ts, chart.ts, document.ts how it
 *   is shown
 */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startRedis } from '../tests/helpers/redis.ts';
import { Book } from './bench/book.ts';
import { packagesFor } from './bench/contenders.ts';
import { writeDocument } from './bench/document.ts';
import { judge, type Verdict } from './bench/goals.ts';
import { comparedVersions, install } from './bench/install.ts';
import { hasWrk } from './bench/load.ts';
import { Machine } from './bench/machine.ts';
import { type BenchOptions, parseOptions, USAGE } from './bench/options.ts';
import { Rig } from './bench/rig.ts';
import { tablesOf, toText, verdictTable } from './bench/tables.ts';
import { NotAvailableError, type Workload } from './bench/workload.ts';
import { WORKLOADS } from './bench/workloads.ts';
import { UsageError } from './usage.ts';

const EXIT = { measured: 0, failed: 1, usage: 2, interrupted: 130 } as const;
const DOCS = join(import.meta.dirname, '../docs');

const began = performance.now();
const sinceBegan = (): number => (performance.now() - began) / 1_000;

function say(line: string): void {
  process.stderr.write(`${sinceBegan().toFixed(0).padStart(4)} s  ${line}\n`);
}

function readArguments(): BenchOptions | undefined {
  try {
    return parseOptions(
      process.argv.slice(2),
      WORKLOADS.map(({ name }) => name),
    );
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`bench: ${error.message}\n`);
    process.exit(EXIT.usage);
  }
}

/** What has been started ends with this process: each part watches for its exit. */
function endOnSignals(): void {
  const end = (): never => process.exit(EXIT.interrupted);
  process.setMaxListeners(0);
  process.on('SIGINT', end).on('SIGTERM', end).on('SIGHUP', end);
}

function chosenBy({ only, isQuick }: BenchOptions): readonly Workload[] {
  return WORKLOADS.filter(
    ({ name, quickContenders }) =>
      (only.length === 0 || only.includes(name)) && (!isQuick || quickContenders !== undefined),
  );
}

/** One that fails does not take with it what the others have measured. */
async function measure(
  workloads: readonly Workload[],
  options: BenchOptions,
  machine: Machine,
): Promise<{ book: Book; faults: string[] }> {
  const book = new Book();
  const faults: string[] = [];
  for (const workload of workloads) {
    const rig = new Rig({ ...options, book, machine, say });
    try {
      await workload.run(rig);
    } catch (error) {
      const why = inOneLine(error);
      say(`${workload.name}: not measured, ${why}`);
      book.missing.set(workload.name, why);
      if (!(error instanceof NotAvailableError)) faults.push(`${workload.name}: ${why}`);
    } finally {
      await rig.close();
    }
  }
  return { book, faults };
}

/** What a program of ours wrote when it failed is long: the line that says why. */
function inOneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return /^\w*Error: .*$/m.exec(text)?.[0] ?? text.split('\n', 1)[0] ?? '';
}

async function redisVersion(): Promise<string> {
  const server = await startRedis();
  const client = new Redis(server.path);
  const info = await client.info('server');
  client.disconnect();
  await server.stop();
  return /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
}

function verdictsOf(book: Book, { only, isQuick }: BenchOptions): Verdict[] {
  const verdicts = judge(book);
  // A part of the run says nothing of what it did not look at.
  return isQuick || only.length > 0 ? verdicts.filter(({ measured }) => measured !== undefined) : verdicts;
}

async function run(options: BenchOptions): Promise<number> {
  const workloads = chosenBy(options);
  const wanted = workloads.flatMap(({ contenders, quickContenders = [] }) =>
    options.isQuick ? quickContenders : contenders,
  );
  install([...packagesFor(wanted, options.isQuick), ...(hasWrk ? [] : (['autocannon'] as const))], say);
  const machine = new Machine();
  machine.leaveServerAlone();
  const load = hasWrk ? 'wrk' : 'autocannon';
  const redis = await redisVersion();
  say(`${machine.description}, Redis ${redis}, ${load}; ${machine.pinning}`);
  const { book, faults } = await measure(workloads, options, machine);
  const verdicts = verdictsOf(book, options);
  const tables = workloads.flatMap((workload) =>
    tablesOf(book, workload).map((table) => ({ ...table, title: `${workload.title}: ${table.title}` })),
  );
  for (const table of [...tables, verdictTable(verdicts)]) process.stdout.write(`\n${toText(table)}\n`);
  const minutes = sinceBegan() / 60;
  // Half a run does not take the place of a whole one.
  if (options.isWritten && faults.length === 0) {
    const { description, pinning } = machine;
    const date = new Date().toISOString().slice(0, 10);
    const versions = comparedVersions();
    const about = {
      date,
      machine: description,
      pinning,
      redis,
      load,
      versions,
      minutes,
      scale: options.scale,
    };
    writeDocument(DOCS, book, workloads, judge(book), about);
  }
  say(`done in ${minutes.toFixed(1)} minutes`);
  const missed = verdicts.filter(({ isMet, isQuickFault }) =>
    options.isCheck ? isMet === false : options.isQuick && isQuickFault,
  );
  const failed = [...faults, ...missed.map(({ goal }) => goal.title)];
  for (const what of failed) process.stdout.write(`FAILED: ${what}\n`);
  return failed.length === 0 ? EXIT.measured : EXIT.failed;
}

const options = readArguments();
if (options === undefined) process.stdout.write(USAGE);
else if (options.isList) {
  for (const { name, title } of WORKLOADS) process.stdout.write(`${name.padEnd(10)} ${title}\n`);
} else {
  endOnSignals();
  const code = await run(options);
  // Whatever was started watches for this exit.
  process.stdout.write('', () => process.exit(code));
}
