/** Holds the alert rules and the dashboard in docs/operations to the metrics, and to the runbook. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { alertsThatFire } from '../../scripts/runbook/alert-cases.ts';
import {
  type Alert,
  parseRules,
  type Query,
  readDashboard,
  readRules,
} from '../../scripts/runbook/operations-files.ts';
import { HEALTH_REASONS, type HealthReason, toldOf } from '../../server/http/health-reasons.ts';
import { METRICS } from '../../server/observability/metrics.ts';

const RUNBOOK = 'docs/persistence-runbook.md';

/** Labels that Prometheus adds itself. */
const OF_PROMETHEUS = ['instance', 'job'];

/** Every name that a scrape brings -> its labels. */
const SERIES = new Map<string, readonly string[]>([['up', OF_PROMETHEUS]]);
for (const metric of Object.values(METRICS)) {
  const labels = [...('labels' in metric ? metric.labels : []), ...OF_PROMETHEUS];
  if (metric.type !== 'histogram') SERIES.set(metric.name, labels);
  else {
    SERIES.set(`${metric.name}_bucket`, [...labels, 'le']);
    for (const end of ['_sum', '_count']) SERIES.set(metric.name + end, labels);
  }
}

/** What is wrong with the names in an expression, and in the texts that quote its labels. */
function faultsOf(expr: string, quoted: readonly string[] = []): string[] {
  const faults: string[] = [];
  const bare = expr.replaceAll(/"[^"]*"/g, '""').replaceAll(/\[[^\]]*\]/g, '');
  const known = new Set<string>();
  for (const [, name = '', matchers = ''] of bare.matchAll(/\b(up|holdfast_\w+)\b(?:\{([^}]*)\})?/g)) {
    const labels = SERIES.get(name);
    if (labels === undefined) faults.push(`no metric ${name}`);
    for (const label of labels ?? []) known.add(label);
    for (const [, label = ''] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g))
      if (labels?.includes(label) !== true) faults.push(`${name} has no label ${label}`);
  }
  if (known.size === 0) faults.push('no metric at all');
  const grouped = [...bare.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
  for (const label of [...grouped, ...quoted])
    if (!known.has(label)) faults.push(`nothing has a label ${label}`);
  return faults;
}

const quotedBy = (text: string, form: RegExp): string[] =>
  [...text.matchAll(form)].map(([, label = '']) => label);

const queryFaults = (queries: readonly Query[]): string[] =>
  queries.flatMap(({ where, expr, legend }) =>
    faultsOf(expr, quotedBy(legend, /\{\{(\w+)\}\}/g)).map((fault) => `${where}: ${fault}`),
  );

const alertFaults = (alerts: readonly Alert[]): string[] =>
  alerts.flatMap(({ name, expr, summary }) =>
    faultsOf(expr, quotedBy(summary, /\$labels\.(\w+)/g)).map((fault) => `${name}: ${fault}`),
  );

/** As GitHub makes the anchor of a heading. */
const anchorsOf = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

function leadsSomewhere(link: string): boolean {
  const [path = '', anchor = ''] = link.split('#');
  return /^docs\/[\w-]+\.md$/.test(path) && anchorsOf(path).includes(anchor);
}

const section = (heading: string): string =>
  readFileSync(RUNBOOK, 'utf8').split(`\n## ${heading}\n`)[1]?.split('\n## ', 1)[0] ?? '';

/** Rows of a table: name in backticks, then the other cells. */
const rowsOf = (text: string): string[][] =>
  [...text.matchAll(/^\| `(\w+)` \|(.*)\|$/gm)].map(([, name = '', rest = '']) => [
    name,
    ...rest.split(/(?<!\\)\|/).map((cell) => cell.trim()),
  ]);

