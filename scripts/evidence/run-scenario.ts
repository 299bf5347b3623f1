/** One scenario, from empty stores to the verdict. Leaves nothing behind, however it ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';
import { isEnded } from './book.ts';
import { judge, QUICK_MAX_MS } from './checker.ts';
import type { Verdict, View } from './evidence.ts';
import { type Env, Fleet, readyz } from './fleet.ts';
import { History, type MarkAt, type Operation } from './history.ts';
import { readJournals, type StoredJournal } from './journals.ts';
import { Load } from './load.ts';
import { recoveries } from './measures.ts';
import { observe } from './observe.ts';
import type { Scenario } from './scenario.ts';
import { singleRedis } from './topology.ts';
import { type Measure, type Violation, World } from './world.ts';

export interface Settings {
  readonly isQuick: boolean;
  readonly seed: number;
  /** For people who watch. */
  readonly onStep: (scenario: string, step: string) => void;
}

export interface Outcome {
  readonly scenario: Scenario;
  readonly conversations: number;
  readonly verdict: Verdict;
  /** The checker's, and what is over a limit. */
  readonly violations: readonly Violation[];
  readonly measures: readonly Measure[];
  readonly remarks: readonly string[];
  /** After the fault that took longest; undefined: nothing was broken, or it never did. */
  readonly recoveredMs: DurationMs | undefined;
  readonly stallMs: DurationMs;
  readonly warnings: ReadonlyMap<string, number>;
  readonly stores: string;
  readonly tookMs: DurationMs;
  /** All that is known, for whoever has to find out. */
  readonly traces: Traces;
}

export interface Traces {
  readonly operations: readonly Operation[];
  readonly marks: readonly MarkAt[];
  readonly journals: readonly StoredJournal[];
  readonly views: readonly View[];
  readonly logs: readonly object[];
}

const CONVERSATIONS = 50;
const SHARED_SHARE = 0.2;
const TTL_SECONDS = 900;
const RECOVERED_WITHIN_MS: DurationMs = 4_000;
const PROBE_EVERY_MS: DurationMs = 100;
/** Tasks whose runner is gone have to be settled by then, with the slowest of all settings. */
const SETTLED_WITHIN_MS: DurationMs = 25_000;
const GONE_MAX = 100;

export async function runScenario(scenario: Scenario, settings: Settings): Promise<Outcome> {
  const began = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-evidence-'));
  const removeFolder = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', removeFolder);
  const { isQuick, seed } = settings;
  const step = (text: string): void => {
    settings.onStep(scenario.name, text);
  };
  step('starts');
  const topology = await (scenario.topology?.(isQuick) ?? singleRedis());
  const history = new History();
  const own = scenario.env?.({ isQuick, folder }) ?? {};
  const common = { ...BASE_ENV, ...topology.env, ...own };
  const fleet = new Fleet(
    scenario.instances,
    (nth) => ({ ...common, ...scenario.envOf?.(nth) }),
    folder,
    history,
  );
  const { conversations = CONVERSATIONS, shared = Math.floor(conversations * SHARED_SHARE) } = scenario;
  const load = new Load(fleet, history, { conversations, shared, seed, isQuick });
  const world = new World({ isQuick, seed, folder, topology, fleet, load, history });
  const prober = new Prober(fleet, history);
  try {
    await fleet.start();
    prober.start();
    load.start();
    if (scenario.startsAway !== true) await load.answered(2 * conversations);
    step('runs');
    await scenario.run(world);
    step('recovers');
    const limitMs = scenario.recoveredWithinMs ?? RECOVERED_WITHIN_MS;
    await world.recovered(limitMs + SETTLED_WITHIN_MS);
    await load.answered(conversations);
    await load.stop();
    await world.recovered(limitMs);
    step('is checked');
    const leftPending = await prober.left();
    const journals = await settled(async () => readJournals(await topology.masters()));
    const views = await observe(fleet, journals, goneTasks(history, journals), isQuick);
    await prober.stop();
    const verdict = judge({
      ...{ operations: history.operations, marks: history.marks, journals, views, leftPending },
      terms: {
        ttlMs: Number(common['A2A_SESSION_TTL_SECONDS']) * 1_000,
        hasOutageJournal: common['A2A_OUTAGE_JOURNAL_DIR'] !== undefined,
        clocksDiffer: scenario.clocksDiffer === true,
        stallMs: load.stallMs,
        ...(scenario.excepted && { exception: scenario.excepted }),
        ...(scenario.holdsLatency !== false && { quickMaxMs: QUICK_MAX_MS }),
      },
    });
    const marks = [...history.marks];
    await fleet.close();
    return {
      ...{ scenario, conversations, verdict, stores: topology.what, stallMs: load.stallMs },
      violations: [...verdict.violations, ...world.violations, ...overLimits(world, limitMs)],
      measures: world.measures,
      remarks: world.remarks,
      recoveredMs: longest(recoveries(history.marks)),
      warnings: sum(fleet.instances.map(({ warnings }) => warnings)),
      tookMs: performance.now() - began,
      traces: {
        operations: history.operations,
        marks,
        journals,
        views,
        logs: fleet.instances.flatMap(({ lines }) => lines),
      },
    };
  } finally {
    load.abort();
    await prober.stop();
    await world.end();
    await fleet.close();
    await topology.stop();
    removeFolder();
    process.off('exit', removeFolder);
  }
}

