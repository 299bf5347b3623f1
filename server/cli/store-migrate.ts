/** `holdfast store migrate`. */
import { SessionDamagedError } from '../sessions/session-store.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import { parseArguments } from './arguments.ts';
import { CLI_EXIT, type Console, toJsonText } from './console.ts';
import { MANY_PLACES_OPTIONS, type OpenStore, sessionsIn, withStore } from './open-store.ts';
import { Progress } from './progress.ts';
import { allPlaces } from './store-command.ts';

const OPTIONS = { ...MANY_PLACES_OPTIONS, 'dry-run': 'flag', json: 'flag' } as const;
const AT_ONCE = 8;

const NOTHING = { sessions: 0, records: 0, summaries: 0, rewritten: 0, changed: 0, unopened: 0, damaged: 0 };
type Counts = typeof NOTHING;

export function migrate(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, OPTIONS);
  const isDry = parsed.flag('dry-run');
  return withStore(terminal, !isDry, async (open) => {
    const places = await allPlaces(open, parsed);
    let total = 0;
    for (const place of places) total += await open.inspection.count(place);
    const progress = new Progress(terminal, 'sessions', total);
    const counts = { ...NOTHING };
    try {
      for await (const page of sessionsIn(open, places)) {
        for (let i = 0; i < page.length; i += AT_ONCE) {
          const some = page.slice(i, i + AT_ONCE);
          for (const found of await Promise.all(some.map(({ ref }) => migrateOne(open, ref, !isDry))))
            for (const name of Object.keys(counts) as (keyof Counts)[]) counts[name] += found[name] ?? 0;
          progress.step(some.length);
        }
      }
    } finally {
      progress.end();
    }
    if (parsed.flag('json')) terminal.out(toJsonText({ ...counts, dryRun: isDry }));
    else terminal.out(toText(counts, isDry));
    return counts.unopened + counts.damaged === 0 ? CLI_EXIT.done : CLI_EXIT.found;
  });
}

async function migrateOne(open: OpenStore, ref: SessionRef, writes: boolean): Promise<Partial<Counts>> {
  try {
    const found = await open.migrate(ref, writes);
    return found === undefined ? {} : { sessions: 1, ...found };
  } catch (error) {
    if (!(error instanceof SessionDamagedError)) throw error;
    return { sessions: 1, damaged: 1 };
  }
}

function toText(counts: Counts, isDry: boolean): string {
  const { sessions, records, summaries, rewritten, changed, unopened, damaged } = counts;
  const did = isDry ? 'would be rewritten' : 'rewritten';
  const lines = [
    `${sessions} sessions: ${records} records and ${summaries} summaries of tasks read`,
    `${rewritten} ${did}, ${changed} changed meanwhile`,
    `${unopened} do not open, ${damaged} sessions are damaged`,
  ];
  return `${lines.join('\n')}\n`;
}
