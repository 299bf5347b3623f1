/**
 * Whether anything acknowledged is lost, whatever breaks: see `npm run evidence -- --help`.
 */
import { parseOptions, type EvidenceOptions, USAGE } from './evidence/options.ts';
import { writeDocument } from './evidence/document.ts';
import { formatDetails, formatSummary, formatTable, isSound, type Result } from './evidence/report.ts';
import { runAll } from './evidence/run-all.ts';
import { SCENARIOS } from './evidence/scenarios.ts';
import { StepLine } from './evidence/step-line.ts';
import { UsageError } from './usage.ts';

const EXIT = { sound: 0, unsound: 1, usage: 2, interrupted: 130 } as const;

function readArguments(): EvidenceOptions | undefined {
  try {
    return parseOptions(
      process.argv.slice(2),
      SCENARIOS.map(({ name }) => name),
    );
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`evidence: ${error.message}\n`);
    process.exit(EXIT.usage);
  }
}

/** What has been started ends with this process: each part watches for its exit. */
function endOnSignals(): void {
  const end = (): never => process.exit(EXIT.interrupted);
  // Everything that is started watches for the exit.
  process.setMaxListeners(0);
  process.on('SIGINT', end).on('SIGTERM', end).on('SIGHUP', end);
}

async function run(options: EvidenceOptions): Promise<readonly Result[]> {
  const { only } = options;
  const chosen = only.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => only.includes(name));
  const line = new StepLine(process.stderr, chosen.length);
  try {
    return await runAll(chosen, options, line);
  } finally {
    line.end();
  }
}

const options = readArguments();
if (options === undefined) process.stdout.write(USAGE);
else if (options.isList) {
  for (const { name, title } of SCENARIOS) process.stdout.write(`${name.padEnd(18)} ${title}\n`);
} else {
  endOnSignals();
  const began = performance.now();
  const results = await run(options);
  const tookMs = performance.now() - began;
  const [details, summary] = [formatDetails(results), formatSummary(results, tookMs)];
  process.stdout.write(`seed ${options.seed}\n${formatTable(results)}\n${details}\n${summary}\n`);
  if (!options.isQuick && options.only.length === 0) writeDocument(results, tookMs);
  // What a scenario left open must not keep the program alive: whatever was started watches for this exit.
  process.stdout.write('', () => process.exit(results.every(isSound) ? EXIT.sound : EXIT.unsound));
}
