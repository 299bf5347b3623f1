import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REQUIREMENTS } from './requirements.ts';

const TESTS = join(import.meta.dirname, '..');
/** A title of a test that runs: `it.skip` and comments do not count. */
const TITLE = /^\s*it\(\s*(?:'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`|"((?:[^"\\]|\\.)*)")/gm;
const CITED = /\[((?:V1|V03|V01)-\d+(?:, (?:V1|V03|V01)-\d+)*)\]/g;

function citedIn(source: string): string[] {
  const titles = [...source.matchAll(TITLE)].map(
    ([, single, back, double]) => single ?? back ?? double ?? '',
  );
  return titles.flatMap((title) => [...title.matchAll(CITED)].flatMap(([, ids = '']) => ids.split(', ')));
}

const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.test.ts'),
);
const cited = new Set(files.flatMap((name) => citedIn(readFileSync(join(TESTS, name), 'utf8'))));

describe('the requirements of the specifications', () => {
  it('are each tested, or say why not', () => {
    const missing = REQUIREMENTS.filter(({ id, untested }) => untested === undefined && !cited.has(id));
    expect(missing.map(({ id, says }) => `${id}: ${says}`)).to.deep.equal([]);
  });

  it('are not called untested where a test cites them', () => {
    const tested = REQUIREMENTS.filter(({ id, untested }) => untested !== undefined && cited.has(id));
    expect(tested.map(({ id }) => id)).to.deep.equal([]);
  });

  it('are there when a title cites them, each once', () => {
    const ids = REQUIREMENTS.map(({ id }) => id);
    expect([...cited].filter((id) => !ids.includes(id))).to.deep.equal([]);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it('are found in titles only, not in comments nor in tests that are skipped', () => {
    const ids = citedIn(
      "it('a [V1-1]', x);\n  it(\n    `b [V03-97, V1-2]`, y);\n// it('c [V1-3]')\nit.skip('d [V1-4]')",
    );
    expect(ids).to.deep.equal(['V1-1', 'V03-97', 'V1-2']);
  });

  it('leave no MUST of the binding untested, other than for credentials, transport and law', () => {
    const left = REQUIREMENTS.filter(({ level, untested }) => level === 'MUST' && untested !== undefined);
    expect(left.map(({ id }) => id)).to.deep.equal([
      'V1-56',
      'V1-58',
      'V1-61',
      'V1-64',
      'V1-65',
      'V1-67',
      'V1-68',
      'V1-69',
    ]);
  });
});
