import { stat } from 'node:fs/promises';
import { FileProblemsError } from './config-files.ts';

/** A file that is read again when it changes. A broken one leaves what holds: a slip of the pen must lock nobody out. */
export interface WatchedFile<T> {
  readonly path: string;
  /** @throws {FileProblemsError} */
  readonly read: (path: string) => T;
  readonly onRead: (value: T) => void;
  readonly onRefused: (problems: readonly string[]) => void;
}

/** To be called before the file is read for the first time. @returns reads it if it has changed; never rejects */
export async function watchFile<T>(file: WatchedFile<T>): Promise<() => Promise<T | undefined>> {
  const { path, read, onRead, onRefused } = file;
  let seen = await identify(path);
  let said: string | undefined;
  return async () => {
    const found = await identify(path);
    if (found === seen) return undefined;
    try {
      const value = read(path);
      seen = found;
      said = undefined;
      onRead(value);
      return value;
    } catch (error) {
      if (!(error instanceof FileProblemsError)) throw error;
      // What could not be read at all, perhaps for want of a file descriptor, says nothing of what is in it: it is tried
      // again, or a key that was revoked would hold until the file changes once more. The operator is told once.
      if (!error.isUnread) seen = found;
      const problem = [found, ...error.problems].join();
      if (problem !== said) onRefused(error.problems);
      said = problem;
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

/** What others than its owner and group may do with it, or its group may write: it decides who comes in. */
const EXPOSED_BITS = 0o026;

/** Whether others may read or write a file. */
export async function isExposed(path: string): Promise<boolean> {
  try {
    return ((await stat(path)).mode & EXPOSED_BITS) !== 0;
  } catch {
    return false;
  }
}
