/** What an operator's tool sees of a store beside the sessions themselves: its indexes, entry by entry. */
import type { SessionRef } from '../sessions/session-ref.ts';

export type StrayKind =
  /** The entry of a session that should still be there. */
  | 'lost'
  /** An entry of a session or a task that is gone. */
  | 'orphan'
  /** The task stands in the index of a state that it is not in. */
  | 'stale'
  /** The task is missing in the index of the state that it is in. */
  | 'unindexed'
  /** The session would stay for ever. */
  | 'no-ttl'
  /** The session is in no index of sessions: it is not listed. */
  | 'unlisted';

/** An entry that does not say what is. */
export interface Stray {
  readonly kind: StrayKind;
  readonly ref: SessionRef;
  /** As the runbook calls it, such as `tasks:working`. */
  readonly index: string;
  /** Local part of a task's id. */
  readonly local?: string;
}

/** One step of a walk. */
export interface Looked {
  readonly entries: number;
  readonly strays: readonly Stray[];
  /** Index keys that would stay for ever. */
  readonly immortal?: readonly string[];
  /** Index keys of a type that is not theirs. What they should say is not looked at. */
  readonly damaged?: readonly string[];
  /** Sessions to which the index of sessions does not lead. */
  readonly unreached?: readonly SessionRef[];
  /** Tenants, or subjects of them, that the registry does not have. */
  readonly unknown?: readonly string[];
}

/** Walks in steps of a bounded size; what changes meanwhile may be missed or told wrongly, so it is to be looked at again. */
export interface StoreInspection {
  /** What the configuration disagrees with what the store was set up with; undefined: in nothing. */
  setupProblem(): Promise<string | undefined>;
  /** How many sessions the index of a tenant, or a subject of it, has; a few may have expired. A damaged one has none. */
  count(place: string): Promise<number>;
  /** Every entry of the indexes of a tenant, or a subject of it. */
  indexes(place: string): AsyncIterable<Looked>;
  /** Whether the outbox has the session, or cannot say: one that it lacks is told of to nobody. */
  hasDue(ref: SessionRef): Promise<boolean>;
  /**
   * Takes one entry of a session that is not there out of an index.
   *
   * @returns false when the session is there after all
   */
  drop(stray: Pick<Stray, 'ref' | 'index' | 'local'>): Promise<boolean>;
  /** Everything that is under the keys of this store, known to an index or not. */
  everything(places: ReadonlySet<string>): AsyncIterable<Looked>;
}
