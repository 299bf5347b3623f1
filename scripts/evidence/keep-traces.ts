import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isFailure, isSound, type Result } from './report.ts';

/** One JSON file for a scenario that was run to its end and does not hold. */
export function keepTraces(result: Result, folder: string): void {
  if (isFailure(result) || isSound(result)) return;
  mkdirSync(folder, { recursive: true });
  const { scenario, verdict, violations, measures, traces } = result;
  const all = { verdict: { ...verdict, violations }, measures, ...traces };
  const text = JSON.stringify(all, (_, value: unknown) => (value instanceof Map ? [...value] : value), 1);
  writeFileSync(join(folder, `${scenario.name}.json`), text);
}
