import { open, stat, truncate } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Database } from 'lmdb';

/** Where the first page of a file has LMDB's magic number, little-endian. */
const MAGIC_AT = 24;
const MAGIC = 0xbe_ef_c0_de;

/** To be told before it is opened: LMDB maps the file, and what is missing in it ends the process without a word. */
export class DamagedFileError extends Error {
  override readonly name = 'DamagedFileError';

  constructor(path: string, cause?: unknown) {
    super(`${basename(path)} is damaged, move it away`, { cause });
  }
}

/** @throws {DamagedFileError} when there is a file that does not begin like one of LMDB's */
export async function checkBeginning(path: string): Promise<void> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return;
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MAGIC_AT + 4), 0, MAGIC_AT + 4, 0);
    if (bytesRead === 0) return;
    if (bytesRead < buffer.length || buffer.readUInt32LE(MAGIC_AT) !== MAGIC)
      throw new DamagedFileError(path);
  } finally {
    await file.close();
  }
}

/** What LMDB says of a page that is not what the one before it promises. */
const DAMAGE = /MDB_(CORRUPTED|PAGE_NOTFOUND|INVALID)/;

/** @returns a {@link DamagedFileError} when `error` tells of damage, or else the error */
export function asDamage(path: string, error: unknown): unknown {
  return error instanceof Error && DAMAGE.test(error.message) ? new DamagedFileError(path, error) : error;
}

/**
 * A file that ends before its last page is made as long as it should be: what is missing is then read as a page that makes
 * no sense, and said so. Alone that is no damage: a last page that was never needed is not always written.
 */
export async function fillUp(path: string, db: Database): Promise<void> {
  const { lastPageNumber, pageSize } = db.getStats() as { lastPageNumber: number; pageSize: number };
  const { size } = await stat(path);
  const wanted = (lastPageNumber + 1) * pageSize;
  if (size < wanted) await truncate(path, wanted);
}
