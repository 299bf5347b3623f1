/** `holdfast sessions list` and `delete`. */
import { parseArguments } from './arguments.ts';
import { CLI_EXIT, type Console, MissingError, toJsonText, UsageError } from './console.ts';
import {
  type FoundSession,
  MANY_PLACES_OPTIONS,
  namedRef,
  type OpenStore,
  PLACE_OPTIONS,
  placeOf,
  placesOf,
  shownPlace,
  withStore,
} from './open-store.ts';
import { printable, shownBytes, shownDuration, textTable } from './text-table.ts';

const LIMIT = 100;
const LIMIT_MAX = 100_000;
const PAGE = 1_000;

export function listSessions(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, {
    ...MANY_PLACES_OPTIONS,
    limit: 'text',
    after: 'text',
    json: 'flag',
  });
  const limit = parsed.count('limit', LIMIT, 1, LIMIT_MAX);
  const after = readPlace(parsed.text('after'));
  return withStore(terminal, false, async (open) => {
    const { found, next } = await listFrom(open, await placesOf(open, parsed), limit, after);
    if (parsed.flag('json')) terminal.out(toJsonText({ sessions: found.map(toJson), ...(next && { next }) }));
    else terminal.out(toTable(found) + (next === undefined ? '' : `more: --after ${next}\n`));
    return CLI_EXIT.done;
  });
}

/** In which place, and behind what there. */
type ListPlace = readonly [place: string, after: string | null];

async function listFrom(
  { store }: OpenStore,
  places: readonly string[],
  limit: number,
  from: ListPlace | undefined,
): Promise<{ found: readonly FoundSession[]; next?: string }> {
  const found: FoundSession[] = [];
  let after = from?.[1] ?? undefined;
  const behind = from === undefined ? places : places.filter((place) => place >= from[0]);
  for (const [i, place] of behind.entries()) {
    do {
      if (found.length === limit) return { found, next: toText([place, after ?? null]) };
      const wanted = Math.min(PAGE, limit - found.length);
      const page = await readPage(store, place, wanted, after);
      for (const one of page.sessions)
        found.push({ ...one, ref: { tenant: place, sessionId: one.sessionId } });
      after = page.next;
    } while (after !== undefined);
    const following = behind[i + 1];
    if (found.length === limit && following !== undefined) return { found, next: toText([following, null]) };
  }
  return { found };
}

async function readPage(
  store: OpenStore['store'],
  place: string,
  limit: number,
  after: string | undefined,
): ReturnType<OpenStore['store']['listSessions']> {
  try {
    return await store.listSessions(place, { limit, ...(after !== undefined && { after }) });
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError('--after must be what a list before has given');
    throw error;
  }
}

const toText = (place: ListPlace): string => Buffer.from(JSON.stringify(place)).toString('base64url');

function readPlace(text: string | undefined): ListPlace | undefined {
  if (text === undefined) return undefined;
  try {
    const [place, after] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[];
    if (typeof place === 'string' && (after === null || typeof after === 'string')) return [place, after];
  } catch {
    // Not of ours: told below.
  }
  throw new UsageError('--after must be what a list before has given');
}

const toJson = ({ ref, head, bytes, remainingMs }: FoundSession) => ({
  ...namedRef(ref),
  records: head ?? null,
  bytes: bytes ?? null,
  remainingMs: remainingMs ?? null,
});

const toTable = (found: readonly FoundSession[]): string =>
  textTable([
    ['tenant', 'session', 'records', 'size', 'expires in'],
    ...found.map(({ ref, head, bytes, remainingMs }) => [
      printable(shownPlace(ref.tenant)),
      printable(ref.sessionId),
      head === undefined ? '?' : String(head),
      shownBytes(bytes),
      shownDuration(remainingMs),
    ]),
  ]);

export function deleteSessions(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, { ...PLACE_OPTIONS, yes: 'flag', json: 'flag' }, ['<session id>']);
  const [sessionId = ''] = parsed.positionals;
  if (!parsed.flag('yes')) throw new UsageError('--yes is required: a deleted session is gone for good');
  return withStore(terminal, true, async (open) => {
    const ref = { tenant: placeOf(open, parsed), sessionId };
    // As the server does it: who still has it in memory is told that it is gone.
    const removed = await open.store.remove(ref, open.config.sessionTtlMs);
    if (removed === 'missing')
      throw new MissingError(`there is no session ${sessionId} in ${shownPlace(ref.tenant)}`);
    if (parsed.flag('json')) terminal.out(toJsonText({ deleted: namedRef(ref) }));
    else terminal.out(`deleted ${printable(sessionId)}\n`);
    return CLI_EXIT.done;
  });
}
