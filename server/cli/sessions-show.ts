/** `holdfast sessions show` and `tail`. */
import { scanJournal } from '../sessions/journal-scan.ts';
import { placeOf as recordPlaceOf } from '../sessions/record-place.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import type { Cursor, StoredRecord } from '../sessions/session-store.ts';
import { parseArguments } from './arguments.ts';
import { CLI_EXIT, type Console, MissingError, shownMoment, toJsonText } from './console.ts';
import { type OpenStore, PLACE_OPTIONS, placeOf, shownPlace, withStore } from './open-store.ts';
import { stateOf, toJsonView, toTextView } from './session-view.ts';
import { printable, shownBytes } from './text-table.ts';

const OPTIONS = { ...PLACE_OPTIONS, content: 'flag', json: 'flag' } as const;

export function showSession(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, OPTIONS, ['<session id>']);
  const [sessionId = ''] = parsed.positionals;
  return withStore(terminal, false, async (open) => {
    const ref = { tenant: placeOf(open, parsed), sessionId };
    const scanned = await scanJournal(open.store, ref);
    if (scanned === undefined) throw notThere(ref);
    const content = parsed.flag('content');
    await terminal.write(
      parsed.flag('json') ? toJsonText(toJsonView(scanned, content)) : toTextView(scanned, content),
    );
    return CLI_EXIT.done;
  });
}

const LAST = 20;
const LAST_MAX = 100_000;
/** Hints may be lost, and where there are none the store is asked so often. */
const LOOK_MS = 1_000;

export function tailSession(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, { ...OPTIONS, follow: 'flag', last: 'text' }, ['<session id>']);
  const [sessionId = ''] = parsed.positionals;
  const last = parsed.count('last', LAST, 0, LAST_MAX);
  return withStore(terminal, false, async (open) => {
    const ref = { tenant: placeOf(open, parsed), sessionId };
    const toLine = parsed.flag('json')
      ? (record: StoredRecord) => toJsonLine(record, parsed.flag('content'))
      : (record: StoredRecord) => toTextLine(record, parsed.flag('content'));
    const isFollowing = parsed.flag('follow');
    const ended = await tail(open, ref, last, isFollowing, (records) =>
      terminal.write(records.map(toLine).join('')),
    );
    if (ended === 'missing') throw notThere(ref);
    if (isFollowing) terminal.err(`session ${printable(sessionId)} has ended\n`);
    return CLI_EXIT.done;
  });
}

/** Until the end of the journal, or with `follows` until the session is gone. */
async function tail(
  { store }: OpenStore,
  ref: SessionRef,
  last: number,
  follows: boolean,
  print: (records: readonly StoredRecord[]) => Promise<void>,
): Promise<'ended' | 'missing'> {
  // The last of a long journal without all that stands in front of it: its head is asked for first.
  const listed = await store.read(ref);
  if (!listed.found) return 'missing';
  const { epoch } = listed.cursor;
  let at = Math.max(0, listed.cursor.head - last);
  let { w } = listed.cursor;
  let wake = (): void => undefined;
  const unwatch = follows
    ? await store.watch(ref, () => {
        wake();
      })
    : () => undefined;
  try {
    for (;;) {
      const cursor: Cursor = { epoch, head: at, w };
      const read = await store.read(ref, cursor);
      if (!read.found || read.cursor.epoch !== epoch) return 'ended';
      const records = read.tail.records.filter(({ n }) => n > at);
      if (records.length > 0) await print(records);
      at = records.at(-1)?.n ?? at;
      // In front of the head it is not asked for.
      w = read.cursor.w;
      if (read.tail.more && read.after === cursor.head) continue;
      if (!follows) return 'ended';
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    unwatch();
  }
}

interface RecordFacts {
  readonly type: string;
  readonly at: number | undefined;
  readonly task: string | undefined;
  readonly state: string | undefined;
}

function factsOf(json: string | null): RecordFacts {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(json ?? '~') as Record<string, unknown>;
  } catch {
    return {
      type: json === null ? 'missing' : 'unreadable',
      at: undefined,
      task: undefined,
      state: undefined,
    };
  }
  const { t, is } = value;
  const [at, task] = Array.isArray(is) ? (is as unknown[]) : [value['at'], value['task']];
  const { state } = value;
  return {
    type: typeof t === 'string' ? t : 'unreadable',
    at: typeof at === 'number' ? at : undefined,
    task: typeof task === 'string' ? task : undefined,
    state: typeof state === 'string' ? stateOf(state) : undefined,
  };
}

const bytesOf = (json: string | null): number => (json === null ? 0 : Buffer.byteLength(json));

function toJsonLine({ n, json }: StoredRecord, content: boolean): string {
  const { at, ...facts } = factsOf(json);
  const by = json === null ? undefined : recordPlaceOf(json).identity?.instance;
  const shown = {
    record: n,
    ...(at !== undefined && { at: shownMoment(at) }),
    ...facts,
    bytes: bytesOf(json),
  };
  return `${JSON.stringify({ ...shown, by, ...(content && { stored: json }) })}\n`;
}

function toTextLine({ n, json }: StoredRecord, content: boolean): string {
  const { type, at, task, state } = factsOf(json);
  const moment = at === undefined ? '-'.padEnd(24) : shownMoment(at);
  const size = shownBytes(bytesOf(json)).padStart(9);
  const head = `${String(n).padStart(6)}  ${moment}  ${type.padEnd(10)} ${size}`;
  const about = [task, state].filter((word) => word !== undefined).map(printable);
  return `${[head, ...about].join('  ')}\n${content ? `        ${printable(json ?? '')}\n` : ''}`;
}

const notThere = ({ tenant, sessionId }: SessionRef): MissingError =>
  new MissingError(`there is no session ${printable(sessionId)} in ${printable(shownPlace(tenant))}`);
