import { openAccess, type StoreAccess } from '../build-access.ts';
import { type Config, parseConfig } from '../config.ts';
import { readSpace, showSpace, spaceOf } from '../security/space.ts';
import type { ListedSession } from '../sessions/session-list.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import type { Parsed } from './arguments.ts';
import { type Console, UsageError } from './console.ts';

/** The store of the configuration, open for one command. */
export interface OpenStore extends StoreAccess {
  readonly config: Config;
  /** Content that did not open with the keys that there are: sessions by their key, and how many records of them. */
  readonly unopened: ReadonlyMap<string, number>;
}

/**
 * @param writes an LMDB folder is then taken as by a server, and refused while one has it
 * @throws {ConfigError} @throws {StartError}
 */
export async function withStore<T>(
  terminal: Console,
  writes: boolean,
  work: (store: OpenStore) => Promise<T>,
): Promise<T> {
  const { env, now, pid } = terminal;
  const config = parseConfig(env);
  const unopened = new Map<string, number>();
  const access = await openAccess({
    ...{ config, writes, now, pid },
    onUnopened: ({ ref }) => {
      const key = access.store.keyOf(ref);
      unopened.set(key, (unopened.get(key) ?? 0) + 1);
    },
  });
  try {
    return await work({ ...access, config, unopened });
  } finally {
    await access.close();
  }
}

export const PLACE_OPTIONS = { tenant: 'text', subject: 'text' } as const;
export const MANY_PLACES_OPTIONS = { ...PLACE_OPTIONS, all: 'flag' } as const;

const DEFAULT_TENANT = 'default';

/** Where one session is. @throws {UsageError} */
export function placeOf({ config }: OpenStore, parsed: Parsed<'tenant' | 'subject'>): string {
  const tenant = parsed.text('tenant') ?? DEFAULT_TENANT;
  const subject = parsed.text('subject');
  if (config.scope === 'tenant') {
    if (subject !== undefined) throw new UsageError('--subject is for A2A_SCOPE=subject');
    return tenant;
  }
  if (subject === undefined) throw new UsageError('--subject is required, because A2A_SCOPE is subject');
  return spaceOf('subject', { tenant, subject });
}

/** A tenant, one of its subjects, all of them, or with `--all` every tenant that the registry knows. @throws {UsageError} */
export async function placesOf(
  open: OpenStore,
  parsed: Parsed<'tenant' | 'subject' | 'all'>,
): Promise<readonly string[]> {
  if (parsed.flag('all')) {
    if (parsed.text('tenant') !== undefined || parsed.text('subject') !== undefined)
      throw new UsageError('--all is for every tenant: leave out --tenant and --subject');
    return [...(await open.store.tenants())].sort();
  }
  if (open.config.scope === 'tenant' || parsed.text('subject') !== undefined) return [placeOf(open, parsed)];
  const tenant = parsed.text('tenant') ?? DEFAULT_TENANT;
  return (await open.store.tenants()).filter((place) => readSpace(place).tenant === tenant).sort();
}

/** As people are shown it. */
export function shownPlace(place: string): string {
  const { tenant, subject } = showSpace<{ tenant: string; subject?: string }>({ tenant: place });
  return subject === undefined ? tenant : `${tenant}/${subject}`;
}

/** As programs are. */
export function namedRef({ tenant: place, sessionId }: SessionRef): {
  readonly tenant: string;
  readonly subject?: string;
  readonly sessionId: string;
} {
  return { ...showSpace<{ tenant: string; subject?: string }>({ tenant: place }), sessionId };
}

const PAGE = 1_000;

export interface FoundSession extends ListedSession {
  readonly ref: SessionRef;
}

/** Every live session of some places, a page at a time. One that is renewed meanwhile may come twice. */
export async function* sessionsIn(
  { store }: OpenStore,
  places: readonly string[],
): AsyncIterable<readonly FoundSession[]> {
  for (const place of places) {
    let after: string | undefined;
    do {
      const page = await store.listSessions(place, { limit: PAGE, ...(after !== undefined && { after }) });
      yield page.sessions.map((found) => ({ ...found, ref: { tenant: place, sessionId: found.sessionId } }));
      after = page.next;
    } while (after !== undefined);
  }
}
