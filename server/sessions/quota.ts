/** What a tenant may have: of how much a change adds, and what the store is asked to check. */
import { ProtocolError } from '../../protocol/errors.ts';
import { isRunning } from '../../protocol/task-state.ts';
import type { Bytes } from '../../protocol/units.ts';
import type { RecordBody } from './records.ts';
import type { Session } from './session.ts';
import type { TenantLimits } from './tenant-counts.ts';

/** The limits of a caller's tier. Absent: none. */
export interface Quota {
  readonly tier: string;
  readonly maxSessions?: number;
  readonly maxRunningTasks?: number;
  readonly maxRecordsPerSession?: number;
  readonly maxBytesPerSession?: Bytes;
  readonly maxWebhooksPerTask?: number;
}

export type QuotaLimit = Exclude<keyof Quota, 'tier'>;

/** How many sessions, and running tasks, a change adds to what its tenant has; below 0: takes away. */
export interface Use {
  readonly sessions: number;
  readonly runningTasks: number;
}

export const NO_USE: Use = { sessions: 0, runningTasks: 0 };

/** A limit of the caller's tier is reached. */
export class QuotaReachedError extends ProtocolError {
  readonly limit: QuotaLimit;
  readonly tier: string;
  readonly max: number;

  constructor(limit: QuotaLimit, { tier, [limit]: max = 0 }: Quota) {
    super('RESOURCE_EXHAUSTED', {
      message: `the limit of the tier ${tier} is reached: ${limit} is ${max}`,
      metadata: { bound: limit, limit: String(max), tier },
    });
    this.limit = limit;
    this.tier = tier;
    this.max = max;
  }
}

/** What a record may change of the use of a tenant; the others cost nothing here. */
export function changesUse({ t }: RecordBody): boolean {
  return t === 'created' || t === 'task' || t === 'run' || t === 'status' || t === 'reply';
}

/** @param task local id @returns 1 while an executor is at work on it, or should be */
export function runningIn(session: Session, task: string): number {
  const fold = session.task(task);
  return fold !== undefined && !fold.withdrawn && isRunning(fold.state) ? 1 : 0;
}

/** What is decided, on its way to the store. */
interface Asking {
  readonly options: { readonly quota?: Quota | undefined };
  readonly use: Use;
  readonly deferred: boolean;
}

const adds = ({ options, use }: Asking): boolean =>
  options.quota !== undefined && (use.sessions > 0 || use.runningTasks > 0);

/** The store may refuse it: it adds to what is limited, and nobody was told that it is done. */
export const mayBeRefused = (intent: Asking): boolean => !intent.deferred && adds(intent);

/** It was acknowledged unasked: the store says what that has led to. */
export const wasAdmitted = (intent: Asking): boolean => intent.deferred && adds(intent);

/** No tenant has that many: a store that is asked for it refuses nothing and says how many there are. */
export const COUNT_ONLY = Number.MAX_SAFE_INTEGER;

const MADE_OF = [
  ['maxSessions', 'sessions'],
  ['maxRunningTasks', 'runningTasks'],
] as const;

/** @returns what a commit of these asks the store to check; undefined when that is nothing */
export function toLimits(intents: readonly Asking[]): TenantLimits | undefined {
  let limits: { -readonly [L in keyof TenantLimits]: TenantLimits[L] } | undefined;
  for (const intent of intents) {
    if (!adds(intent)) continue;
    for (const [limit, of] of MADE_OF) {
      const max = intent.options.quota?.[limit];
      if (max === undefined || intent.use[of] <= 0) continue;
      limits ??= {};
      limits[limit] = Math.min(limits[limit] ?? COUNT_ONLY, intent.deferred ? COUNT_ONLY : max);
    }
  }
  return limits;
}

/** @returns what a change would exceed, where so much is known to be there */
export function exceeded({ options, use }: Asking, known: Use): QuotaReachedError | undefined {
  const { quota } = options;
  if (quota === undefined) return undefined;
  for (const [limit, of] of MADE_OF) {
    const max = quota[limit];
    if (max !== undefined && use[of] > 0 && known[of] + use[of] > max)
      return new QuotaReachedError(limit, quota);
  }
  return undefined;
}

/** By how many more than its limit a tenant has. */
export interface Excess {
  readonly limit: QuotaLimit;
  readonly tier: string;
  readonly max: number;
  readonly count: number;
}

/** @param counts with this change, as far as the store was asked */
export function excesses({ options, use }: Asking, counts: Partial<Use>): Excess[] {
  const { quota } = options;
  if (quota === undefined) return [];
  return MADE_OF.flatMap(([limit, of]) => {
    const [max, count] = [quota[limit], counts[of]];
    const isOver = max !== undefined && count !== undefined && use[of] > 0 && count > max;
    return isOver ? [{ limit, tier: quota.tier, max, count }] : [];
  });
}

/** @returns what a session would exceed with one more record */
export function overSize(quota: Quota | undefined, draft: Session, bytes: Bytes): ProtocolError | undefined {
  if (quota === undefined) return undefined;
  if (draft.bytes + bytes > (quota.maxBytesPerSession ?? Infinity))
    return new QuotaReachedError('maxBytesPerSession', quota);
  if (draft.head + 1 > (quota.maxRecordsPerSession ?? Infinity))
    return new QuotaReachedError('maxRecordsPerSession', quota);
  return undefined;
}
