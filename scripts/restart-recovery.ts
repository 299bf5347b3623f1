/**
 * Whether a conversation survives `kill -9`: see `npm run recovery -- --help`.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ProgressLine } from './recovery/progress-line.ts';
import { parseOptions, type RecoveryOptions, USAGE } from './recovery/recovery-options.ts';
import { UsageError } from './usage.ts';
import { runRecovery } from './recovery/recovery-run.ts';
import { formatReport } from './recovery/report.ts';

const EXIT = { sound: 0, unsound: 1, usage: 2, interrupted: 130 } as const;

function readArguments(): RecoveryOptions | undefined {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`recovery: ${error.message}; try --help\n`);
    process.exit(EXIT.usage);
  }
}

/** What has been started ends with this process: each part watches for its exit. */
function endOnSignals(): void {
  const end = (): never => process.exit(EXIT.interrupted);
  process.on('SIGINT', end).on('SIGTERM', end).on('SIGHUP', end);
}

const options = readArguments();
if (options === undefined) process.stdout.write(USAGE);
else {
  const build = join(import.meta.dirname, 'build.mjs');
  if (spawnSync(process.execPath, [build, '--if-stale'], { stdio: 'inherit' }).status !== 0) process.exit(1);
  endOnSignals();
  const progress = new ProgressLine(process.stderr);
  try {
    const report = await runRecovery(options, progress);
    progress.end();
    process.stdout.write(`${formatReport(options, report)}\n`);
    process.exitCode = report.faults.length === 0 ? EXIT.sound : EXIT.unsound;
  } catch (error) {
    progress.end();
    process.stderr.write(`recovery: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = EXIT.unsound;
  }
}
