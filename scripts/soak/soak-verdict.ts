import type { Bytes } from '../../protocol/units.ts';
import type { Holdings } from './soaked-server.ts';

/** What there is when nobody asks anything any more and every session has expired. */
export interface Rest {
  readonly holdings: Holdings;
  /** What the server is still busy with; empty when nothing. */
  readonly business: readonly string[];
  /** Sessions in memory: expired ones may stay there until there is need for the room. */
  readonly cached: number;
  /** Names of the keys in Redis. */
  readonly keys: readonly string[];
}

const HEAP_SHARE = 1.05;
const HEAP_MORE: Bytes = 4 * 1024 * 1024;
/** What instances tell each other of themselves stays. */
const REGISTRY = '{reg}:';

export const heapMax = (before: Rest): Bytes => before.holdings.heapUsed * HEAP_SHARE + HEAP_MORE;

/** Keys of sessions that have gone. */
export const leftKeys = ({ keys }: Rest): string[] => keys.filter((key) => !key.includes(REGISTRY));

/** Kinds of handles of which there are more than before. */
export function moreHandles(before: Rest, after: Rest): string[] {
  return Object.entries(after.holdings.handles).flatMap(([kind, count]) => {
    const had = before.holdings.handles[kind] ?? 0;
    return count > had ? [`${kind} ${count}, ${had} before`] : [];
  });
}

/** What did not come back to where it was. Empty when all did. */
export function judgeSoak(before: Rest, after: Rest): string[] {
  const found = [...after.business, ...moreHandles(before, after)];
  const [heap, bound] = [after.holdings.heapUsed, heapMax(before)];
  if (heap > bound) found.push(`the heap is ${inMb(heap)}, ${inMb(bound)} would do`);
  const left = leftKeys(after);
  if (left.length > 0) found.push(`${left.length} keys stay in Redis: ${left.slice(0, 5).join(', ')}`);
  return found;
}

export const inMb = (bytes: Bytes): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