describe('docs/operations', () => {
  const alerts = readRules();
  const queries = readDashboard();

  it('has a dashboard that asks for metrics and labels that there are', () => {
    expect(queries.length).to.be.greaterThan(50);
    expect(queryFaults(queries)).to.deep.equal([]);
  });

  it('has alerts that ask for metrics and labels that there are', () => {
    expect(alerts.length).to.be.greaterThan(20);
    expect(alertFaults(alerts)).to.deep.equal([]);
  });

  it('has for each alert a severity, a time and a page that helps', () => {
    for (const { name, severity, for: time, summary, runbook } of alerts) {
      expect(name).to.match(/^Holdfast[A-Z]\w+$/);
      expect(severity, name).to.be.oneOf(['critical', 'warning', 'info']);
      expect(time, name).to.match(/^\d+m$/);
      expect(summary, name).to.match(/^.{15,}\.$/);
      expect(leadsSomewhere(runbook), `${name}: ${runbook}`).to.equal(true);
    }
    expect(new Set(alerts.map(({ name }) => name)).size).to.equal(alerts.length);
  });

  it('has a case for each alert in which it fires, and none for others', () => {
    expect([...alertsThatFire()].sort()).to.deep.equal(alerts.map(({ name }) => name).sort());
  });

  it('has the alerts that the runbook explains, and no others', () => {
    const rows = rowsOf(section('Alerts'));
    expect(rows.map(([name, severity]) => [name, severity])).to.deep.equal(
      alerts.map(({ name, severity }) => [name, severity]),
    );
    for (const [name, , meaning = '', action = ''] of rows) {
      expect(meaning.length, name).to.be.greaterThan(10);
      expect(action.length, name).to.be.greaterThan(5);
    }
  });

  it('shows every metric on the dashboard or in an alert', () => {
    const asked = [...queries, ...alerts].map(({ expr }) => expr).join(' ');
    const unseen = Object.values(METRICS).filter(
      ({ name }) => !new RegExp(`\\b${name}(?:_bucket)?\\b`).test(asked),
    );
    expect(unseen.map(({ name }) => name)).to.deep.equal([]);
  });

  describe('is held to them by checks that find', () => {
    it('a metric, a label, a group and a text that are wrong', () => {
      expect(faultsOf('rate(holdfast_speed_total[5m])')).to.include('no metric holdfast_speed_total');
      expect(faultsOf('holdfast_commit_seconds')).to.include('no metric holdfast_commit_seconds');
      expect(faultsOf('holdfast_commits_total{kind="ok"}')).to.deep.equal([
        'holdfast_commits_total has no label kind',
      ]);
      expect(faultsOf('sum by (le, who) (holdfast_commit_seconds_bucket)')).to.deep.equal([
        'nothing has a label who',
      ]);
      expect(faultsOf('holdfast_ready{instance=~"$instance"} == 0', ['reason'])).to.deep.equal([
        'nothing has a label reason',
      ]);
      expect(faultsOf('vector(1)')).to.deep.equal(['no metric at all']);
    });

    it('a rule that is not of the form that is read', () => {
      expect(() => parseRules('  - alert: HoldfastX\n    expr: |\n      up\n')).to.throw(
        'HoldfastX has no expr',
      );
    });

    it('a link that leads nowhere', () => {
      expect(leadsSomewhere(`${RUNBOOK}#health`)).to.equal(true);
      expect(leadsSomewhere(`${RUNBOOK}#no-such-thing`)).to.equal(false);
    });
  });
});

describe('the reasons of /readyz', () => {
  const reasons = Object.keys(HEALTH_REASONS) as HealthReason[];

  it('each lead to a section of the runbook that is there', () => {
    for (const reason of reasons) expect(leadsSomewhere(toldOf(reason).runbook), reason).to.equal(true);
  });

  it('are those that the runbook lists', () => {
    const rows = rowsOf(section('Health'));
    expect(rows.map(([name, text]) => [name, text])).to.deep.equal(
      reasons.map((reason) => [reason, HEALTH_REASONS[reason].text]),
    );
  });
});
