import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import type { DurationMs } from '../../protocol/units.ts';
import { readPage, sectionsOf, type Section } from './page.ts';
import type { ProcedureFile, ProcedureModule } from './procedure.ts';
import { Rehearsal } from './rehearsal.ts';

/** Its commands are typed into every terminal first. */
export const SETUP = 'Before you begin';

export interface Result {
  readonly name: string;
  readonly tookMs: DurationMs;
  /** Why it is not as the page says; absent: it is. */
  readonly error?: string;
}

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
      const error = await (file.isModule ? runModule(file, sections, isQuick) : runProgram(file, isQuick));
      const tookMs = performance.now() - began;
      const result = { name: file.name, tookMs, ...(error !== undefined && { error }) };
      results.push(result);
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

const told = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

async function runModule(
  { path }: ProcedureFile,
  sections: readonly Section[],
  isQuick: boolean,
): Promise<string | undefined> {
  const { heading, rehearse } = (await import(pathToFileURL(path).href)) as ProcedureModule;
  const find = (name: string): Section | undefined => sections.find((one) => one.heading === name);
  const section = find(heading);
  if (section === undefined) return `the runbook has no section "${heading}"`;
  const at = new Rehearsal(section, find(SETUP), isQuick);
  try {
    await rehearse(at);
    at.finish();
    return undefined;
  } catch (error) {
    return `${told(error)}\n\n${at.transcript.join('')}`;
  } finally {
    await at.end();
  }
}

async function runProgram({ path }: ProcedureFile, isQuick: boolean): Promise<string | undefined> {
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
  return code === 0 ? undefined : `ended with ${code ?? signal ?? ''}\n${output}`;
}
