/** The outcome of all scenarios as people read it. */
import type { DurationMs } from '../../protocol/units.ts';
import type { Outcome } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import type { Measure } from './world.ts';

/** A scenario that could not be run to its end. */
export interface Failure {
  readonly scenario: Scenario;
  readonly error: string;
}

export type Result = Outcome | Failure;
export const isFailure = (result: Result): result is Failure => 'error' in result;
export const isSound = (result: Result): boolean => !isFailure(result) && result.violations.length === 0;

export const HEAD = [
  ...['scenario', 'conversations', 'acknowledged', 'deferred', 'lost', 'duplicated', 'violations'],
  ...['slowest', 'over 600 ms', 'refused', 'recovered in'],
] as const;

/** The cells of a scenario, in the order of {@link HEAD}. */
export function toRow(result: Result): string[] {
  const { name } = result.scenario;
  if (isFailure(result)) return [name, ...HEAD.slice(1, -1).map(() => '–'), 'did not end'];
  const { verdict, conversations, violations, recoveredMs } = result;
  const numbers = [
    ...[conversations, verdict.acknowledged, verdict.deferred, verdict.lost, verdict.duplicated],
    violations.length,
  ];
  return [
    ...[
      name,
      ...numbers.map(String),
      formatMs(verdict.slowestMs),
      String(verdict.over600),
      String(verdict.refused),
    ],
    recoveredMs === undefined ? '–' : formatMs(recoveredMs),
  ];
}

export const formatMs = (span: DurationMs): string =>
  span < 10_000 ? `${Math.round(span)} ms` : `${(span / 1_000).toFixed(1)} s`;

export const formatMeasure = ({ name, value, unit, limit }: Measure): string => {
  const most = limit === undefined ? '' : ` (at most ${formatMs(limit)})`;
  return `${name}: ${unit === 'ms' ? formatMs(value) : String(value)}${most}`;
};

const DETAILS_MAX = 8;

export function formatTable(results: readonly Result[]): string {
  const rows = [[...HEAD], ...results.map(toRow)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

/** What was measured, what was excepted, and what is wrong. */
export function formatDetails(results: readonly Result[]): string {
  return results
    .flatMap((result) => [...lines(result)].map((line) => `${result.scenario.name}: ${line}`))
    .join('\n');
}

function* lines(result: Result): Generator<string> {
  if (isFailure(result)) {
    yield `FAILED: ${result.error}`;
    return;
  }
  const { verdict, violations, measures, remarks } = result;
  for (const measure of measures) yield formatMeasure(measure);
  yield* remarks;
  if (verdict.unconfirmed > 0)
    yield `${verdict.unconfirmed} answered as deferred went with their killed process`;
  if (verdict.excepted > 0) yield `${verdict.excepted} excepted: ${result.scenario.excepted?.why ?? ''}`;
  if (verdict.refusedRecords > 0) yield `${verdict.refusedRecords} records stand as refused`;
  const kinds = new Map<string, number>();
  for (const { kind, what, detail } of violations) {
    const nth = (kinds.get(kind) ?? 0) + 1;
    kinds.set(kind, nth);
    if (nth <= DETAILS_MAX) yield `VIOLATION ${kind}: ${what}: ${detail}`;
  }
  for (const [kind, count] of kinds) if (count > DETAILS_MAX) yield `VIOLATION ${kind}: ${count} in all`;
  if (violations.length > 0 && result.warnings.size > 0) {
    yield `the clients stood still for ${formatMs(result.stallMs)} at worst`;
    yield `the servers warned of ${[...result.warnings].map(([event, times]) => `${event} ${times}`).join(', ')}`;
  }
}

export function formatSummary(results: readonly Result[], tookMs: DurationMs): string {
  const outcomes = results.filter((result) => !isFailure(result)) as Outcome[];
  const total = (of: (outcome: Outcome) => number): number =>
    outcomes.reduce((sum, each) => sum + of(each), 0);
  const unsound = results.filter((result) => !isSound(result)).length;
  const numbers = `${total(({ verdict }) => verdict.acknowledged)} acknowledged, ${total(({ verdict }) => verdict.lost)} lost, ${total(({ verdict }) => verdict.duplicated)} duplicated`;
  const end = unsound === 0 ? 'every scenario holds' : `FAILED: ${unsound} of ${results.length} scenarios`;
  return `${results.length} scenarios in ${formatMs(tookMs)}: ${numbers}; ${end}`;
}
