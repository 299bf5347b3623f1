/** Holds the runbook and its rehearsal to each other: what the page says is typed by a procedure, and each has its place. */
import { expect } from 'chai';
import ts from 'typescript';
import { LOG_EVENTS } from '../../server/observability/log-events.ts';
import { readPage, type Section, sectionsOf } from '../../scripts/rehearsal/page.ts';
import { type ProcedureFile, procedureFiles } from '../../scripts/rehearsal/procedure.ts';
import { SETUP } from '../../scripts/rehearsal/run-all.ts';

/** Methods of a rehearsal that type a command, given its beginning. */
const TYPING = new Set(['command', 'failing', 'until']);
const START = 'Where to begin';

interface Reading {
  readonly heading: string | undefined;
  readonly beginnings: readonly string[];
}

/** What a procedure says about the page, without running it. */
function readingOf(source: string): Reading {
  const beginnings: string[] = [];
  let heading: string | undefined;
  const textOf = (node: ts.Node | undefined): string | undefined =>
    node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const beginning = textOf(node.arguments[0]);
      if (TYPING.has(node.expression.name.text) && beginning !== undefined) beginnings.push(beginning);
    }
    if (ts.isVariableDeclaration(node) && node.name.getText() === 'heading')
      heading = textOf(node.initializer);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('file.ts', source, ts.ScriptTarget.ES2023, true));
  return { heading, beginnings };
}

function findFaults(sections: readonly Section[], files: readonly ProcedureFile[]): string[] {
  const modules = files.filter(({ isModule }) => isModule);
  const readings = new Map(modules.map(({ name, source }) => [name, readingOf(source)]));
  return [
    ...modules.flatMap(({ name }) => procedureFaults(name, readings.get(name)!, sections)),
    ...sections.flatMap((section) => sectionFaults(section, [...readings.values()])),
    ...startFaults(sections, readings),
  ];
}

function procedureFaults(
  name: string,
  { heading, beginnings }: Reading,
  sections: readonly Section[],
): string[] {
  const section = sections.find((one) => one.heading === heading);
  if (section === undefined) return [`${name}: the page has no section ${heading ?? 'without a name'}`];
  return beginnings.flatMap((beginning) => {
    const found = new Set(
      section.commands.map(({ text }) => text).filter((text) => text.startsWith(beginning)),
    );
    return found.size === 1 ? [] : [`${name}: ${found.size} commands begin with ${beginning}`];
  });
}

function sectionFaults({ heading, commands }: Section, readings: readonly Reading[]): string[] {
  if (heading === SETUP) return [];
  const mine = readings.filter((reading) => reading.heading === heading);
  if (mine.length > 1) return [`${heading}: ${mine.length} procedures`];
  const beginnings = mine[0]?.beginnings ?? [];
  return commands
    .filter(({ text, excuse }) => excuse === undefined && !beginnings.some((one) => text.startsWith(one)))
    .map(({ text }) => `${heading}: nobody types ${text.split('\n', 1)[0] ?? ''}`);
}

