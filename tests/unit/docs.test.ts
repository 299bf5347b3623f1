/** Holds the documents to the code: a row that is missing, wrong or too many is a fault, and so is a link to nowhere. */
import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { ERRORS, type ErrorReason } from '../../protocol/errors.ts';
import type { Variable } from '../../server/config-kinds.ts';
import { VARIABLES } from '../../server/config-variables.ts';
import { HEALTH_REASONS } from '../../server/http/health-reasons.ts';
import { Cors } from '../../server/http/request-guards.ts';
import { createRoutes } from '../../server/http/routes.ts';
import { AUDIT_EVENTS } from '../../server/observability/audit.ts';
import { LOG_EVENTS } from '../../server/observability/log-events.ts';
import { METRICS } from '../../server/observability/metrics.ts';

/** Path from the top of the repository -> text. */
type Pages = ReadonlyMap<string, string>;

const MISSPELT = 'A2A_STROE';
/** Named in the example of a misspelling. */
const NOT_YET = new Set([MISSPELT]);
/** Words of others that look like an event: Redis's, Prometheus'. */
const FOREIGN = new Set(['aof_rewrite_in_progress', 'rule_files', 'runbook_url']);

async function readPages(): Promise<Pages> {
  const pages = new Map<string, string>();
  for (const path of ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md'])
    pages.set(path, await readFile(path, 'utf8'));
  for (const entry of await readdir('docs', { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && path.endsWith('.md')) pages.set(path, await readFile(path, 'utf8'));
  }
  return pages;
}

/** The cells of every table row whose first cell is one word in backticks. */
function rowsOf(text: string): string[][] {
  return [...text.matchAll(/^\| `([\w]+)` \|(.*)\|$/gm)].map(([, name = '', rest = '']) => [
    name,
    ...rest.split('|').map((cell) => cell.trim()),
  ]);
}

/** @param expected name -> the cells that follow it, as far as they are held to the code; the next one must say something */
function tableFaults(rows: readonly string[][], expected: ReadonlyMap<string, readonly string[]>): string[] {
  const faults: string[] = [];
  const seen = new Map<string, number>();
  for (const [name = '', ...cells] of rows) {
    seen.set(name, (seen.get(name) ?? 0) + 1);
    const wanted = expected.get(name);
    if (wanted === undefined) faults.push(`${name} does not exist`);
    wanted?.forEach((want, i) => {
      if (cells[i] !== want) faults.push(`${name}: ${cells[i] ?? 'nothing'} should be ${want}`);
    });
    if (wanted !== undefined && (cells[wanted.length] ?? '').length < 2) faults.push(`${name} says nothing`);
  }
  for (const name of expected.keys())
    if (seen.get(name) !== 1) faults.push(`${name} has ${seen.get(name) ?? 0} rows`);
  return faults;
}

function section(text: string, heading: string): string {
  const [, after = ''] = text.split(`\n## ${heading}\n`);
  return after.split('\n## ', 1)[0] ?? '';
}

const configurationFaults = (text: string): string[] => {
  const entries = Object.entries(VARIABLES as Record<string, Variable<unknown>>);
  const expected = entries.map(([name, row]): [string, string[]] => {
    const byDefault = row.default === '' ? '–' : `\`${row.default}\``;
    return [name, [row.unit, byDefault, row.bounds]];
  });
  return tableFaults(rowsOf(text), new Map(expected));
};

const errorsFaults = (text: string): string[] => {
  const reasons = Object.keys(ERRORS) as ErrorReason[];
  const expected = reasons.map((reason): [string, string[]] => {
    const { v1, v03, v01 } = ERRORS[reason].code;
    return [reason, [v1, v03, v01].map(String)];
  });
  return tableFaults(rowsOf(section(text, 'Every reason')), new Map(expected));
};

const eventFaults = (text: string): string[] => {
  const expected = Object.entries(LOG_EVENTS).map(([name, { level }]): [string, string[]] => [name, [level]]);
  const rows = rowsOf(section(text, 'Log events'));
  const silent = rows.filter(([, , , action = '']) => action.length < 2).map(([name]) => name ?? '');
  return [...tableFaults(rows, new Map(expected)), ...silent.map((name) => `${name}: no action`)];
};

const metricFaults = (text: string): string[] => {
  const expected = Object.values(METRICS).map((metric): [string, string[]] => {
    const labels = 'labels' in metric ? metric.labels.map((label) => `\`${label}\``).join(' ') : '–';
    return [metric.name, [metric.type, labels]];
  });
  return tableFaults(rowsOf(section(text, 'Metrics')), new Map(expected));
};

const isEvent = (name: string): boolean =>
  [LOG_EVENTS, AUDIT_EVENTS, HEALTH_REASONS].some((names) => Object.hasOwn(names, name));

const auditFaults = (text: string): string[] => {
  const expected = Object.entries(AUDIT_EVENTS).map(([name, when]): [string, string[]] => [name, [when]]);
  const silent = Object.keys(AUDIT_EVENTS).filter((name) => !text.includes(`"event":"${name}"`));
  return [...tableFaults(rowsOf(text), new Map(expected)), ...silent.map((name) => `${name}: no example`)];
};

/** Variables, events and metrics that a document speaks of and nobody has. */
function unknownNames(pages: Pages): string[] {
  const metrics: readonly string[] = Object.values(METRICS).map(({ name }) => name);
  const faults: string[] = [];
  for (const [path, text] of pages) {
    for (const [name] of text.matchAll(/\b(?:A2A|REDIS)_[A-Z][A-Z_]*\b/g))
      if (!Object.hasOwn(VARIABLES, name) && !NOT_YET.has(name)) faults.push(`${path}: variable ${name}`);
    for (const [name] of text.matchAll(/\bholdfast_[a-z_]+\b/g))
      if (!metrics.includes(name)) faults.push(`${path}: metric ${name}`);
    for (const [, name = ''] of text.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g))
      if (!name.startsWith('holdfast_') && !isEvent(name) && !FOREIGN.has(name))
        faults.push(`${path}: event ${name}`);
  }
  return faults;
}

/** What is really mounted: an Express application answers what it is asked. */
function mountedPaths(): string[] {
  const nobody = (): never => {
    throw new Error('nobody asks');
  };
  const routes = createRoutes({
    ...{ rpcEndpoint: nobody, card: nobody, readiness: nobody, erasures: nobody },
    ...{ admitOperator: nobody, isHostAllowed: () => true, log: () => undefined },
    cors: new Cors([]),
    metrics: { contentType: 'text/plain', text: nobody },
  }) as unknown as { router: { stack: { route?: { path: string | string[] } }[] } };
  return routes.router.stack.flatMap(({ route }) => route?.path ?? []);
}

const routeFaults = (text: string): string[] => {
  const told = [...section(text, 'Routes').matchAll(/^\| `(\/[^`]*)` \|/gm)].map(([, path = '']) => path);
  const mounted = mountedPaths();
  return [
    ...mounted.filter((path) => !told.includes(path)).map((path) => `${path} is not told`),
    ...told.filter((path) => !mounted.includes(path)).map((path) => `${path} does not exist`),
  ];
};

/** As GitHub makes the anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const anchorsIn = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

function linkFaults(pages: Pages): string[] {
  const faults: string[] = [];
  for (const [path, text] of pages) {
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const there = file === '' ? path : normalize(join(dirname(path), file));
      const isFound = pages.has(there) || existsSync(there);
      if (!isFound) faults.push(`${path}: ${target} is not there`);
      else if (anchor !== undefined && !anchorsIn(pages.get(there) ?? '').includes(anchor))
        faults.push(`${path}: ${target} has no such heading`);
    }
  }
  return faults;
}

describe('the documents', () => {
  let pages: Pages = new Map();
  const page = (path: string): string => pages.get(path) ?? '';
  before(async () => {
    pages = await readPages();
  });

  it('list every variable with its unit, default and bounds', () => {
    expect(configurationFaults(page('docs/configuration.md'))).to.deep.equal([]);
  });

  it('list every reason of an error with its code in each dialect', () => {
    expect(errorsFaults(page('docs/errors.md'))).to.deep.equal([]);
  });

  it('list every log event with its level and what to do', () => {
    expect(eventFaults(page('docs/persistence-runbook.md'))).to.deep.equal([]);
  });

  it('list every event of the audit stream, with an example', () => {
    expect(auditFaults(page('docs/audit.md'))).to.deep.equal([]);
  });

  it('list every metric with its type and labels', () => {
    expect(metricFaults(page('docs/persistence-runbook.md'))).to.deep.equal([]);
  });

  it('list every route of the server', () => {
    const path = 'docs/protocol.md';
    expect(mountedPaths()).to.have.lengthOf.above(8);
    expect(routeFaults(page(path))).to.deep.equal([]);
    expect(routeFaults(page(path).replace('| `/livez`', '| `/live`'))).to.deep.equal([
      '/livez is not told',
      '/live does not exist',
    ]);
  });

  it('name no variable, event or metric that does not exist', () => {
    expect(unknownNames(pages)).to.deep.equal([]);
  });

  it('link to nothing that is not there', () => {
    expect(pages.size).to.be.greaterThan(8);
    expect(linkFaults(pages)).to.deep.equal([]);
  });

  it('say how to start and test it in two commands that package.json has', async () => {
    const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(page('README.md')).to.contain('\nnpm ci && npm start\nnpm ci && npm test\n');
    const named = [...pages.values()].flatMap((text) => [...text.matchAll(/\bnpm run ([a-z]+)/g)]);
    for (const [, script = ''] of named) expect(scripts, script).to.have.property(script);
    expect(scripts).to.include.keys('start', 'test');
  });

  describe('held to the code by checks that find', () => {
    const planted = (path: string, from: string | RegExp, to: string): string => {
      const changed = page(path).replace(from, to);
      expect(changed).to.not.equal(page(path));
      return changed;
    };

    it('a row that is missing, doubled, wrong or silent', () => {
      const path = 'docs/configuration.md';
      expect(configurationFaults(planted(path, /^\| `PORT`.*\n/m, ''))).to.deep.equal(['PORT has 0 rows']);
      expect(configurationFaults(planted(path, /^\| `PORT`.*\n/m, '$&$&'))).to.deep.equal([
        'PORT has 2 rows',
      ]);
      expect(configurationFaults(planted(path, '`41241`', '`80`'))).to.deep.equal([
        'PORT: `80` should be `41241`',
      ]);
      expect(configurationFaults(planted(path, '`PORT`', '`PRT`'))).to.deep.equal([
        'PRT does not exist',
        'PORT has 0 rows',
      ]);
      expect(configurationFaults(planted(path, /(^\| `PORT`.*\| )[^|]+\|$/m, '$1 |'))).to.deep.equal([
        'PORT says nothing',
      ]);
    });

    it('a wrong code, level, type or label', () => {
      const runbook = 'docs/persistence-runbook.md';
      expect(errorsFaults(planted('docs/errors.md', /(`JSON_PARSE` \|) -32700/, '$1 -32701'))).to.have.length(
        1,
      );
      expect(eventFaults(planted(runbook, '`session_gone` | warn', '`session_gone` | info'))).to.have.length(
        1,
      );
      expect(eventFaults(planted(runbook, /(^\| `session_gone`.*\| )[^|]+\|$/m, '$1 |'))).to.deep.equal([
        'session_gone: no action',
      ]);
      expect(
        metricFaults(planted(runbook, /(`holdfast_breaker_open` \|) gauge/, '$1 counter')),
      ).to.have.length(1);
      expect(metricFaults(planted(runbook, /counter \| `outcome`/, 'counter | –'))).to.have.length(1);
    });

    it('a name that nobody has', () => {
      const text =
        'Set `A2A_SPEED`, look for `session_lost` and holdfast_speed; A2A_STORE and `session_gone` exist.';
      expect(unknownNames(new Map([['x.md', text]]))).to.deep.equal([
        'x.md: variable A2A_SPEED',
        'x.md: metric holdfast_speed',
        'x.md: event session_lost',
      ]);
    });

    it('a link to a file or a heading that is not there', () => {
      const text =
        '# A heading\n[a](#a-heading) [b](../LICENSE) [c](none.md) [d](#none) [e](https://example.com/x)';
      expect(linkFaults(new Map([['docs/x.md', text]]))).to.deep.equal([
        'docs/x.md: none.md is not there',
        'docs/x.md: #none has no such heading',
      ]);
    });
  });
});
