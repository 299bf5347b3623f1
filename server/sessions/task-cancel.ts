import { toTimestamp, type EpochMs, type JsonObject } from '../../protocol/units.ts';
import type { CancelRecord, StatusRecord } from './records.ts';

/** The metadata key under which clients are shown what became of a cancel. It is made from the records, never stored. */
export const CANCEL_KEY = 'holdfast:cancel';

/**
 * `requested`: a client asked for it; `delivered`: the runner has told the executor; `stopped`: the executor is at rest;
 * `forced`: the task was ended without waiting for its executor any longer.
 */
export type CancelState = 'requested' | 'delivered' | 'stopped' | 'forced';

/** How far a cancel has come. A task that ended otherwise meanwhile keeps how far it had come by then. */
export interface CancelFold {
  readonly state: CancelState;
  readonly requestedAt: EpochMs;
  readonly deliveredAt?: EpochMs;
  readonly endedAt?: EpochMs;
}

/** A second request changes nothing, nor does a second delivery. */
export function withCancel(cancel: CancelFold | undefined, { at, by }: CancelRecord): CancelFold {
  const known = cancel ?? { state: 'requested', requestedAt: at };
  return by === undefined || known.deliveredAt !== undefined
    ? known
    : { ...known, state: 'delivered', deliveredAt: at };
}

/** The task is canceled. An executor that says so itself has stopped. @returns undefined when nobody had asked for it */
export function withCancelEnd(
  cancel: CancelFold | undefined,
  { at, cancel: end }: Pick<StatusRecord, 'at' | 'cancel'>,
): CancelFold | undefined {
  if (cancel === undefined && end === undefined) return undefined;
  return { ...(cancel ?? { requestedAt: at }), state: end ?? 'stopped', endedAt: at };
}

export function toCancelMetadata({ state, requestedAt, deliveredAt, endedAt }: CancelFold): JsonObject {
  return {
    [CANCEL_KEY]: {
      state,
      requestedAt: toTimestamp(requestedAt),
      ...(deliveredAt !== undefined && { deliveredAt: toTimestamp(deliveredAt) }),
      ...(endedAt !== undefined && { endedAt: toTimestamp(endedAt) }),
    },
  };
}

/** What an agent says, without what only the records may say: it gives its task back with all that it was shown. */
export function withoutCancel(metadata: JsonObject | undefined): JsonObject | undefined {
  if (metadata === undefined || !(CANCEL_KEY in metadata)) return metadata;
  const own = Object.entries(metadata).filter(([key]) => key !== CANCEL_KEY);
  return own.length === 0 ? undefined : Object.fromEntries(own);
}
