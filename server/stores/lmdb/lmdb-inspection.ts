import type { Scope } from '../../security/space.ts';
import { encodeId, type SessionRef } from '../../sessions/session-ref.ts';
import { decodeId } from '../encoded-ids.ts';
import type { Looked, StoreInspection, Stray } from '../inspection.ts';
import { FIRST, LAST, type DatabaseKey, type JournalDatabase } from './journal-database.ts';

/** How many keys one step looks at, on our own event loop. */
const STEP = 1_000;
/** What belongs to one session: first letter of its keys, and what the runbook calls it. */
const KINDS = [
  ['t', 'tasks'],
  ['o', 'outbox'],
  ['l', 'aliases'],
  ['r', 'records'],
] as const;

/**
 * A commit changes everything of a session in one transaction, so what is found here was done by something else: a damaged
 * file, or a hand.
 */
export class LmdbInspection implements StoreInspection {
  readonly #db: JournalDatabase;
  readonly #scope: Scope;
  readonly #location: string;

  constructor(db: JournalDatabase, scope: Scope, location: string) {
    this.#db = db;
    this.#scope = scope;
    this.#location = location;
  }

  setupProblem(): Promise<string | undefined> {
    const kept = this.#db.get(['v', 'scope']);
    const isOther = kept !== undefined && kept !== this.#scope;
    return Promise.resolve(
      isOther ? `A2A_SCOPE is ${this.#scope}, but ${this.#location} was set up with ${kept}` : undefined,
    );
  }

  /** Tombstones among them. */
  count(place: string): Promise<number> {
    const tenant = encodeId(place);
    const count = this.#db.getKeysCount({ start: ['s', tenant, FIRST], end: ['s', tenant, LAST] });
    return Promise.resolve(count);
  }

  async *indexes(place: string): AsyncIterable<Looked> {
    const tenant = encodeId(place);
    for (const [kind, index] of KINDS) {
      let entries = 0;
      let strays: Stray[] = [];
      for (const session of this.#sessionsIn(kind, tenant)) {
        entries += 1;
        if (this.#db.get(['s', tenant, session]) === undefined)
          strays.push({ kind: 'orphan', ref: { tenant: place, sessionId: decodeId(session) }, index });
        if (entries < STEP) continue;
        yield { entries, strays };
        await new Promise(setImmediate);
        [entries, strays] = [0, []];
      }
      yield { entries, strays };
    }
  }

  /** Each session once: its further keys are stepped over, which may be a hundred thousand records. */
  *#sessionsIn(kind: string, tenant: string): Iterable<string> {
    let start: DatabaseKey = [kind, tenant, FIRST];
    for (;;) {
      const end: DatabaseKey = [kind, tenant, LAST];
      const [key] = [...this.#db.getKeys({ start, end, limit: 1 })];
      if (key === undefined) return;
      const session = String(key[2]);
      yield session;
      // Behind every further part of a key, number or text; an encoded id has no such letter.
      start = [kind, tenant, `${session}${FIRST}`];
    }
  }

  hasDue({ tenant, sessionId }: SessionRef): Promise<boolean> {
    return Promise.resolve(this.#db.get(['o', encodeId(tenant), encodeId(sessionId)]) !== undefined);
  }

  /** Here a session that is removed takes all with it that has its name. */
  drop(): Promise<boolean> {
    return Promise.resolve(true);
  }

  async *everything(places: ReadonlySet<string>): AsyncIterable<Looked> {
    let start: DatabaseKey = ['s', FIRST, FIRST];
    for (;;) {
      const keys = [...this.#db.getKeys({ start, end: ['s', LAST, LAST], limit: STEP })];
      const last = keys.at(-1);
      if (last === undefined) return;
      const found = new Set(keys.map((key) => decodeId(String(key[1]))));
      const unknown = [...found].filter((place) => !places.has(place));
      yield { entries: keys.length, strays: keys.flatMap((key) => this.#unlisted(key)), unknown };
      await new Promise(setImmediate);
      start = ['s', String(last[1]), `${String(last[2])}${FIRST}`];
    }
  }

  /** Without its entry in the index of times it would never expire. */
  #unlisted([, tenant, session]: DatabaseKey): Stray[] {
    const [place, sessionId] = [decodeId(String(tenant)), decodeId(String(session))];
    const stray: Stray = { kind: 'unlisted', ref: { tenant: place, sessionId }, index: 'sessions' };
    const json = this.#db.get(['s', String(tenant), String(session)]);
    const { i } = readEntry(json);
    // One that cannot be read is told of where it is read.
    if (json === undefined || i === undefined) return [];
    return this.#db.get(['x', String(tenant), i, String(session)]) === undefined ? [stray] : [];
  }
}

function readEntry(json: string | undefined): { i?: number } {
  try {
    return JSON.parse(json ?? '{}') as { i?: number };
  } catch {
    return {};
  }
}