/** The tables at the top name each procedure once, beside a link to its section. */
function startFaults(sections: readonly Section[], readings: ReadonlyMap<string, Reading>): string[] {
  const rows = (sections.find(({ heading }) => heading === START)?.text ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| what you'))
    .map((line) => line.split(' | '));
  const links = rows.map((cells) =>
    [...(cells[1] ?? '').matchAll(/\]\(#([a-z0-9-]+)\)/g)].map(([, to = '']) => to),
  );
  const names = rows.map((cells) =>
    [...(cells[2] ?? '').matchAll(/`([a-z-]+)`/g)].map(([, name = '']) => name),
  );
  const named = names.flat();
  const faults = named.filter((name) => !readings.has(name)).map((name) => `${START}: no procedure ${name}`);
  for (const [name, { heading = '' }] of readings) {
    const at = names.findIndex((cell) => cell.includes(name));
    const anchor = heading
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-');
    if (at === -1) faults.push(`${START}: ${name} is missing`);
    // A section of its own beside the one that the row links to, such as that of the other store.
    else if (!(links[at] ?? []).some((link) => anchor.startsWith(link)))
      faults.push(`${START}: ${name} is at ${anchor}`);
  }
  return faults;
}

describe('the runbook', () => {
  const [sections, files] = [sectionsOf(readPage()), procedureFiles()];

  it('has a procedure for every command, and a section for every procedure', () => {
    expect(files.length).to.be.above(25);
    expect(sections.flatMap(({ commands }) => commands).length).to.be.above(100);
    expect(findFaults(sections, files)).to.deep.equal([]);
  });

  it('says why where a command is not rehearsed, and seldom does', () => {
    const excused = sections.flatMap(({ commands }) => commands).filter(({ excuse }) => excuse !== undefined);
    expect(excused.map(({ text }) => text.split(' ', 2).join(' '))).to.deep.equal([
      'npm install',
      'npm install',
    ]);
    for (const { excuse = '' } of excused) expect(excuse.length).to.be.above(20);
  });

  it('has its quick rehearsal without three procedures, which say why', () => {
    const leftOut = files.filter(({ notQuick }) => notQuick !== undefined);
    expect(leftOut.map(({ name }) => name)).to.deep.equal(['container', 'observe', 'verify-recovery']);
    for (const { notQuick = '' } of leftOut) expect(notQuick.length).to.be.above(20);
  });

  it('has every section that a log event sends to', () => {
    const actions = Object.values(LOG_EVENTS).map(({ action }) => action);
    const named = actions.flatMap((action) => [...action.matchAll(/"([^"]+)" in the runbook/g)]);
    const headings = sections.map(({ heading }) => heading);
    expect(named.length).to.be.above(5);
    for (const [, heading = ''] of named) expect(headings).to.include(heading);
  });

  describe('held to its rehearsal by a check that finds', () => {
    const faultsOf = (
      page: string,
      source = "export const heading = 'A';\nexport async function rehearse() { await at.command('one'); }",
    ): string[] => findFaults(sectionsOf(page), [{ name: 'a', path: 'a.ts', source, isModule: true }]);
    const start = '## Where to begin\n\n| x | [A](#a) | `a` |\n\n';
    const block = (...lines: string[]): string => ['```console', ...lines, '```', ''].join('\n');

    it('nothing where all is well', () => {
      expect(faultsOf(`${start}## A\n\n${block('$ one two', 'its answer')}`)).to.deep.equal([]);
    });

    it('a command that nobody types, unless it is excused', () => {
      const page = `${start}## A\n\n${block('$ one')}\n${block('$ two')}`;
      expect(faultsOf(page)).to.deep.equal(['A: nobody types two']);
      expect(faultsOf(page.replace(/(```console\n\$ two)/, '<!-- not rehearsed: no -->\n$1'))).to.deep.equal(
        [],
      );
      expect(faultsOf(`${page}\n## B\n\n${block('$ three')}`)).to.include('B: nobody types three');
    });

    it('a script of several lines, as one command', () => {
      const page = `${start}## A\n\n   \`\`\`sh\n   one\n   two\n   \`\`\`\n`;
      expect(faultsOf(page)).to.deep.equal([]);
      expect(sectionsOf(page)[1]?.commands).to.deep.equal([{ text: 'one\ntwo' }]);
    });

    it('a procedure that types what is not there, or has no section or row', () => {
      expect(faultsOf(`${start}## A\n\n${block('$ two')}`)).to.include('a: 0 commands begin with one');
      expect(faultsOf(`${start}## A\n\n${block('$ one', '$ one more')}`)).to.include(
        'a: 2 commands begin with one',
      );
      expect(faultsOf(`${start}## B\n`)).to.include('a: the page has no section A');
      expect(faultsOf(`## A\n\n${block('$ one')}`)).to.deep.equal(['Where to begin: a is missing']);
      expect(faultsOf(`${start.replace('#a', '#b')}## A\n\n${block('$ one')}`)).to.deep.equal([
        'Where to begin: a is at a',
      ]);
    });
  });
});
