/**
 * What is left of a task that has ended. The commit that ends it deletes nothing, because followers and clients that
 * resume still need every chunk; it adds one record with the whole of each artifact that came in many. Later, when no
 * stream can be resumed there any more, a record says which chunks those made superfluous, and their content is deleted.
 * See docs/adr/0011-ended-tasks.md.
 */
import type { Bytes, DurationMs, EpochMs } from '../../protocol/units.ts';
import { isLong, type ChunkRun } from './chunk-runs.ts';
import type { ArtifactRecord, CompactedRecord, DecidedRecord, RecordBody } from './records.ts';
import type { Session } from './session.ts';
import { TAIL_MAX_BYTES, TAIL_MAX_RECORDS } from './session-store.ts';
import type { ArtifactFold } from './artifact-fold.ts';

/** Fewer chunks cost less than the record that would replace them. */
const SUPERSEDED_MIN_RECORDS = 8;
/** What is larger is not even looked at: its whole is hardly one that fits a commit. */
const SUPERSEDED_MAX_BYTES: Bytes = 4 * TAIL_MAX_BYTES;
/**
 * The whole may be at most this part of what it makes superfluous. It is written once more, so it has to halve what stays:
 * chunks of 60 bytes of text and more have too little to save.
 */
const WHOLE_MAX_SHARE = 0.5;
/** Runs that one commit says are gone. */
const COMPACTED_MAX = 16;

/** Tells nobody anything new: it may be left out, and nobody misses it. */
export const tidiesUp = (body: RecordBody): boolean =>
  body.t === 'compacted' || (body.t === 'artifact' && body.whole === true);

/**
 * Whether a record that tidies up fits into a commit with the change that it rides on.
 *
 * @param before what of the commit stands in front of it
 * @param change all that must stand in it
 */
export function isRoomBeside(
  before: readonly DecidedRecord[],
  { bytes }: DecidedRecord,
  change: readonly RecordBody[],
): boolean {
  return (
    before.length + change.length < TAIL_MAX_RECORDS &&
    before.reduce((sum, record) => sum + record.bytes, bytes) <= TAIL_MAX_BYTES
  );
}

/** An artifact of a task that is about to end, in one record. @returns undefined where that is not worth its room */
export function wholeArtifact(
  draft: Session,
  local: string,
  artifactId: string,
  at: EpochMs,
): ArtifactRecord | undefined {
  const { openRun } = draft;
  const isOpen = openRun?.task === local && openRun.artifactId === artifactId;
  const fold = draft.task(local)?.artifact(artifactId);
  if (fold === undefined || !(isOpen || fold.hasRuns)) return undefined;
  const runs = isOpen ? [...fold.runs, openRun].filter(isLong) : fold.runs;
  const superseded = runs.reduce((sum, { bytes }) => sum + bytes, 0);
  if (recordsIn(runs) < SUPERSEDED_MIN_RECORDS || superseded > SUPERSEDED_MAX_BYTES) return undefined;
  const record = toWhole(local, at, fold);
  return Buffer.byteLength(JSON.stringify(record)) <= WHOLE_MAX_SHARE * superseded ? record : undefined;
}

const NONE_DUE: readonly CompactedRecord[] = [];

const toWhole = (task: string, at: EpochMs, fold: ArtifactFold): ArtifactRecord => ({
  t: 'artifact',
  at,
  task,
  artifact: fold.toArtifact(),
  whole: true,
});

const recordsIn = (runs: readonly ChunkRun[]): number =>
  runs.reduce((sum, { from, to }) => sum + to - from + 1, 0);

/**
 * What the next commit of a session may say is gone: of the task that ended first, if that was long enough ago and nobody
 * is still to be told of it.
 */
export function dueCompactions(
  draft: Session,
  at: EpochMs,
  resumeMs: DurationMs,
): readonly CompactedRecord[] {
  const task = draft.nextToCompact;
  if (task === undefined || at - task.statusAt < resumeMs || draft.waiting.has(task.local)) return NONE_DUE;
  return task.superseded
    .slice(0, COMPACTED_MAX)
    .map(({ from, to }) => ({ t: 'compacted', at, task: task.local, from, to }));
}

/** Whether a record may be missing because its task was compacted. O(tasks). */
export function isCompacted(session: Session, n: number): boolean {
  for (const { compacted } of session.tasks())
    if (compacted.some(([from, to]) => from <= n && n <= to)) return true;
  return false;
}

/** Those of some record numbers, in order, at which nothing was compacted: their records are lost. */
export function lostAmong(session: Session, missing: readonly number[]): number[] {
  if (missing.length === 0) return [];
  const ranges = session
    .tasks()
    .flatMap(({ compacted }) => [...compacted])
    .sort(([a], [b]) => a - b);
  let next = 0;
  return missing.filter((n) => {
    while ((ranges[next]?.[1] ?? Infinity) < n) next += 1;
    return (ranges[next]?.[0] ?? Infinity) > n;
  });
}
