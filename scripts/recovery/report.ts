import type { DurationMs } from '../../protocol/units.ts';
import type { RecoveryOptions } from './recovery-options.ts';
import type { RecoveryReport } from './recovery-run.ts';

const FAULTS_MAX = 20;

export function formatReport(options: RecoveryOptions, report: RecoveryReport): string {
  const { store, sessions, seed } = options;
  const rows: readonly (readonly [string, number | string])[] = [
    ['conversations', sessions],
    ['kills', `${report.kills} + 1 before the check`],
    ['sent', report.sent],
    ['acknowledged', report.acknowledged],
    ['found', report.found],
    ['lost', report.lost],
    ['duplicated', report.duplicated],
    ['tasks expected / found', `${report.tasksExpected} / ${report.tasksFound}`],
    ['retries', report.retries],
    ['answers not stored yet', `${report.deferred}, ${report.unconfirmed} of them killed before they were`],
    [
      'start to first answer',
      `median ${ms(median(report.firstAnswers))}, max ${ms(Math.max(...report.firstAnswers))}`,
    ],
    [
      'the server warned of',
      [...report.warnings].map(([event, times]) => `${event} ${times}`).join(', ') || 'nothing',
    ],
    ['took', ms(report.tookMs)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = [
    `store ${store}, seed ${seed}`,
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    ...report.faults.slice(0, FAULTS_MAX).map(({ kind, what, detail }) => `  ${kind}: ${what}: ${detail}`),
  ];
  const more = report.faults.length - FAULTS_MAX;
  if (more > 0) lines.push(`  and ${more} more`);
  lines.push(
    report.faults.length === 0 ? 'nothing lost, nothing doubled' : `FAILED: ${report.faults.length} faults`,
  );
  return lines.join('\n');
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

const ms = (span: DurationMs): string =>
  span < 10_000 ? `${Math.round(span)} ms` : `${(span / 1000).toFixed(1)} s`;
