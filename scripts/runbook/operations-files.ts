/** The alert rules and the dashboard in docs/operations, as data. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '..', '..', 'docs', 'operations');

export const RULES_FILE = join(FOLDER, 'prometheus-alerts.yml');
const DASHBOARD_FILE = join(FOLDER, 'grafana-dashboard.json');

export interface Alert {
  readonly name: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: string;
  readonly summary: string;
  /** Path and anchor. */
  readonly runbook: string;
}

export interface Query {
  /** Panel and position in it. */
  readonly where: string;
  readonly expr: string;
  readonly legend: string;
}

/**
 * Reads the form that the file has: one rule after the other, one line for each value.
 *
 * @throws {Error} naming a rule that is not of this form
 */
export function parseRules(text: string): Alert[] {
  const [, ...rules] = text.split(/^ +- alert: /m);
  return rules.map((rule) => {
    const name = /^\w+/.exec(rule)?.[0] ?? '';
    const value = (key: string): string => {
      const found = new RegExp(`^ +${key}: +(?!\\||>|$)(.+)$`, 'm').exec(rule)?.[1];
      if (found === undefined) throw new Error(`${name} has no ${key} in one line`);
      return found.replace(/^(['"])(.*)\1$/, '$2');
    };
    return {
      name,
      expr: value('expr'),
      for: value('for'),
      severity: value('severity'),
      summary: value('summary'),
      runbook: value('runbook_url'),
    };
  });
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export function parseDashboard(text: string): Query[] {
  const { panels } = JSON.parse(text) as { panels: readonly Panel[] };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat: legend }, i) => ({ where: `${title}, ${i + 1}`, expr, legend })),
  );
}

export const readRules = (): Alert[] => parseRules(readFileSync(RULES_FILE, 'utf8'));
export const readDashboard = (): Query[] => parseDashboard(readFileSync(DASHBOARD_FILE, 'utf8'));
