import { runScenario, type Settings } from './run-scenario.ts';
import { keepTraces } from './keep-traces.ts';
import type { EvidenceOptions } from './options.ts';
import type { Result } from './report.ts';
import type { Scenario } from './scenario.ts';
import type { StepLine } from './step-line.ts';

/** A few at a time: they mostly wait. @returns in the order of the scenarios */
export async function runAll(
  scenarios: readonly Scenario[],
  { isQuick, seed, atOnce, keep }: Pick<EvidenceOptions, 'isQuick' | 'seed' | 'atOnce' | 'keep'>,
  line: Pick<StepLine, 'step' | 'done'>,
): Promise<Result[]> {
  const results = new Map<Scenario, Result>();
  const next = scenarios.values();
  const onStep = (name: string, step: string): void => {
    line.step(name, step);
  };
  const worker = async (): Promise<void> => {
    for (const scenario of next) {
      const result = await run(scenario, { isQuick, seed, onStep });
      if (keep !== undefined) keepTraces(result, keep);
      results.set(scenario, result);
      line.done(scenario.name);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return scenarios.flatMap((scenario) => results.get(scenario) ?? []);
}

async function run(scenario: Scenario, settings: Settings): Promise<Result> {
  try {
    return await runScenario(scenario, settings);
  } catch (error) {
    return { scenario, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
