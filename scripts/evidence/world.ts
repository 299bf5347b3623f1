/** What a scenario works with: its servers, its stores, its clients, and the book that everything is written into. */
import { setTimeout as pause } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';
import { Random } from '../recovery/random.ts';
import { type Fleet, readyz } from './fleet.ts';
import type { History } from './history.ts';
import type { Load } from './load.ts';
import type { Topology } from './topology.ts';

/** A number for the report; over its limit it is a violation. */
export interface Measure {
  readonly name: string;
  readonly value: number;
  readonly unit: 'ms' | '';
  readonly limit?: number;
}

export interface Violation {
  /** One of the checker's kinds, or `limit`. */
  readonly kind: string;
  /** The message, task, session, stream or instance. */
  readonly what: string;
  readonly detail: string;
}

export interface WorldParts {
  readonly isQuick: boolean;
  /** Chooses what is random. */
  readonly seed: number;
  /** Of this scenario alone; goes with it. */
  readonly folder: string;
  readonly topology: Topology;
  readonly fleet: Fleet;
  readonly load: Load;
  readonly history: History;
}

export class World {
  readonly isQuick: boolean;
  readonly folder: string;
  readonly topology: Topology;
  readonly fleet: Fleet;
  readonly load: Load;
  readonly history: History;
  readonly random: Random;
  readonly measures: Measure[] = [];
  readonly violations: Violation[] = [];
  /** Sentences for the report. */
  readonly remarks: string[] = [];
  readonly #ends: (() => Promise<void> | void)[] = [];
  #faults = 0;

  constructor(parts: WorldParts) {
    this.isQuick = parts.isQuick;
    this.folder = parts.folder;
    this.topology = parts.topology;
    this.fleet = parts.fleet;
    this.load = parts.load;
    this.history = parts.history;
    this.random = new Random(parts.seed);
  }

  /** A span for the full run, and one for `--quick`. */
  span(fullMs: DurationMs, quickMs: DurationMs): DurationMs {
    return this.isQuick ? quickMs : fullMs;
  }

  /** As {@link span}, for counts. */
  times(full: number, quick: number): number {
    return this.isQuick ? quick : full;
  }

  pause(ms: DurationMs): Promise<void> {
    return pause(ms);
  }

  /** Something is broken from here until `work` is done; what it broke is whole again by then. */
  async fault<T>(name: string, work: () => Promise<T> | T): Promise<T> {
    this.#faults += 1;
    this.history.mark({ kind: 'fault', name });
    try {
      return await work();
    } finally {
      this.history.mark({ kind: 'healed', name });
    }
  }

  get faults(): number {
    return this.#faults;
  }

  /** All that was acknowledged so far is about to be gone. */
  lost(): void {
    this.history.mark({ kind: 'lost' });
  }

  measure(name: string, value: number, unit: 'ms' | '' = 'ms', limit?: number): void {
    this.measures.push({ name, value, unit, ...(limit !== undefined && { limit }) });
  }

  violation(kind: string, what: string, detail: string): void {
    this.violations.push({ kind, what, detail });
  }

  /** Called when the scenario ends, however it ends, the last one first. */
  onEnd(work: () => Promise<void> | void): void {
    this.#ends.push(work);
  }

  async end(): Promise<void> {
    for (const work of this.#ends.splice(0).reverse()) await work();
  }

  /** Waits until every server that is up is ready and has nothing pending. @returns how long that took; undefined: too long */
  async recovered(withinMs: DurationMs): Promise<DurationMs | undefined> {
    const began = performance.now();
    while (performance.now() - began < withinMs) {
      const all = await Promise.all(this.fleet.up.map((instance) => readyz(instance)));
      if (all.every((each) => each?.status === 'ready' && each.pending.records === 0))
        return performance.now() - began;
      await pause(20);
    }
    return undefined;
  }
}
