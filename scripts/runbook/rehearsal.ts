import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What is rehearsed needs something that this machine does not have. */
export class NotHereError extends Error {
  override readonly name = 'NotHereError';
}

export interface Rehearsal {
  /** Empty at first; gone afterwards. */
  readonly folder: string;
  /** Says what holds now, with the seconds since the start. */
  readonly held: (what: string) => void;
  /** Called at the end, the last one first, however it ends. */
  readonly atEnd: (end: () => unknown) => void;
}

/** A rehearsal as a program: 0 everything held, 1 something did not, 2 it could not be rehearsed here. */
export const EXIT = { held: 0, failed: 1, notHere: 2 } as const;

/**
 * Runs one rehearsal and ends the process with the code of {@link EXIT}; also when it takes too long.
 *
 * @param withinMs after that something hangs
 */
export async function rehearse(
  name: string,
  withinMs: number,
  act: (rehearsal: Rehearsal) => Promise<void>,
): Promise<never> {
  const began = performance.now();
  const say = (text: string): void => {
    process.stdout.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${text}\n`);
  };
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-rehearsal-'));
  const ends: (() => unknown)[] = [];
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`not done within ${withinMs / 1000} s`));
    }, withinMs);
  });
  let code: number = EXIT.held;
  try {
    await Promise.race([act({ folder, held: say, atEnd: (end) => ends.push(end) }), tooLong]);
    say(`${name}: all of it held`);
  } catch (error) {
    code = error instanceof NotHereError ? EXIT.notHere : EXIT.failed;
    const why = error instanceof Error ? error.message : String(error);
    say(code === EXIT.notHere ? `${name}: NOT RUN: ${why}` : `${name}: FAILED: ${why}`);
  }
  clearTimeout(timer);
  for (const end of ends.reverse()) await end();
  await rm(folder, { recursive: true, force: true });
  process.exit(code);
}

/** @throws {Error} that says what should be so */
export function must(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new Error(`not so: ${what}`);
}
