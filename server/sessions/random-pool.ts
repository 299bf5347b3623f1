import { randomFillSync } from 'node:crypto';
import type { Bytes } from '../../protocol/units.ts';

const POOL_BYTES: Bytes = 4_096;

const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
/** Where those begin that nobody was given yet. */
let next = POOL_BYTES;

/**
 * Random bytes from the system's generator, as base64url. Asking for them costs more than making them, so many are fetched
 * at once; none is given twice.
 *
 * @param bytes at most 4,096
 */
export function randomText(bytes: Bytes): string {
  if (bytes > POOL_BYTES) throw new RangeError(`at most ${POOL_BYTES} random bytes, not ${bytes}`);
  if (next + bytes > POOL_BYTES) {
    randomFillSync(pool);
    next = 0;
  }
  const from = next;
  next += bytes;
  return pool.toString('base64url', from, next);
}
