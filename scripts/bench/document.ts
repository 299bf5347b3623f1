import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Book } from './book.ts';
import { chartOf } from './chart.ts';
import { formatBound, formatRatio } from './figures.ts';
import type { Verdict } from './goals.ts';
import { tablesOf, toMarkdown, verdictTable } from './tables.ts';
import type { Workload } from './workload.ts';

/** Of the run, as a reader has to know it to repeat it. */
export interface About {
  /** ISO, the day alone. */
  readonly date: string;
  readonly machine: string;
  readonly pinning: string;
  readonly redis: string;
  readonly load: string;
  /** Of what it is compared with. */
  readonly versions: string;
  readonly minutes: number;
  readonly scale: number;
}

const CHARTS = 'benchmarks';

function introduction({ date, machine, pinning, redis, load, versions, minutes, scale }: About): string {
  const trial =
    scale === 1 ? '' : ` **A trial at ${scale} of the full length: the figures are too short to rely on.**`;
  return [
    '# Benchmarks',
    '',
    `Written by \`npm run bench\` on ${date}, in ${minutes.toFixed(1)} minutes, on ${machine}, Redis ${redis}.${trial}`,
    '',
    `Each server runs in a process of its own and is driven from another one by ${load}; ${pinning}. All contenders are ` +
      'warmed up alike and then asked in turn, round by round, so that what the machine does meanwhile happens to all of ' +
      'them. Figures are medians of the rounds, in brackets the least and the greatest. A ratio is that of the medians, ' +
      'in brackets the least and the greatest of one round. Ratios hold from run to run; absolute figures belong to the ' +
      'machine. Every answer is looked at: one wrong answer fails the run.',
    '',
    'What Holdfast is compared with is written as its documentation tells a user to write it, and does the same work: ' +
      'one agent that echoes a text, or streams chunks. It is in `scripts/bench/contenders` and ' +
      `\`scripts/bench/echo-server.mjs\`: ${versions}.`,
  ].join('\n');
}

function missedIn(verdicts: readonly Verdict[]): string {
  const missed = verdicts.filter(({ isMet }) => isMet === false);
  if (missed.length === 0) return 'No goal was missed of those that were measured.';
  const lines = missed.map(({ goal, measured }) => {
    const value = measured === undefined ? '' : formatRatio(measured.value);
    return `- ${goal.title}: ${value}, and should be ${formatBound(goal.bound)}`;
  });
  return `Missed in this run, see [where the time goes](performance.md):\n\n${lines.join('\n')}`;
}

function sectionOf(book: Book, workload: Workload): string {
  const { name, title, note } = workload;
  const missing = book.missing.get(name);
  const chart = chartOf(book, workload);
  return [
    `## ${title}`,
    note,
    ...(missing === undefined ? [] : [`Not measured: ${missing}.`]),
    ...(chart === undefined ? [] : [`![${title}](${CHARTS}/${name}.svg)`]),
    ...tablesOf(book, workload).map((table) => `### ${title}: ${table.title}\n\n${toMarkdown(table)}`),
  ].join('\n\n');
}

export function formatDocument(
  book: Book,
  workloads: readonly Workload[],
  verdicts: readonly Verdict[],
  about: About,
): string {
  const goals = ['## Goals', toMarkdown(verdictTable(verdicts)), missedIn(verdicts)].join('\n\n');
  const sections = workloads.map((workload) => sectionOf(book, workload));
  return `${[introduction(about), goals, ...sections].join('\n\n')}\n`;
}

/** @param folder docs/ */
export function writeDocument(
  folder: string,
  book: Book,
  workloads: readonly Workload[],
  verdicts: readonly Verdict[],
  about: About,
): void {
  mkdirSync(join(folder, CHARTS), { recursive: true });
  for (const workload of workloads) {
    const chart = chartOf(book, workload);
    if (chart !== undefined) writeFileSync(join(folder, CHARTS, `${workload.name}.svg`), chart);
  }
  writeFileSync(join(folder, 'benchmarks.md'), formatDocument(book, workloads, verdicts, about));
}
