/** Files of secrets: read once at the start, and again when they change. */
import { stat } from 'node:fs/promises';
import { FileProblemsError } from './config-files.ts';
import type { VariableName } from './config-variables.ts';
import { ConfigError } from './config.ts';

/**
 * Reads a file of secrets, whose content the configuration does not keep.
 *
 * @throws {ConfigError} when it is no longer what it was when the configuration was read
 */
export function readAtStart<T>(variable: VariableName, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FileProblemsError)) throw error;
    throw new ConfigError(error.problems.map((problem) => `${variable}: ${problem}`));
  }
}

interface Told<T> {
  readonly onRead: (value: T) => void;
  readonly onRefused: (problems: readonly string[]) => void;
}

/**
 * A broken file leaves what was read before as it is: a slip of the pen must not lock everybody out. To be made before
 * the file is read for the first time, so that no change is missed.
 *
 * @returns reads the file if it has changed; undefined while it has not, or what there is cannot be used
 */
export async function rereadOnChange<T>(
  path: string,
  read: (path: string) => T,
  { onRead, onRefused }: Told<T>,
): Promise<() => Promise<T | undefined>> {
  let seen = await identify(path);
  return async () => {
    const found = await identify(path);
    if (found === seen) return undefined;
    seen = found;
    try {
      const value = read(path);
      onRead(value);
      return value;
    } catch (error) {
      if (!(error instanceof FileProblemsError)) throw error;
      onRefused(error.problems);
      return undefined;
    }
  };
}

/** What changes when a file is written or put in the place of another. */
async function identify(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join();
  } catch {
    return 'absent';
  }
}
