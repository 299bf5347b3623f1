/**
 * What a store knows of the instances that share it: who is alive, what they run, and how they wake each other. Part of
 * {@link SessionStore}. Every time in it is store time: the clocks of the instances are never compared.
 */
import type { DurationMs } from '../../protocol/units.ts';
import type { RunKey } from './records.ts';
import type { SessionRef } from './session-ref.ts';
import type { CountedStore } from './store-census.ts';

/** An instance as the store knows it. */
export interface InstanceSeen {
  readonly instance: string;
  /** Since its last beat; `Infinity` when it has said goodbye. */
  readonly ageMs: DurationMs;
}

/** A task that its summary says is submitted or working. */
export interface RunningTask {
  readonly sessionId: string;
  /** Local part of the task id. */
  readonly local: string;
  /** Who runs it, and which run that is; undefined when its summary cannot be read. */
  readonly by: RunKey | undefined;
}

export interface RunningTasks {
  readonly tasks: readonly RunningTask[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
}

/** How the store is set up, where that may cost sessions. */
export interface StoreWarning {
  /** `evicts`: it may drop sessions when its memory is full; `volatile`: what it holds does not survive its restart. */
  readonly concern: 'evicts' | 'volatile';
  /** For the operator: what was found, and what to change. */
  readonly text: string;
}

/** Ends a watch. Idempotent. Never throws. */
export type Unwatch = () => void;

export interface InstanceStore extends CountedStore {
  /**
   * Says that this instance is alive, by store time. Also what a breaker probes with.
   *
   * @returns the number of the newest order to erase, 0 when there is none
   */
  beat(instance: string): Promise<number>;
  /** Every instance that has beaten within a day and was not forgotten; those that have left are among them. */
  instances(): Promise<readonly InstanceSeen[]>;
  /** A clean goodbye: the instance is dead at once, and known until it is forgotten. */
  leave(instance: string): Promise<void>;
  /** What a dead instance has left is settled: neither it nor its tenants need to be looked for again. */
  forget(instance: string): Promise<void>;

  /** Remembers that this instance has sessions of the tenant, so that whoever comes later looks after them. */
  noteTenant(tenant: string, instance: string): Promise<void>;
  /** Every tenant that was noted within the longest life of a session. */
  tenants(): Promise<readonly string[]>;
  /** Those that this instance has noted. */
  tenantsOf(instance: string): Promise<readonly string[]>;

  /**
   * A tenant's submitted and working tasks, from the per-state indexes and the summaries, without reading a session.
   * A bounded number of pages of at most `limit` tasks; a task that changes meanwhile may be missed or come twice.
   *
   * @param after `next` of the page before
   */
  runningTasks(tenant: string, limit: number, after?: string): Promise<RunningTasks>;

  /**
   * Hints that a session's head may have moved because somebody else has written. It may be late, come twice, or be
   * lost: the journal is the truth. Resolves when hints come, or after a short while when they cannot be had now (they
   * come as soon as they can); never rejects. Where the store is exclusive there is nobody else, and nothing comes.
   *
   * @param onWake told the head that was written, where the hint says it; 0: the session was removed. Also called,
   *   without a head, when hints may have been lost
   */
  watch(ref: SessionRef, onWake: (head?: number) => void): Promise<Unwatch>;
  /** Asks an instance to look at a session at once. A hint as above: who is not there, or does not listen, hears nothing. */
  nudge(instance: string, ref: SessionRef): Promise<void>;
  /** Hears the nudges for an instance. As {@link watch}: resolves in any case, never rejects. */
  onNudge(instance: string, listener: (ref: SessionRef) => void): Promise<Unwatch>;

  /**
   * What all instances of the store share: whoever comes first says it, and it outlives them.
   *
   * @param name a constant of the program
   * @param value what it is to be if there is none yet; may be a secret
   * @returns what it is
   */
  shared(name: string, value: string): Promise<string>;

  /** How the store is set up, as far as it may be asked; an answer that is refused is no warning. */
  warnings(): Promise<readonly StoreWarning[]>;
}
