import { randomBytes } from 'node:crypto';
import { type FileHandle, lstat, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiKeyRow, parseApiKeys } from '../config-keys.ts';

/** An entry as the file spells it. What else is in it is kept. */
export type KeyEntry = Record<string, unknown>;

/** The file cannot be changed, and is as it was. The message is for the operator's terminal. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}

const LOCK_TRY_MS = 20;
const LOCK_WAIT_MS = 10_000;
const OWNER_ONLY = 0o600;
const GROUP_READ = 0o040;

/**
 * Changes the file of API keys. Who reads it meanwhile finds the old or the new one whole, and so does who comes after a
 * loss of power; two changes at once both count.
 *
 * @param change gets the entries, none when there is no file yet @returns all that there are to be
 * @throws {KeyFileError}
 */
export async function changeKeyFile(
  path: string,
  change: (entries: readonly KeyEntry[]) => readonly KeyEntry[],
): Promise<void> {
  const real = await realOf(path);
  const unlock = await lock(`${real}.lock`);
  try {
    const { entries } = await readKeyFile(real, true);
    const keys = change(entries);
    const parsed = parseApiKeys({ keys });
    if ('problems' in parsed) throw new KeyFileError(parsed.problems.join('; '));
    await replace(real, `${JSON.stringify({ keys }, undefined, 2)}\n`);
  } catch (error) {
    // Without a code it is none of the file system: what the change itself has against it.
    throw codeOf(error) === undefined ? error : new KeyFileError(`${path} ${reasonOf(error)}`);
  } finally {
    await unlock();
  }
}

/** A link stays one: what it names is replaced. One that leads nowhere is no file that is yet to be made. @throws {KeyFileError} */
async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const isLink = (await lstat(path).catch(() => undefined))?.isSymbolicLink() === true;
    if (isLink)
      throw new KeyFileError(`${path} is a link that leads nowhere (${codeOf(error) ?? 'unknown'})`);
    return path;
  }
}

/** @throws {KeyFileError} when it is not usable */
export async function readKeyFile(
  path: string,
  mayBeAbsent = false,
): Promise<{ readonly entries: readonly KeyEntry[]; readonly rows: readonly ApiKeyRow[] }> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (mayBeAbsent && codeOf(error) === 'ENOENT') return { entries: [], rows: [] };
    throw new KeyFileError(`${path} cannot be read: ${codeOf(error) ?? 'unknown'}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw new KeyFileError(`${path} is not JSON`);
  }
  if (mayBeAbsent && isEmpty(value)) return { entries: [], rows: [] };
  const parsed = parseApiKeys(value);
  if ('problems' in parsed) throw new KeyFileError(`${path}: ${parsed.problems.join('; ')}`);
  return { entries: (value as { keys: KeyEntry[] }).keys, rows: parsed.value };
}

/** Whoever makes the file has the lock. It is not taken from anybody: who seems dead may be slow. */
async function lock(path: string): Promise<() => Promise<void>> {
  const deadline = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      await (await open(path, 'wx', OWNER_ONLY)).close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw new KeyFileError(`${path} ${reasonOf(error)}`);
      if (performance.now() > deadline)
        throw new KeyFileError(`${path} is there: remove it unless another holdfast keys runs`);
      await sleep(LOCK_TRY_MS);
    }
  }
}

async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', OWNER_ONLY);
    try {
      await keepReaders(file, path);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The server may run as somebody else than who manages its keys: it must still be able to read them. */
async function keepReaders(file: FileHandle, path: string): Promise<void> {
  const old = await stat(path).catch(() => undefined);
  if (old === undefined) return;
  const mine = await file.stat();
  if (old.uid !== mine.uid || old.gid !== mine.gid) await file.chown(old.uid, old.gid);
  await file.chmod(OWNER_ONLY | (old.mode & GROUP_READ));
}

/** A server does not start with it; a first key may be added to it. */
const isEmpty = (value: unknown): boolean => JSON.stringify(value) === '{"keys":[]}';

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined;

const reasonOf = (error: unknown): string => `cannot be written: ${codeOf(error) ?? 'unknown'}`;
