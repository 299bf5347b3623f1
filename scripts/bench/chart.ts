/** Horizontal bars, drawn by hand: one group for each variant of a workload, each with a scale of its own. */
import { type Book, type Quantity, QUANTITIES } from './book.ts';
import { formatNumber } from './figures.ts';
import { WHOLE } from './names.ts';
import { type Spread, spreadOf } from './statistics.ts';
import type { Workload } from './workload.ts';

export interface Bar {
  readonly name: string;
  readonly spread: Spread;
}

export interface Group {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 860;
const NAMES_WIDTH = 300;
const FIGURES_WIDTH = 130;
const BARS_WIDTH = WIDTH - NAMES_WIDTH - FIGURES_WIDTH;
const ROW = 24;
const BAR = 14;
const TITLE = 34;
const MARGIN = 16;
const OURS = '#2563eb';
const OTHERS = '#9ca3af';
const INK = '#1f2937';

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** The store that others build shows what ours saves. */
const isOurs = (name: string): boolean => name !== WHOLE && /^Holdfast|^\d+ worker/.test(name);

/** @returns undefined when the workload has no chart, or nothing in it was measured */
export function chartOf(book: Book, { name: workload, title, chart }: Workload): string | undefined {
  if (chart === undefined) return undefined;
  const groups = book.variantsOf(workload).map((variant): Group => {
    const bars = book.contendersOf(workload, variant).flatMap((name): Bar[] => {
      const values = book.values({ workload, variant, contender: name }, chart);
      return values.length === 0 ? [] : [{ name, spread: spreadOf(values) }];
    });
    return { title: variant, bars };
  });
  const drawn = groups.filter(({ bars }) => bars.length > 0);
  return drawn.length === 0 ? undefined : drawChart(`${title}, ${QUANTITIES[chart].title}`, drawn, chart);
}

export function drawChart(title: string, groups: readonly Group[], quantity: Quantity): string {
  const { digits } = QUANTITIES[quantity];
  const parts: string[] = [];
  let y = MARGIN;
  const text = (x: number, at: number, shown: string, more = ''): void => {
    parts.push(`<text x="${x}" y="${at}" ${more}>${escaped(shown)}</text>`);
  };
  text(MARGIN, y + 14, title, 'font-weight="bold" font-size="15"');
  y += TITLE;
  for (const group of groups) {
    const most = Math.max(...group.bars.map(({ spread }) => spread.high));
    const lengthOf = (value: number): number => Math.max(1, Math.round((value / most) * BARS_WIDTH));
    text(MARGIN, y + 12, group.title, 'font-weight="bold"');
    y += ROW;
    for (const { name, spread } of group.bars) {
      const middle = y + BAR / 2;
      const [low, high] = [lengthOf(spread.low), lengthOf(spread.high)].map((length) => NAMES_WIDTH + length);
      text(NAMES_WIDTH - 8, y + 11, name, 'text-anchor="end"');
      const fill = isOurs(name) ? OURS : OTHERS;
      parts.push(
        `<rect x="${NAMES_WIDTH}" y="${y}" width="${lengthOf(spread.value)}" height="${BAR}" fill="${fill}"/>`,
        `<path d="M${low} ${middle}H${high}M${low} ${middle - 4}v8M${high} ${middle - 4}v8" stroke="${INK}" fill="none"/>`,
      );
      text((high ?? 0) + 8, y + 11, formatNumber(spread.value, digits));
      y += ROW;
    }
    y += ROW / 3;
  }
  const height = Math.round(y + MARGIN / 2);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="${INK}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}
