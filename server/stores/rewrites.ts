import type { Bytes } from '../../protocol/units.ts';
import type { Rewrite } from '../sessions/rewrite-store.ts';

const PORTION_MAX_BYTES: Bytes = 1_048_576;
const PORTION_MAX = 500;

/** What one call, or one transaction, takes: others wait so long. Always at least one. */
export function* toRewritePortions(rewrites: readonly Rewrite[]): Iterable<readonly Rewrite[]> {
  let portion: Rewrite[] = [];
  let bytes = 0;
  for (const rewrite of rewrites) {
    const size = Buffer.byteLength(rewrite.from) + Buffer.byteLength(rewrite.to);
    if (portion.length > 0 && (bytes + size > PORTION_MAX_BYTES || portion.length === PORTION_MAX)) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(rewrite);
    bytes += size;
  }
  if (portion.length > 0) yield portion;
}
