import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { DurationMs } from '../../protocol/units.ts';
import { readPage, sectionsOf, type Section } from './page.ts';
import type { ProcedureFile, ProcedureModule } from './procedure.ts';
import { Rehearsal, Skipped } from './rehearsal.ts';

/** Its commands are typed into every terminal first. */
export const SETUP = 'Before you begin';

export interface Result {
  readonly name: string;
  readonly tookMs: DurationMs;
  /** Why it is not as the page says; absent: it is. */
  readonly error?: string;
  /** Why nobody knows. */
  readonly skipped?: string;
}

type Outcome = Pick<Result, 'error' | 'skipped'>;

/** A few at a time: they mostly wait. @param onResult in the order in which they end */
export async function runAll(
  files: readonly ProcedureFile[],
  { isQuick, atOnce }: { readonly isQuick: boolean; readonly atOnce: number },
  onResult: (result: Result) => void,
): Promise<Result[]> {
  const sections = sectionsOf(readPage());
  const results: Result[] = [];
  const next = files.values();
  const worker = async (): Promise<void> => {
    for (const file of next) {
      const began = performance.now();
      const outcome = await (file.isModule ? runModule(file, sections, isQuick) : runProgram(file, isQuick));
      const result = { name: file.name, tookMs: performance.now() - began, ...outcome };
      results.push(result);
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

/** One that hangs fails, rather than keep the run from its last line. */
const LIMIT_MS: DurationMs = 90_000;

async function inTime(work: Promise<void>): Promise<void> {
  const limit = new AbortController();
  const late = pause(LIMIT_MS, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`no end of it within ${LIMIT_MS} ms`);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    late.catch(() => undefined);
    limit.abort();
  }
}

/** Exit code of a program that needs what this machine does not have; its last line says what. */
const NOT_HERE = 2;

function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // An assertion of many lines is cut short in its message.
  const found = 'actual' in error ? `\nfound: ${JSON.stringify(error.actual)}` : '';
  return `${error.stack ?? error.message}${found}`;
}

async function runModule(
  { path }: ProcedureFile,
  sections: readonly Section[],
  isQuick: boolean,
): Promise<Outcome> {
  const { heading, rehearse } = (await import(pathToFileURL(path).href)) as ProcedureModule;
  const find = (name: string): Section | undefined => sections.find((one) => one.heading === name);
  const section = find(heading);
  if (section === undefined) return { error: `the runbook has no section "${heading}"` };
  const at = new Rehearsal(section, find(SETUP), isQuick);
  try {
    await inTime(rehearse(at));
    at.finish();
    return {};
  } catch (error) {
    if (error instanceof Skipped) return { skipped: error.message };
    return { error: `${told(error)}\n\n${at.transcript.join('')}` };
  } finally {
    await at.end();
  }
}

async function runProgram({ path }: ProcedureFile, isQuick: boolean): Promise<Outcome> {
  const child = spawn(process.execPath, ['--import=tsx', path, ...(isQuick ? ['--quick'] : [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  process.off('exit', kill);
  if (code === NOT_HERE) return { skipped: output.trimEnd().split('\n').at(-1) ?? '' };
  return code === 0 ? {} : { error: `ended with ${code ?? signal ?? ''}\n${output}` };
}
