/**
 * What `npm run evidence` is made of. One scenario goes like this (run-scenario.ts):
 *
 *   1. `topology` starts the stores (topology.ts), `instances` servers start (fleet.ts): processes of dist/server/main.js
 *      on free ports, with the topology's environment, the scenario's `env` and `envOf` of each.
 *   2. `conversations` clients begin to talk (load.ts) and go on until the end. Each keeps or changes its instance, and
 *      goes to another one with the same message when it gets no answer. Every attempt stands in the history
 *      (history.ts): when, where, what was said, what came back.
 *   3. Once everybody was answered, `run(world)` makes the faults. Whatever is broken is broken inside of
 *      `world.fault(name, work)`, which writes its beginning and its end into the history; everything is whole again
 *      when `run` resolves. Spans of time are asked for with `world.span(full, quick)`.
 *   4. Within `recoveredWithinMs` after the last fault every instance has to be ready with nothing pending. The clients go
 *      on for a moment, then stop, and tasks that still run are waited for.
 *   5. The journals are read from the stores, every instance is asked for every task, and the checker judges all of it.
 *
 * All of them are listed in scenarios.ts; those that need a proxy, a shifted clock, full memory, Sentinel or Cluster come
 * from faults/scenarios.ts as `FAULT_SCENARIOS: readonly Scenario[]`.
 *
 * A scenario may add what it has found itself: `world.violation(...)`, and numbers for the report: `world.measure(...)`.
 * It must leave nothing behind: what it starts it hands to `world.onEnd(...)`, which is called in any case. Processes also
 * watch for the exit of this one, as fleet.ts and tests/helpers/redis.ts do: Ctrl-C ends with `process.exit`.
 */
import type { DurationMs } from '../../protocol/units.ts';
import type { Env } from './fleet.ts';
import type { Topology } from './topology.ts';
import type { World } from './world.ts';

export interface Scenario {
  /** For `--only`: kebab-case, one of a kind. */
  readonly name: string;
  /** For people: one line of the table. */
  readonly title: string;
  /** Starts what the servers keep their sessions in. Absent: one Redis with an AOF that is flushed at each write. */
  readonly topology?: (isQuick: boolean) => Promise<Topology>;
  /** Servers. */
  readonly instances: number;
  /** For every server, over that of the topology. */
  readonly env?: (world: Pick<World, 'isQuick' | 'folder'>) => Env;
  /** For one server, over all others. @param nth from 0 */
  readonly envOf?: (nth: number) => Env;
  /** Clients at once, one session each; default 50. */
  readonly conversations?: number;
  /** How many of the sessions are written by two clients at once; default a fifth of the conversations. */
  readonly shared?: number;
  /** Default 4 s; a failover may take 6 s. */
  readonly recoveredWithinMs?: DurationMs;
  /** The stores are not there before `run` lets them start: nobody waits for ready servers or stored answers before. */
  readonly startsAway?: true;
  /** What may be lost and why, said in the report; the checker leaves it out as narrowly as it can. */
  readonly excepted?: Exception;
  /** The clocks of the servers are not comparable: `at` of their records is not used to judge lives of sessions. */
  readonly clocksDiffer?: true;
  /** The time-outs of answers are measured while the store is away: no request may be over 600 ms. Default true. */
  readonly holdsLatency?: boolean;
  run(world: World): Promise<void>;
}

export interface Exception {
  /**
   * `flushed`: the store was emptied (call `world.lost()` right before): what was acknowledged before is gone, and has to
   * stay so. `unsynced`: the store may have gone back by the writes of the last moment before a fault (a replica that
   * lagged was promoted): what was acknowledged as stored in the `withinMs` before a fault began, or during it, may be
   * lost, whole, but not doubled or swapped.
   */
  readonly kind: 'flushed' | 'unsynced';
  readonly withinMs?: DurationMs;
  /** One sentence for docs/evidence.md. */
  readonly why: string;
}
