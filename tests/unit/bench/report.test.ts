import { expect } from 'chai';
import { Book } from '../../../scripts/bench/book.ts';
import { chartOf, drawChart } from '../../../scripts/bench/chart.ts';
import { type About, formatDocument } from '../../../scripts/bench/document.ts';
import type { Goal } from '../../../scripts/bench/goals.ts';
import { judge } from '../../../scripts/bench/goals.ts';
import { parseOptions } from '../../../scripts/bench/options.ts';
import { tablesOf, toMarkdown, toText } from '../../../scripts/bench/tables.ts';
import type { Workload } from '../../../scripts/bench/workload.ts';
import { WORKLOADS } from '../../../scripts/bench/workloads.ts';
import { UsageError } from '../../../scripts/usage.ts';

const WORK: Workload = {
  name: 'work',
  title: 'Some work',
  note: 'It is done.',
  base: 'them',
  contenders: ['us', 'them'],
  chart: 'rate',
  run: () => Promise.resolve(),
};

function measured(): Book {
  const book = new Book();
  for (const [contender, rates] of Object.entries({ us: [2_000, 3_000, 2_500], them: [1_000, 1_000, 1_000] }))
    for (const rate of rates) book.add({ workload: 'work', variant: 'small', contender }, 'rate', rate);
  book.add({ workload: 'work', variant: 'small', contender: 'us' }, 'cpu', 12.34);
  return book;
}

const ABOUT: About = {
  date: '2026-11-21',
  machine: '2 × CPU',
  pinning: 'nothing is pinned',
  redis: '7.0.15',
  load: 'wrk',
  versions: 'express 5.3.0',
  minutes: 12.4,
  scale: 1,
};

describe('the report of the bench', () => {
  it('has a table for each variant: medians, how far apart the rounds were, and the ratio', () => {
    const [table, ...others] = tablesOf(measured(), WORK);
    expect(others).to.deep.equal([]);
    expect(table).to.deep.equal({
      title: 'small',
      head: ['server', 'per second', 'CPU µs each', '÷ them'],
      rows: [
        ['us', '2,500 (2,000 – 3,000)', '12.3', '2.5 (2 – 3)'],
        ['them', '1,000', '', '1'],
      ],
    });
  });

  it('compares with nobody when that one was not measured', () => {
    const [table] = tablesOf(measured(), { ...WORK, base: 'nobody' });
    expect(table?.head).to.deep.equal(['server', 'per second', 'CPU µs each']);
  });

  it('is text and Markdown', () => {
    const table = { title: 'T', head: ['a', 'b'], rows: [['`x`', '1']] };
    expect(toMarkdown(table)).to.equal('| a | b |\n| --- | ---: |\n| `x` | 1 |');
    expect(toText(table)).to.equal('T\n  a  b\n  x  1');
  });

  it('says plainly what was missed, and what was not measured', () => {
    const goal = (title: string, value: number | undefined): Goal => ({
      title,
      bound: { atLeast: 2 },
      of: () => (value === undefined ? undefined : { value, low: value, high: value }),
    });
    const verdicts = judge(new Book(), [goal('good', 2), goal('bad', 1.99), goal('absent', undefined)]);
    const text = formatDocument(measured(), [WORK], verdicts, ABOUT);
    expect(text).to.contain('| good | ≥ 2 | 2 | yes |');
    expect(text).to.contain('| bad | ≥ 2 | 1.99 | **no** |');
    expect(text).to.contain('| absent | ≥ 2 | not measured | – |');
    expect(text).to.contain(
      'Missed in this run, see [where the time goes](performance.md):\n\n- bad: 1.99, and should be ≥ 2\n\n## Some work',
    );
    expect(text).to.contain('![Some work](benchmarks/work.svg)');
    expect(text).to.not.contain('A trial');
    expect(formatDocument(measured(), [WORK], verdicts, { ...ABOUT, scale: 0.2 })).to.contain(
      'A trial at 0.2',
    );
  });

  it('tells why a workload was not measured', () => {
    const book = new Book();
    book.missing.set('work', 'this version has none');
    const text = formatDocument(book, [WORK], [], ABOUT);
    expect(text).to.contain('Not measured: this version has none.');
    expect(text).to.not.contain('.svg');
  });
});

describe('a chart of the bench', () => {
  const widths = (svg: string): number[] =>
    [...svg.matchAll(/<rect x="\d+" y="[\d.]+" width="(\d+)"/g)].map(([, width]) => Number(width));

  it('draws bars as long as their medians are large, within its width', () => {
    const svg = chartOf(measured(), WORK) ?? '';
    const [us = 0, them = 0, ...others] = widths(svg);
    expect(others).to.deep.equal([]);
    expect(us / them).to.be.closeTo(2.5, 0.02);
    expect(us).to.be.below(430);
    expect(svg).to.contain('>2,500</text>');
  });

  it('gives each variant a scale of its own', () => {
    const bar = (value: number) => [{ name: 'us', spread: { value, low: value, high: value } }];
    const groups = [
      { title: 'a', bars: bar(1) },
      { title: 'b', bars: bar(1_000) },
    ];
    const [first, second] = widths(drawChart('t', groups, 'rate'));
    expect(first).to.equal(second);
  });

  it('escapes what it is told', () => {
    const spread = { value: 1, low: 1, high: 1 };
    const svg = drawChart('a < b & "c"', [{ title: 'x', bars: [{ name: '<us>', spread }] }], 'ms');
    expect(svg).to.contain('a &lt; b &amp; &quot;c&quot;').and.to.contain('&lt;us&gt;');
    expect(svg).to.not.contain('<us>');
  });

  it('is not drawn of nothing', () => {
    expect(chartOf(new Book(), WORK)).to.equal(undefined);
  });
});

describe('the arguments of the bench', () => {
  const NAMES = WORKLOADS.map(({ name }) => name);

  it('write the page only of a whole run', () => {
    const isWritten = (...args: string[]) => parseOptions(args, NAMES)?.isWritten;
    expect(isWritten()).to.equal(true);
    for (const args of [['--quick'], ['--only', 'send'], ['--scale', '0.5']])
      expect(isWritten(...args), args.join(' ')).to.equal(false);
    expect(isWritten('--scale', '0.5', '--write')).to.equal(true);
  });

  for (const [args, message] of [
    [['--only', 'sleep'], '--only: there is no workload sleep; try --list'],
    [['--scale', '2'], '--scale must be a number from 0.05 to 1, got 2'],
    [['--scale', 'much'], '--scale must be a number from 0.05 to 1, got much'],
  ] as const) {
    it(`are refused: ${args.join(' ')}`, () => {
      expect(() => parseOptions(args, NAMES)).to.throw(UsageError, message);
    });
  }

  it('have workloads of different names, some of which are quick', () => {
    expect(new Set(NAMES).size).to.equal(NAMES.length);
    const quick = WORKLOADS.filter(({ quickContenders }) => quickContenders !== undefined);
    expect(quick.map(({ name }) => name)).to.deep.equal(['send', 'costs']);
  });
});
