/** docs/evidence.md: the last full run, where it was made, and how to repeat it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import type { DurationMs } from '../../protocol/units.ts';
import { formatMeasure, formatMs, HEAD, isFailure, isSound, type Result, toRow } from './report.ts';

const FILE = join(import.meta.dirname, '..', '..', 'docs', 'evidence.md');
/** What stands below it is kept: other runs write it. */
export const REST = '<!-- below: kept when the run above is written anew -->';
const GIB = 2 ** 30;

function redisVersion(): string {
  try {
    return (
      /v=([\d.]+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown'
    );
  } catch {
    return 'unknown';
  }
}

function machine(): string[] {
  const [cpu] = cpus();
  const kernel = /^\d+\.\d+/.exec(release())?.[0] ?? '';
  const { version } = JSON.parse(
    readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'),
  ) as { version: string };
  return [
    `- date: ${new Date().toISOString().slice(0, 10)}`,
    `- machine: ${cpus().length} cores of ${cpu?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / GIB)} GiB, ${type()} ${kernel}`,
    `- versions: Holdfast ${version}, Node ${process.versions.node}, Redis ${redisVersion()}`,
  ];
}

const cells = (row: readonly string[]): string => `| ${row.join(' | ')} |`;

function rest(): string {
  try {
    return readFileSync(FILE, 'utf8').split(REST)[1] ?? '\n';
  } catch {
    return '\n';
  }
}

export function toDocument(results: readonly Result[], tookMs: DurationMs, about: readonly string[]): string {
  const excepted = results.filter(({ scenario }) => scenario.excepted !== undefined);
  const measured = results.flatMap((result) =>
    isFailure(result)
      ? []
      : result.measures.map((each) => `- \`${result.scenario.name}\`: ${formatMeasure(each)}`),
  );
  const unsound = results.filter((result) => !isSound(result)).map(({ scenario }) => `\`${scenario.name}\``);
  return [
    ...['# Evidence', '', INTRODUCTION, '', ...about],
    ...[`- the run: ${results.length} scenarios in ${formatMs(tookMs)}`, ''],
    ...[unsound.length === 0 ? 'Every scenario holds.' : `Does not hold: ${unsound.join(', ')}.`, ''],
    ...[
      cells(HEAD),
      cells(HEAD.map((_, n) => (n === 0 ? '---' : '---:'))),
      ...results.map((each) => cells(toRow(each))),
      '',
    ],
    ...[
      '## The scenarios',
      '',
      ...results.map(({ scenario }) => `- \`${scenario.name}\`: ${scenario.title}`),
      '',
    ],
    ...['## Measured besides', '', ...measured, ''],
    ...['## What is excepted', '', EXCEPTED],
    ...excepted.map(({ scenario }) => `- \`${scenario.name}\`: ${scenario.excepted?.why ?? ''}`),
    ...['', COLUMNS, ''],
  ].join('\n');
}

const INTRODUCTION = `What \`npm run evidence\` found: real servers and real stores on loopback, a fault, and clients that talk all the while in
three generations of A2A, with blocking sends, streams that are resumed by their cursor, reads, lists and cancels, over
several instances. Every attempt of every client is recorded. Afterwards a checker holds that history against the
journals in the store and against what every instance says then. It looks for messages that are lost or there twice,
messages with two tasks, another order than the one that was acknowledged, ended tasks that move, tasks that come back,
cursors that go back, events that are missing or come twice, lives that were extended, views that differ, and answers
that are late or not documented. [Its own tests](../tests/recovery/evidence-checker.test.ts) plant each of these.

\`\`\`console
$ npm run evidence                          # all of it; writes this page
$ npm run evidence -- --quick               # shorter faults, under 3 minutes
$ npm run evidence -- --list
$ npm run evidence -- --only redis-killed --seed 7
\`\`\``;

const EXCEPTED = `Everywhere: an answer with \`A2A-Persistence: deferred\` says that only its instance has the message. When that
instance is killed before the store is back, and without \`A2A_OUTAGE_JOURNAL_DIR\`, the message goes with it. Such answers are counted and
not taken for lost. Servers run with \`A2A_IDEMPOTENCY=strict\`, because clients here wait 2.5 s and then go elsewhere with the same
message: by default an answer that was handed to the network counts as delivered, also when its client had just gone, and
the repeat is a message of its own. What an instance that was paused or taken for dead says from memory when it wakes is
deferred, too: when its task was settled by another instance meanwhile, it stands in the journal as refused, the message
of a user in it included. A repeat of a 0.1 send that an instance cut off from the store could not store in time waits elsewhere
for that instance to be back. Besides:
`;

const COLUMNS = `\`slowest\` and \`over 600 ms\` are of requests that wait for no agent, at instances that were not killed, paused or
stopping; \`refused\` had the advice to try again, and were tried again. \`recovered in\` is from the end of a fault until
every instance was ready with nothing waiting for the store, for the slowest of the scenario's faults.`;

export function writeDocument(results: readonly Result[], tookMs: DurationMs): void {
  writeFileSync(FILE, `${toDocument(results, tookMs, machine())}\n${REST}${rest()}`);
}
