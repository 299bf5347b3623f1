import type { Bytes } from '../../protocol/units.ts';
import type { JournalRecord } from './records.ts';

/**
 * Consecutive records with more of an artifact. Its first record is in none: it says where the artifact stands among the
 * others.
 */
export interface ChunkRun {
  readonly from: number;
  readonly to: number;
  readonly bytes: Bytes;
}

/** One that a journal ends in. */
export interface OpenRun extends ChunkRun {
  readonly task: string;
  readonly artifactId: string;
}

/** Fewer are not worth a record that says they are gone. */
export const RUN_MIN_RECORDS = 4;

export const isLong = ({ from, to }: ChunkRun): boolean => to - from + 1 >= RUN_MIN_RECORDS;

/**
 * The run in which a journal ends once it has one more record.
 *
 * @param run the one it ended in before
 * @param isMore whether the artifact of an artifact's record was there before it
 */
export function followRun(
  run: OpenRun | undefined,
  { n, body, bytes }: JournalRecord,
  isMore: boolean,
): OpenRun | undefined {
  if (body?.t !== 'artifact' || body.whole === true || !isMore) return undefined;
  const { task } = body;
  const { artifactId } = body.artifact;
  if (run?.task !== task || run.artifactId !== artifactId) return { task, artifactId, from: n, to: n, bytes };
  return { ...run, to: n, bytes: run.bytes + bytes };
}