/**
 * Dead soon, so that the runs stay short. Strict, because clients go elsewhere with the same message when an answer does
 * not come: where it was on its way meanwhile it counts as delivered, and by default the repeat is a message of its own.
 */
const BASE_ENV: Env = {
  A2A_IDEMPOTENCY: 'strict',
  A2A_DEAD_SECONDS: '3',
  A2A_DRAIN_SECONDS: '3',
  A2A_SESSION_TTL_SECONDS: String(TTL_SECONDS),
};

/** Asks every instance all the time how much waits for the store. */
class Prober {
  readonly #fleet: Fleet;
  readonly #history: History;
  #isOver = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(fleet: Fleet, history: History) {
    this.#fleet = fleet;
    this.#history = history;
  }

  start(): void {
    this.#running = Promise.all(this.#fleet.instances.map((_, nth) => this.#probe(nth)));
  }

  async #probe(nth: number): Promise<void> {
    const instance = this.#fleet.at(nth);
    while (!this.#isOver) {
      const { incarnation } = instance;
      const askedAt = performance.now();
      const said = instance.isUp ? await readyz(instance) : undefined;
      if (said !== undefined && incarnation === instance.incarnation) {
        const { records } = said.pending;
        this.#history.mark({
          kind: 'pending',
          instance: incarnation,
          askedAt,
          records,
          ready: said.status === 'ready',
        });
      }
      await pause(PROBE_EVERY_MS);
    }
  }

  /** Who still has records that wait, and how many. */
  async left(): Promise<Map<string, number>> {
    const left = new Map<string, number>();
    for (const instance of this.#fleet.up) {
      const records = (await readyz(instance, 5_000))?.pending.records ?? Number.NaN;
      if (records !== 0) left.set(instance.name, records);
    }
    return left;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }
}

/** Waits until every task has ended, but not for ever: the checker tells which have not. */
async function settled(read: () => Promise<StoredJournal[]>): Promise<StoredJournal[]> {
  const deadline = performance.now() + SETTLED_WITHIN_MS;
  for (;;) {
    const journals = await read();
    const running = journals.some(({ summaries }) =>
      [...summaries.values()].some((state) => !isEnded(state)),
    );
    if (!running || performance.now() > deadline) return journals;
    await pause(300);
  }
}

/** Tasks that clients were told of and that are in no journal. */
function goneTasks({ operations }: History, journals: readonly StoredJournal[]): string[] {
  const stored = new Set(
    journals.flatMap(({ session, records }) =>
      records.flatMap(({ task = '', alias }) => [
        `${session}.${task}`,
        ...(alias === undefined ? [] : [alias]),
      ]),
    ),
  );
  const told = new Set(operations.flatMap(({ seen }) => (seen === undefined ? [] : [seen.id])));
  return [...told].filter((id) => !stored.has(id)).slice(0, GONE_MAX);
}

function overLimits(world: World, recoveredWithinMs: DurationMs): Violation[] {
  const late = recoveries(world.history.marks).filter((ms) => ms === undefined || ms > recoveredWithinMs);
  return [
    ...world.measures.flatMap(({ name, value, unit, limit }): Violation[] => {
      if (limit === undefined || value <= limit) return [];
      const [has, most] = [value, limit].map((each) => `${Math.round(each)} ${unit}`.trim());
      return [{ kind: 'limit', what: name, detail: `${has}, at most ${most}` }];
    }),
    ...late.map((ms): Violation => {
      const took = ms === undefined ? 'never' : `after ${Math.round(ms)} ms`;
      return { kind: 'limit', what: 'recovered in', detail: `${took}, at most ${recoveredWithinMs} ms` };
    }),
    ...world.fleet.instances.flatMap(({ name, crashed }): Violation[] =>
      crashed === undefined ? [] : [{ kind: 'crashed', what: name, detail: crashed }],
    ),
  ];
}

const longest = (spans: readonly (DurationMs | undefined)[]): DurationMs | undefined =>
  spans.reduce((most, ms) => (ms !== undefined && ms > (most ?? 0) ? ms : most), undefined);

function sum(all: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const total = new Map<string, number>();
  for (const each of all) for (const [name, count] of each) total.set(name, (total.get(name) ?? 0) + count);
  return total;
}
