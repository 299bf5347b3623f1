/** What a store says of itself beside what its journals say. A step at a time: nothing is kept of what is well. */
import { type ScannedJournal, scanJournal } from '../sessions/journal-scan.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import { type AliasEntry, SessionDamagedError } from '../sessions/session-store.ts';
import { IndexDamagedError } from '../stores/index-damaged-error.ts';
import type { Looked, Stray } from '../stores/inspection.ts';
import type { OpenStore } from './open-store.ts';
import { sessionsIn } from './open-store.ts';
import { compareEntries } from './session-entries.ts';
import type { Mend, Problem, ProblemKind } from './store-problem.ts';

const AT_ONCE = 16;
/** What changes while it is looked at is looked at again. */
const TRIES = 3;

const STRAYS: Readonly<Record<Stray['kind'], string>> = {
  lost: 'the session is gone before its time',
  orphan: 'leads to nothing',
  stale: 'the task is not in this state',
  'no-ttl': 'the session would stay for ever',
  unindexed: 'the task is missing there',
  unlisted: 'the session is in no list and in no count',
};

/**
 * @param onLooked told how many sessions, or entries, were looked at
 * @throws {StoreUnavailableError}
 */
export async function* checkStore(
  open: OpenStore,
  places: readonly string[],
  deep: boolean,
  onLooked: (sessions: number) => void,
): AsyncIterable<Problem> {
  for (const place of places) yield* checkSessions(open, place, onLooked);
  for (const place of places) yield* checkIndexes(open, place);
  if (!deep) return;
  const known = new Set(await open.store.tenants());
  const told = new Set<string>();
  for await (const looked of open.inspection.everything(known)) {
    for (const place of looked.unknown ?? []) {
      if (told.has(place)) continue;
      told.add(place);
      const what = 'is not in the registry: nobody looks after its sessions';
      yield { kind: 'unknown-tenant', place, what, mend: { by: 'note' } };
      yield* checkSessions(open, place, onLooked);
      yield* checkIndexes(open, place);
    }
    yield* toProblems(looked, '', open);
    // Their entries were lost with their place in the list, as a rule: nobody has looked at them so far.
    for (const ref of looked.unreached ?? []) {
      yield* await checkSession(open, ref);
      onLooked(1);
    }
  }
}

async function* checkIndexes(open: OpenStore, place: string): AsyncIterable<Problem> {
  for await (const looked of open.inspection.indexes(place)) yield* toProblems(looked, place, open);
}

/** Those that the index of sessions has. */
async function* checkSessions(
  open: OpenStore,
  place: string,
  onLooked: (sessions: number) => void,
): AsyncIterable<Problem> {
  try {
    for await (const page of sessionsIn(open, [place])) {
      for (let i = 0; i < page.length; i += AT_ONCE) {
        const some = page.slice(i, i + AT_ONCE);
        const found = await Promise.all(some.map(({ ref }) => checkSession(open, ref)));
        onLooked(some.length);
        yield* found.flat();
      }
    }
  } catch (error) {
    // It is told of where the indexes are looked at.
    if (!(error instanceof IndexDamagedError)) throw error;
  }
}

function toProblems(
  { strays, immortal = [], damaged = [] }: Looked,
  place: string,
  { store }: OpenStore,
): Problem[] {
  const found = strays.map(({ kind, ref, index, local }): Problem => {
    const about = {
      kind,
      place: ref.tenant,
      sessionId: ref.sessionId,
      ...(local !== undefined && { local }),
    };
    const mend = toMend({ kind, ref, index, ...(local !== undefined && { local }) }, store.kind);
    return { ...about, what: `${index}: ${STRAYS[kind]}`, ...(mend && { mend }) };
  });
  const indexes = immortal.map((key): Problem => ({
    ...{ kind: 'index-without-ttl', place, what: `${key} would stay for ever` },
    mend: { by: 'retire' },
  }));
  const useless = damaged.map((key): Problem => {
    const what = `${key} has the wrong type: see "A damaged index" in the runbook`;
    return { kind: 'index-damaged', place, what };
  });
  return [...found, ...indexes, ...useless];
}

function toMend({ kind, ref, index, local }: Stray, store: string): Mend | undefined {
  switch (kind) {
    case 'lost':
    case 'orphan':
      return { by: 'purge', ref, index, ...(local !== undefined && { local }) };
    case 'stale':
    case 'unindexed':
      return local === undefined ? undefined : { by: 'index', ref, local, index };
    case 'no-ttl':
      return { by: 'renew', ref, hasLife: false };
    case 'unlisted':
      // In LMDB the index of times follows the entry, which says that it is there.
      return store === 'redis' ? { by: 'renew', ref, hasLife: true } : undefined;
  }
}

async function checkSession(open: OpenStore, ref: SessionRef): Promise<Problem[]> {
  const about = { place: ref.tenant, sessionId: ref.sessionId };
  const before = open.unopened.get(open.store.keyOf(ref)) ?? 0;
  try {
    const looked = await lookAt(open, ref);
    if (looked === undefined) return [];
    const { scanned, wrong } = looked;
    const unopened = (open.unopened.get(open.store.keyOf(ref)) ?? 0) - before;
    const numbers = (of: readonly number[]): string =>
      `${of.slice(0, 10).join(', ')}${of.length > 10 ? ' …' : ''}`;
    const records: [ProblemKind, readonly number[], string][] = [
      ['damaged-record', unopened > 0 ? [] : scanned.damaged, 'cannot be read'],
      ['lost-record', scanned.lost, 'are missing'],
      ['unknown-record', scanned.unknown, 'are of a type that this release does not know'],
    ];
    const problems = records
      .filter(([, of]) => of.length > 0)
      .map(([kind, of, what]): Problem => ({ kind, ...about, what: `records ${numbers(of)} ${what}` }));
    if (unopened > 0) {
      const what = `records ${numbers(scanned.damaged)} do not open with the keys that there are`;
      problems.push({ kind: 'unopened-record', ...about, what });
    }
    return [...problems, ...wrong];
  } catch (error) {
    if (!(error instanceof SessionDamagedError)) throw error;
    return [{ kind: 'damaged-session', ...about, what: error.message }];
  }
}

/** A session, and which of its entries are missing or say something else. @returns undefined when it is gone */
async function lookAt(
  open: OpenStore,
  ref: SessionRef,
): Promise<{ scanned: ScannedJournal; wrong: readonly Problem[] } | undefined> {
  for (let tries = 1; ; tries += 1) {
    const aliases = new Map<string, AliasEntry>();
    const scanned = await scanJournal(open.store, ref, ({ n, body }) => {
      if (n === 1) aliases.clear();
      if (body?.t !== 'task' || body.alias === undefined) return;
      const { subject = '', alias: clientTaskId, task: local } = body;
      aliases.set(JSON.stringify([subject, clientTaskId]), { subject, clientTaskId, local, expected: null });
    });
    if (scanned === undefined) return undefined;
    const wrong = await compareEntries(open, scanned, [...aliases.values()]);
    if (wrong.length === 0) return { scanned, wrong };
    // Somebody may have written in between.
    const again = await open.store.read(ref, scanned.snapshot.cursor);
    if (!again.found) return undefined;
    const { head, epoch } = again.cursor;
    const isSame = head === scanned.snapshot.cursor.head && epoch === scanned.snapshot.cursor.epoch;
    if (isSame) return { scanned, wrong };
    if (tries === TRIES) return { scanned, wrong: [] };
  }
}
