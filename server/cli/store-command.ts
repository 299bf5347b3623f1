/** `holdfast store check`, `repair` and `stats`. */
import { TASK_STATES } from '../../protocol/task-state.ts';
import { SessionDamagedError } from '../sessions/session-store.ts';
import { IndexDamagedError } from '../stores/index-damaged-error.ts';
import { parseArguments } from './arguments.ts';
import { CLI_EXIT, type Console, toJsonText } from './console.ts';
import {
  MANY_PLACES_OPTIONS,
  namedRef,
  type OpenStore,
  placesOf,
  sessionsIn,
  shownPlace,
  withStore,
} from './open-store.ts';
import type { Parsed } from './arguments.ts';
import { Progress } from './progress.ts';
import { stateOf } from './session-view.ts';
import { checkStore } from './store-check.ts';
import type { Problem } from './store-problem.ts';
import { mend, planOf } from './store-mend.ts';
import { printable, shownBytes, textTable } from './text-table.ts';

const OPTIONS = { ...MANY_PLACES_OPTIONS, deep: 'flag', json: 'flag' } as const;

export function check(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, OPTIONS);
  return withStore(terminal, false, async (open) => {
    const report = new Report(terminal, parsed.flag('json'));
    await report.walk(open, await allPlaces(open, parsed), parsed.flag('deep'), () =>
      Promise.resolve(undefined),
    );
    report.end();
    return report.problems === 0 ? CLI_EXIT.done : CLI_EXIT.found;
  });
}

export function repair(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, { ...OPTIONS, 'dry-run': 'flag' });
  const isDry = parsed.flag('dry-run');
  return withStore(terminal, !isDry, async (open) => {
    const report = new Report(terminal, parsed.flag('json'));
    const places = await allPlaces(open, parsed);
    try {
      await report.walk(open, places, parsed.flag('deep'), async (problem) => {
        if (problem.mend === undefined) return 'not mended';
        if (isDry) return `would ${planOf(problem.mend)}`;
        return (await tryToMend(open, problem, terminal)) ? 'mended' : 'not mended';
      });
    } finally {
      if (!isDry) await open.store.forget(open.instance);
    }
    report.end();
    return report.left === 0 ? CLI_EXIT.done : CLI_EXIT.found;
  });
}

async function tryToMend(open: OpenStore, problem: Problem, { now }: Console): Promise<boolean> {
  try {
    return await mend(open, problem, now);
  } catch (error) {
    if (error instanceof SessionDamagedError || error instanceof IndexDamagedError) return false;
    throw error;
  }
}

/** Without a choice of a tenant: all of them. */
export async function allPlaces(
  open: OpenStore,
  parsed: Parsed<'tenant' | 'subject' | 'all'>,
): Promise<readonly string[]> {
  const isChosen = parsed.text('tenant') !== undefined || parsed.text('subject') !== undefined;
  return isChosen ? placesOf(open, parsed) : [...(await open.store.tenants())].sort();
}

/** One line for each problem as it is found, and one at the end. */
class Report {
  problems = 0;
  /** Of these, how many are not mended. */
  left = 0;
  readonly #terminal: Console;
  readonly #asJson: boolean;
  #sessions = 0;

  constructor(terminal: Console, asJson: boolean) {
    this.#terminal = terminal;
    this.#asJson = asJson;
  }

  /** @param act what was done about a problem, in words; undefined: nothing was to be */
  async walk(
    open: OpenStore,
    places: readonly string[],
    deep: boolean,
    act: (problem: Problem) => Promise<string | undefined>,
  ): Promise<void> {
    let total = 0;
    for (const place of places) total += await open.inspection.count(place);
    const progress = new Progress(this.#terminal, 'sessions', total);
    const onLooked = (sessions: number): void => {
      this.#sessions += sessions;
      progress.step(sessions);
    };
    try {
      for await (const problem of checkStore(open, places, deep, onLooked)) {
        const done = await act(problem);
        this.problems += 1;
        if (done !== 'mended') this.left += 1;
        progress.end();
        await this.#terminal.write(this.#asJson ? toJsonLine(problem, done) : toTextLine(problem, done));
      }
    } finally {
      progress.end();
    }
  }

  end(): void {
    const { problems, left } = this;
    const sessions = this.#sessions;
    if (this.#asJson) this.#terminal.out(`${JSON.stringify({ end: true, sessions, problems, left })}\n`);
    else this.#terminal.out(`${sessions} sessions, ${problems} problems, ${left} left\n`);
  }
}

const nameOf = ({ place, sessionId }: Problem) =>
  sessionId === undefined ? { tenant: place } : namedRef({ tenant: place, sessionId });

function toJsonLine(problem: Problem, done: string | undefined): string {
  const { kind, local, what } = problem;
  const about = { kind, ...nameOf(problem), ...(local !== undefined && { task: local }), what };
  return `${JSON.stringify({ ...about, mendable: problem.mend !== undefined, ...(done !== undefined && { done }) })}\n`;
}

function toTextLine({ kind, place, sessionId, local, what }: Problem, done: string | undefined): string {
  const task = local === undefined ? '' : `.${local}`;
  const where = [shownPlace(place), ...(sessionId === undefined ? [] : [`${sessionId}${task}`])].join(' ');
  return `${kind}  ${printable(where)}  ${printable(what)}${done === undefined ? '' : `  -> ${done}`}\n`;
}

export function showStats(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, { ...MANY_PLACES_OPTIONS, json: 'flag' });
  return withStore(terminal, false, async (open) => {
    const rows: StatsRow[] = [];
    const progress = new Progress(terminal, 'sessions');
    for (const place of await allPlaces(open, parsed)) rows.push(await statsOf(open, place, progress));
    progress.end();
    if (parsed.flag('json')) {
      const tenants = rows.map(({ place, ...rest }) => ({ ...nameOf({ place } as Problem), ...rest }));
      terminal.out(toJsonText({ store: open.store.kind, tenants }));
    } else {
      const cells = rows.map(({ place, sessions, records, bytes, tasks }) => [
        printable(shownPlace(place)),
        ...[sessions, records].map(String),
        shownBytes(bytes),
        Object.entries(tasks)
          .map(([state, count]) => `${count} ${state}`)
          .join(', ') || '-',
      ]);
      terminal.out(textTable([['tenant', 'sessions', 'records', 'size', 'tasks'], ...cells]));
    }
    return CLI_EXIT.done;
  });
}

interface StatsRow {
  readonly place: string;
  readonly sessions: number;
  readonly records: number;
  readonly bytes: number;
  /** By state, where there are some. */
  readonly tasks: Readonly<Record<string, number>>;
}

async function statsOf(open: OpenStore, place: string, progress: Progress): Promise<StatsRow> {
  let [sessions, records, bytes] = [0, 0, 0];
  for await (const page of sessionsIn(open, [place])) {
    sessions += page.length;
    for (const found of page) {
      records += found.head ?? 0;
      bytes += found.bytes ?? 0;
    }
    progress.step(page.length);
  }
  const tasks: Record<string, number> = {};
  for (const state of TASK_STATES) {
    const { totalSize } = await open.store.listTasks(place, { state, limit: 1 });
    if (totalSize > 0) tasks[stateOf(state).replaceAll('_', '-')] = totalSize;
  }
  return { place, sessions, records, bytes, tasks };
}
