/**
 * Whether the runbook brings the server back: see `npm run rehearse -- --help`.
 */
import { parseOptions, type RehearsalOptions, USAGE } from './rehearsal/options.ts';
import { type ProcedureFile, procedureFiles } from './rehearsal/procedure.ts';
import { type Result, runAll } from './rehearsal/run-all.ts';
import { UsageError } from './usage.ts';

const EXIT = { sound: 0, unsound: 1, usage: 2, interrupted: 130 } as const;

const files = procedureFiles();

function readArguments(): RehearsalOptions | undefined {
  try {
    return parseOptions(
      process.argv.slice(2),
      files.map(({ name }) => name),
    );
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`rehearse: ${error.message}\n`);
    process.exit(EXIT.usage);
  }
}

/** What has been started ends with this process: each part watches for its exit. */
function endOnSignals(): void {
  const end = (): never => process.exit(EXIT.interrupted);
  process.setMaxListeners(0);
  process.on('SIGINT', end).on('SIGTERM', end).on('SIGHUP', end);
}

function write({ name, tookMs, error, skipped }: Result): void {
  const seconds = `${(tookMs / 1_000).toFixed(1)} s`.padStart(8);
  const sound = skipped === undefined ? 'ok' : `skipped: ${skipped}`;
  process.stdout.write(`${name.padEnd(20)} ${seconds}  ${error === undefined ? sound : 'FAILED'}\n`);
  if (error !== undefined) process.stdout.write(`${error.replace(/^/gm, '    ')}\n`);
}

const options = readArguments();
if (options === undefined) process.stdout.write(USAGE);
else if (options.isList) for (const { name } of files) process.stdout.write(`${name}\n`);
else {
  endOnSignals();
  const { names } = options;
  const isLeftOut = ({ notQuick }: ProcedureFile): boolean =>
    options.isQuick && names.length === 0 && notQuick !== undefined;
  const chosen = files.filter((file) => names.length === 0 || names.includes(file.name));
  const results = await runAll(
    chosen.filter((file) => !isLeftOut(file)),
    options,
    write,
  );
  const leftOut = chosen.filter(isLeftOut);
  for (const { name, notQuick = '' } of leftOut)
    process.stdout.write(`${name.padEnd(20)} left to the full form: ${notQuick}\n`);
  const failed = results.filter(({ error }) => error !== undefined).length;
  const skipped = results.filter(({ skipped: why }) => why !== undefined).length;
  const ok = results.length - failed - skipped;
  // What a procedure left open must not keep the program alive.
  process.stdout.write(
    `${ok} procedures ok, ${failed} failed, ${skipped} skipped, ${leftOut.length} left out\n`,
    () => process.exit(failed === 0 ? EXIT.sound : EXIT.unsound),
  );
}
