/** First and last number of a run of records. */
export type RecordRange = readonly [number, number];

/**
 * Cuts ranges so that no portion names more than `size` records.
 *
 * @throws {RangeError} when a range is none
 */
export function toPortions(ranges: readonly RecordRange[], size: number): RecordRange[][] {
  const portions: RecordRange[][] = [];
  let portion: RecordRange[] = [];
  let room = size;
  for (const [from, to] of ranges) {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 1 || to < from) {
      throw new RangeError(`not a range of records: ${from} to ${to}`);
    }
    for (let first = from; first <= to;) {
      const last = Math.min(to, first + room - 1);
      portion.push([first, last]);
      room -= last - first + 1;
      first = last + 1;
      if (room > 0) continue;
      portions.push(portion);
      portion = [];
      room = size;
    }
  }
  if (portion.length > 0) portions.push(portion);
  return portions;
}
