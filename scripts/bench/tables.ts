import { type Book, type Quantity, QUANTITIES } from './book.ts';
import { formatBound, formatRounds, formatSpread } from './figures.ts';
import type { Verdict } from './goals.ts';
import { ratioOf } from './statistics.ts';
import type { Workload } from './workload.ts';

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What the contenders of a variant are compared by: the first of these that was measured. */
const COMPARED: readonly Quantity[] = ['rate', 'ms', 'bytes', 'factor', 'kilobytes'];

/** One for each variant of a workload. */
export function tablesOf(book: Book, { name: workload, base }: Workload): Table[] {
  return book.variantsOf(workload).map((variant) => {
    const quantities = book.quantitiesOf(workload, variant);
    const contenders = book.contendersOf(workload, variant);
    const main = COMPARED.find((quantity) => quantities.includes(quantity));
    const under = base !== undefined && contenders.includes(base) && contenders.length > 1 ? base : undefined;
    const values = (contender: string, quantity: Quantity): readonly number[] =>
      book.values({ workload, variant, contender }, quantity);
    const ratio = (contender: string): string => {
      if (under === undefined || main === undefined) return '';
      const found = ratioOf(values(contender, main), values(under, main));
      return found === undefined ? '' : formatSpread(found);
    };
    return {
      title: variant,
      head: [
        'server',
        ...quantities.map((quantity) => QUANTITIES[quantity].title),
        ...(under === undefined ? [] : [`÷ ${under}`]),
      ],
      rows: contenders.map((contender) => [
        contender,
        ...quantities.map((quantity) =>
          formatRounds(values(contender, quantity), quantity, quantity === main),
        ),
        ...(under === undefined ? [] : [ratio(contender)]),
      ]),
    };
  });
}

const MARKS = { met: 'yes', missed: '**no**', absent: '–' } as const;

export function verdictTable(verdicts: readonly Verdict[]): Table {
  return {
    title: 'Goals',
    head: ['what', 'goal', 'measured', 'met'],
    rows: verdicts.map(({ goal, measured, isMet }) => [
      goal.title,
      formatBound(goal.bound),
      measured === undefined ? 'not measured' : formatSpread(measured),
      isMet === undefined ? MARKS.absent : isMet ? MARKS.met : MARKS.missed,
    ]),
  };
}

export function toMarkdown({ head, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** For a terminal. */
export function toText({ title, head, rows }: Table): string {
  const plain = [head, ...rows].map((cells) => cells.map((cell) => cell.replaceAll(/[`*]/g, '')));
  const widths = head.map((_, i) => Math.max(...plain.map((cells) => cells[i]?.length ?? 0)));
  const lines = plain.map((cells) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  '),
  );
  return [title, ...lines.map((line) => `  ${line}`)].join('\n');
}
