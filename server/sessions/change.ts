import type { Bytes, DurationMs, EpochMs } from '../../protocol/units.ts';
import type { AcknowledgedChange } from './own-records.ts';
import { mayBeRefused, NO_USE, type Quota, type Use } from './quota.ts';
import type { DecidedRecord, Identity, RecordBody } from './records.ts';
import type { SessionRef } from './session-ref.ts';
import { TAIL_MAX_BYTES, TAIL_MAX_RECORDS } from './session-store.ts';
import { PATIENCE_MS } from './session-parts.ts';
import type { Session } from './session.ts';

/** `unchanged`: the decision was that there is nothing to store. */
export type ChangeOutcome = 'stored' | 'deferred' | 'unchanged';

/**
 * Decides records on the draft; pure, and called again when the head had moved. Throws to reject the change.
 *
 * @param at time stamp for the records
 */
export type Decide = (draft: Session, at: EpochMs) => readonly RecordBody[];

export interface ChangeOptions {
  /** A client's write or its runner's: slides the TTL. False for settling, receipts, the reaper. */
  readonly slides?: boolean;
  /** Monotonic moment at which the change stops waiting for the store. Default: now + PATIENCE_MS. */
  readonly deadline?: DurationMs;
  /** Commit even when there is nothing to store: renews the life of the session. */
  readonly renews?: boolean;
  /** Rather fail than defer: the change makes no sense without the store's word. */
  readonly mustStore?: boolean;
  /** Of the caller; a runner's of whose call it works at. Absent: no limits but the server's own. */
  readonly quota?: Quota | undefined;
  /** Told at once when the change is refused as it is made, before anything else can be decided; it is rejected as well. */
  readonly onRefused?: (error: unknown) => void;
}

/** A change on its way to the store. */
export interface Intent {
  readonly decide: Decide;
  readonly options: ChangeOptions;
  /** Monotonic moment of its decision, the last one: what it was decided on stood then. */
  since: DurationMs;
  readonly deadline: DurationMs;
  records: readonly DecidedRecord[];
  /** Those that the store was asked to take last. */
  offered: readonly DecidedRecord[] | undefined;
  /** Head of the stored layer that it was decided on; undefined where that is not known. */
  decidedOn: number | undefined;
  /** The session it was decided on has ended: it is decided again, or fails. */
  isBaseless: boolean;
  /** To be acknowledged from memory: from now on it is never decided again, only rebased. */
  deferred: boolean;
  /** Its caller was told so, or is about to be: it may be shown. Before that it is written to the outage journal. */
  acknowledged: boolean;
  /** What it adds to what the tenant has; looked at only where there are quotas. */
  use: Use;
  /** Under which identity the outage journal has it. */
  kept: Identity | undefined;
  readonly settle: (outcome: ChangeOutcome) => void;
  readonly fail: (error: unknown) => void;
}

/** Whose changes they are: a session in memory. */
export interface ChangesOwner {
  readonly ref: SessionRef;
  /** What the session shows has changed. */
  changed(): void;
  replay(): Promise<void>;
}

export interface Batch {
  /** Whose the records are: a commit carries one instance's. */
  readonly instance: string;
  readonly intents: readonly Intent[];
  readonly records: readonly DecidedRecord[];
}

/** A client's write or its runner's renews the life of the session. */
export const slidesTtl = ({ options }: Intent): boolean => options.slides ?? true;

/**
 * Age of the newest client's write among what is stored only now; undefined when one in the batch did not wait.
 *
 * @param waiting all changes, the batch among them
 */
export function replayedAge(
  waiting: readonly Intent[],
  batch: Batch,
  mono: DurationMs,
): DurationMs | undefined {
  if (batch.intents.some((intent) => !intent.deferred && slidesTtl(intent))) return undefined;
  const newest = waiting.findLast((intent) => intent.deferred && slidesTtl(intent));
  return newest && mono - newest.since;
}

export const sizeOf = (records: readonly DecidedRecord[]): Bytes =>
  records.reduce((sum, record) => sum + record.bytes, 0);

/** Commits go in the order of seq: what an instance has stored cannot come behind what of it waits. */
export function isInFront({ records: [first] }: Intent, waiting: readonly Intent[]): boolean {
  const { instance, seq } = first?.identity ?? { instance: '', seq: 0 };
  const queued = waiting.flatMap(({ records }) => records.map(({ identity }) => identity));
  return queued.every((identity) => identity.instance !== instance || identity.seq > seq);
}

export function toIntent(
  decide: Decide,
  options: ChangeOptions,
  since: DurationMs,
  settle: Intent['settle'],
  fail: Intent['fail'],
): Intent {
  return {
    decide,
    options,
    since,
    deadline: options.deadline ?? since + PATIENCE_MS,
    records: [],
    offered: undefined,
    decidedOn: undefined,
    isBaseless: false,
    deferred: false,
    acknowledged: false,
    use: NO_USE,
    kept: undefined,
    settle,
    fail,
  };
}

/** A change that was acknowledged before, to be offered again under its identities. */
export function toAcknowledged({ records, since, slides, decidedOn }: AcknowledgedChange): Intent {
  const nothing = (): void => undefined;
  return {
    decide: () => [],
    options: { slides },
    since,
    deadline: since,
    records,
    offered: undefined,
    decidedOn,
    isBaseless: false,
    deferred: true,
    acknowledged: true,
    use: NO_USE,
    kept: undefined,
    settle: nothing,
    fail: nothing,
  };
}

/**
 * The oldest changes that fit into one commit; a change is never split. Of those that the store may refuse there is at
 * most one: it refuses a commit whole, and there may be room for one of two.
 *
 * @param own this instance: whose a commit is that has no records
 */
export function takeBatch(waiting: readonly Intent[], own: string): Batch {
  const [only] = waiting;
  if (only !== undefined && waiting.length === 1)
    return {
      instance: only.records[0]?.identity.instance ?? own,
      intents: [only],
      records: only.records,
    };
  let instance: string | undefined;
  const intents: Intent[] = [];
  const records: DecidedRecord[] = [];
  let bytes = 0;
  let hasRefusable = false;
  for (const intent of waiting) {
    const isRefusable = mayBeRefused(intent);
    if (isRefusable && hasRefusable) break;
    hasRefusable ||= isRefusable;
    const more = sizeOf(intent.records);
    const fits = records.length + intent.records.length <= TAIL_MAX_RECORDS && bytes + more <= TAIL_MAX_BYTES;
    const whose = intent.records[0]?.identity.instance ?? instance;
    if (intents.length > 0 && (!fits || whose !== (instance ?? whose))) break;
    instance = whose;
    intents.push(intent);
    records.push(...intent.records);
    bytes += more;
  }
  return { instance: instance ?? own, intents, records };
}
