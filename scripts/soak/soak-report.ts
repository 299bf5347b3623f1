import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { REST } from '../evidence/document.ts';
import type { SoakReport } from './soak-run.ts';
import { heapMax, inMb, leftKeys, type Rest } from './soak-verdict.ts';

type Row = readonly [name: string, value: string];

const handlesOf = ({ holdings }: Rest): string =>
  Object.entries(holdings.handles)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', ') || 'none';

const listOf = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([name, count]) => `${name} ${count}`).join(', ') || 'nothing';

function rowsOf(report: SoakReport): Row[] {
  const { options, before, after, operations } = report;
  const all = [...operations.values()].reduce((sum, count) => sum + count, 0);
  const both = (show: (rest: Rest) => string): string => `${show(before)} → ${show(after)}`;
  return [
    ['load', `${options.minutes} minutes, ${options.sessions} sessions at a time, coming and going`],
    ['peak', `${Math.round(report.peakPerSecond)} operations/s`],
    ['rate', `${Math.round(report.perSecond)} operations/s, ${report.leftOut} left out`],
    ['operations', `${all}, ${report.failed} failed, ${report.refused} told to come again`],
    ['of these', listOf(operations)],
    ['webhooks received', String(report.webhooks)],
    ['sessions dropped from memory / loaded again', `${report.evictions} / ${report.rehydrations}`],
    ['most keys in Redis', String(report.keysMax)],
    ['heap', `${both(({ holdings }) => inMb(holdings.heapUsed))}, bound ${inMb(heapMax(before))}`],
    ['sessions in memory', both((rest) => String(rest.cached))],
    ['external', both(({ holdings }) => inMb(holdings.external))],
    ['resident', both(({ holdings }) => inMb(holdings.rss))],
    ['handles', both(handlesOf)],
    ['keys of sessions in Redis', both((rest) => String(leftKeys(rest).length))],
    ['busy with', after.business.join(', ') || 'nothing'],
    ['the server warned of', listOf(report.warnings)],
  ];
}

const verdictOf = ({ faults }: SoakReport): string =>
  faults.length === 0 ? 'everything is back where it was' : `FAILED: ${faults.join('; ')}`;

export function formatSoak(report: SoakReport): string {
  const rows = rowsOf(report);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`), verdictOf(report)].join('\n');
}

const BEGIN = '<!-- soak -->';
const END = '<!-- /soak -->';

/** The same for docs/evidence.md. @param date ISO */
export function soakSection(report: SoakReport, date: string): string {
  const machine = `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
  return [
    BEGIN,
    '## Soak',
    '',
    `\`npm run soak\`, ${date}, on ${machine}: ${verdictOf(report)}. Before and after are looks at a server that nobody asks anything, every session expired, after two forced collections.`,
    '',
    '| what | measured |',
    '| --- | --- |',
    ...rowsOf(report).map(([name, value]) => `| ${name} | ${value} |`),
    END,
  ].join('\n');
}

/** Takes the place of the section that is there, or comes last, where a run of the scenarios leaves it alone. */
export function withSection(text: string, section: string): string {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) {
    const kept = text.includes(REST) ? [] : [REST];
    return `${[text.trimEnd(), ...kept, section].join('\n\n')}\n`;
  }
  return text.slice(0, from) + section + text.slice(to + END.length);
}

export function writeSoak(path: string, report: SoakReport): void {
  const section = soakSection(report, new Date().toISOString().slice(0, 10));
  writeFileSync(path, withSection(readOr(path, '# Evidence'), section));
}

function readOr(path: string, instead: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return instead;
    throw error;
  }
}
