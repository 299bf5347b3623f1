import { stat } from 'node:fs/promises';
import type { Key, RootDatabase } from 'lmdb';
import type { Bytes } from '../../../protocol/units.ts';

/** No encoded id begins so, and every one stands before it. */
const FILLER = '~';
/** Small enough to stand in a page with another, so that single free pages are taken. */
const ROW_BYTES: Bytes = 1_500;
const BATCH = 500;
/** What one round frees the next one overwrites. */
const ROUNDS = 2;

export const isFiller = (first: unknown): boolean => first === FILLER;

/**
 * Overwrites what was deleted: LMDB leaves it in free pages, and in the gaps of those that others share. The file grows by
 * as much as it holds, at most, and what is in it stays as it is. A process that ends in between leaves rows that
 * {@link isFiller} tells.
 *
 * @throws what the disk throws
 */
export async function overwriteFree<K extends Key[]>(
  db: RootDatabase<string, K>,
  path: string,
): Promise<void> {
  // A page is copied without its gaps.
  await db.transaction(() => {
    for (const { key, value } of [...db.getRange()]) void db.put(key, value);
  });
  // Until then the file has not its size.
  await db.flushed;
  const rows = 100 + Math.ceil((2 * (await stat(path)).size) / ROW_BYTES);
  const keys = Array.from({ length: rows }, (_, n) => [FILLER, FILLER, FILLER, n] as unknown as K);
  const batches = Array.from({ length: Math.ceil(rows / BATCH) }, (_, n) =>
    keys.slice(n * BATCH, (n + 1) * BATCH),
  );
  const filler = '.'.repeat(ROW_BYTES);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const batch of batches)
      await db.transaction(() => {
        for (const key of batch) void db.put(key, filler);
      });
    await db.flushed;
    for (const batch of batches)
      await db.transaction(() => {
        for (const key of batch) void db.remove(key);
      });
    await db.flushed;
  }
}
