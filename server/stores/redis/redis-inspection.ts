import type { Redis } from 'ioredis';
import { TASK_STATES, type TaskState } from '../../../protocol/task-state.ts';
import type { Scope } from '../../security/space.ts';
import { encodeTaskId, type SessionRef } from '../../sessions/session-ref.ts';
import { readTaskSummary } from '../../sessions/task-summary.ts';
import { decodeId } from '../encoded-ids.ts';
import type { Looked, StoreInspection, Stray, StrayKind } from '../inspection.ts';
import type { RedisClient } from './client.ts';
import { DROP } from './inspection-script.ts';
import { isWrongType, toStoreError } from './errors.ts';
import { createKeys, indexKeys, stateName, typeOf, type RedisKeys, type ShelfKeys } from './keys.ts';
import { type Entry, placeOf, sessionOf, toStray } from './redis-strays.ts';

export interface RedisInspectionOptions {
  readonly prefix: string;
  readonly buckets: number;
  readonly scope: Scope;
  readonly location: string;
}

/** How many entries one command looks at: others wait so long. */
const STEP = 500;
/** The score of a session may be this much behind its life. */
const EARLY_MS = 1_000;

type Reply = string | number | null;

/**
 * Walks by ZSCAN, HSCAN and SCAN, in small steps: rights that the server itself does not need. Errors are those of the
 * store.
 */
export class RedisInspection implements StoreInspection {
  readonly #client: RedisClient;
  readonly #options: RedisInspectionOptions;
  readonly #keys: RedisKeys;

  constructor(client: RedisClient, options: RedisInspectionOptions) {
    this.#client = client;
    this.#options = options;
    this.#keys = createKeys(options.prefix, options.buckets);
  }

  /** As the server's start finds it, without deciding anything where nothing is decided yet. */
  async setupProblem(): Promise<string | undefined> {
    const { buckets, scope, location } = this.#options;
    const named = [this.#keys.settings] as const;
    const kept = await this.#ask(() => this.#client.hmget(named[0], 'buckets', 'scope'));
    if (typeof kept[0] !== 'string') return undefined;
    const rows = [
      ['A2A_TENANT_BUCKETS', String(buckets), kept[0]],
      ['A2A_SCOPE', scope, kept[1] ?? 'tenant'],
    ] as const;
    const wrong = rows.find(([, wanted, found]) => wanted !== found);
    return wrong && `${wrong[0]} is ${wrong[1]}, but ${location} was set up with ${wrong[2]}`;
  }

  async count(place: string): Promise<number> {
    const shelves = this.#keys.shelves(place).map(({ sessions }) => sessions);
    const counts = await Promise.all(shelves.map((key) => this.#all([key], (line) => line.zcard(key))));
    return counts.flat().reduce<number>((sum, each) => sum + Number(each ?? 0), 0);
  }

  async *indexes(place: string): AsyncIterable<Looked> {
    for (const shelf of this.#keys.shelves(place)) {
      yield await this.#keysOn(shelf);
      yield* this.#scan('zscan', shelf.sessions, (found) => this.#sessions(place, shelf, found));
      yield* this.#scan('zscan', shelf.ids, (found) => this.#existing(place, shelf, 'tasks:ids', found));
      yield* this.#scan('zscan', shelf.outbox, (found) => this.#existing(place, shelf, 'outbox', found));
      yield* this.#scan('zscan', shelf.tasks, async (found) => [
        ...(await this.#tasks(place, shelf, 'tasks', found)),
        ...(await this.#unindexed(place, shelf, found)),
      ]);
      for (const state of TASK_STATES) {
        const index = `tasks:${stateName(state)}`;
        yield* this.#scan('zscan', shelf.state(state), (found) =>
          this.#tasks(place, shelf, index, found, state),
        );
      }
      // Only those that lead from a task to its aliases: they are on the shelf of the session.
      yield* this.#scan('hscan', shelf.aliases, (found) => {
        const tasks = found.filter(([field]) => !field.includes('/'));
        return this.#existing(place, shelf, 'aliases', tasks);
      });
    }
  }

  async hasDue(ref: SessionRef): Promise<boolean> {
    const { shelf, member } = this.#keys.session(ref);
    const [due] = await this.#all([member], (line) => line.zscore(shelf.outbox, member));
    return due !== null;
  }

  async drop({ ref, index, local }: Pick<Stray, 'ref' | 'index' | 'local'>): Promise<boolean> {
    const { shelf, member, session } = this.#keys.session(ref);
    const entry = local === undefined ? member : encodeTaskId(ref.sessionId, local);
    const keys = [session, shelf.sessions, shelf.base + index];
    const isAlias = index === 'aliases' ? '1' : '';
    return (await this.#ask(() => this.#client.eval(DROP, 3, ...keys, member, entry, isAlias))) === 1;
  }

  async *everything(places: ReadonlySet<string>): AsyncIterable<Looked> {
    const root = this.#keys.settings.slice(0, -'{reg}:settings'.length);
    const match = `${root.replace(/[*?[\]\\]/g, '\\$&')}*`;
    const nodes: readonly Redis[] = 'nodes' in this.#client ? this.#client.nodes('master') : [this.#client];
    for (const node of nodes) {
      let cursor = '0';
      do {
        const [next, keys] = await this.#ask(() => node.scan(cursor, 'MATCH', match, 'COUNT', STEP));
        cursor = next;
        yield await this.#keysOf(
          keys.map((key) => key.slice(root.length)),
          root,
          places,
        );
      } while (cursor !== '0');
    }
  }

  async #keysOf(names: readonly string[], root: string, places: ReadonlySet<string>): Promise<Looked> {
    const strays: Stray[] = [];
    const unreached: SessionRef[] = [];
    const unknown = new Set<string>();
    for (const name of names) {
      const [, tenant, , subject, kind, id] =
        /^\{(.+)\.(\d\d)\}:(?:u:([^:]*):)?(?:(s):(.*)|.*)$/.exec(name) ?? [];
      if (tenant === undefined) continue;
      const place = placeOf(decodeId(tenant), subject === undefined ? undefined : decodeId(subject));
      if (!places.has(place)) unknown.add(place);
      if (kind === undefined || id === undefined) continue;
      const ref = { tenant: place, sessionId: decodeId(id) };
      const { shelf } = this.#keys.session(ref);
      const [head, life] = await this.#all(['hexists', 'pttl'] as const, (line, command) =>
        command === 'pttl' ? line.pttl(root + name) : line.hexists(root + name, 'v'),
      );
      if (head !== 1 || life === -2) continue;
      const [score] = await this.#all([id], (line) => line.zscore(shelf.sessions, id));
      // Undefined where the index is somebody else's.
      if (typeof score !== 'string') unreached.push(ref);
      if (score === null) strays.push({ kind: 'unlisted', ref, index: 'sessions' });
      else if (life === -1) strays.push({ kind: 'no-ttl', ref, index: 'sessions' });
    }
    return { entries: names.length, strays, unreached, unknown: [...unknown] };
  }

  async #keysOn(shelf: ShelfKeys): Promise<Looked> {
    const names = indexKeys(shelf);
    const types = await this.#all(names, (line, key) => line.type(key));
    const lives = await this.#all(names, (line, key) => line.pttl(key));
    const isDamaged = (key: string, type: unknown): boolean => type !== 'none' && type !== typeOf(key);
    const damaged = names.filter((key, i) => isDamaged(key, types[i]));
    // The life of somebody else's key is not ours to judge.
    const immortal = names.filter((key, i) => lives[i] === -1 && !damaged.includes(key));
    return { entries: 0, strays: [], immortal, damaged };
  }

  /** By member and score. */
  async #sessions(place: string, shelf: ShelfKeys, found: readonly Entry[]): Promise<Stray[]> {
    const [seconds] = await this.#ask(() => this.#client.time());
    const now = Number(seconds) * 1_000;
    const lives = await this.#all(found, (line, [member]) => line.pttl(`${shelf.base}s:${member}`));
    return found.flatMap(([member, score], i) => {
      const kind: StrayKind | undefined =
        lives[i] === -1 ? 'no-ttl' : lives[i] === -2 && Number(score) > now + EARLY_MS ? 'lost' : undefined;
      return kind === undefined ? [] : [toStray(kind, place, 'sessions', member)];
    });
  }

  /** Entries whose session is neither there nor waiting to be retired. */
  async #existing(place: string, shelf: ShelfKeys, index: string, found: readonly Entry[]): Promise<Stray[]> {
    const gone = await this.#gone(
      shelf,
      found.map(([member]) => member),
    );
    return gone.map((member) => toStray('orphan', place, index, member));
  }

  async #gone(shelf: ShelfKeys, members: readonly string[]): Promise<string[]> {
    const there = await this.#all(members, (line, member) =>
      line.hexists(`${shelf.base}s:${sessionOf(member)}`, 'v'),
    );
    const gone = members.filter((_, i) => there[i] === 0);
    const scores = await this.#all(gone, (line, member) => line.zscore(shelf.sessions, sessionOf(member)));
    return gone.filter((_, i) => scores[i] === null);
  }

  async #tasks(
    place: string,
    shelf: ShelfKeys,
    index: string,
    found: readonly Entry[],
    state?: string,
  ): Promise<Stray[]> {
    const members = found.map(([member]) => member);
    const states = await this.#statesOf(shelf, members);
    const strays: Stray[] = [];
    const bare: string[] = [];
    members.forEach((member, i) => {
      if (states[i] === undefined) bare.push(member);
      else if (state !== undefined && states[i] !== state)
        strays.push(toStray('stale', place, index, member));
    });
    const gone = new Set(await this.#gone(shelf, bare));
    const scores = await this.#all(bare, (line, member) => line.zscore(shelf.sessions, sessionOf(member)));
    const there = await this.#all(bare, (line, member) =>
      line.hexists(`${shelf.base}s:${sessionOf(member)}`, 'v'),
    );
    bare.forEach((member, i) => {
      // A session that has expired and waits to be retired takes its tasks with it.
      const isLeft = gone.has(member) || (there[i] === 1 && scores[i] !== null);
      if (isLeft) strays.push(toStray(there[i] === 1 ? 'stale' : 'orphan', place, index, member));
    });
    return strays;
  }

  /** As the sessions have them. @returns undefined where there is no summary, '' where it cannot be read */
  async #statesOf(shelf: ShelfKeys, members: readonly string[]): Promise<(TaskState | '' | undefined)[]> {
    const summaries = await this.#all(members, (line, member) =>
      line.hget(`${shelf.base}s:${sessionOf(member)}`, `t:${member}`),
    );
    return summaries.map((text) =>
      typeof text === 'string' ? (readTaskSummary(text)?.state ?? '') : undefined,
    );
  }

  /** Tasks that the index of their own state does not have. */
  async #unindexed(place: string, shelf: ShelfKeys, found: readonly Entry[]): Promise<Stray[]> {
    const members = found.map(([member]) => member);
    const states = await this.#statesOf(shelf, members);
    const known = members.flatMap((member, i) => {
      const state = states[i];
      return state === undefined || state === '' ? [] : [{ member, state }];
    });
    const scores = await this.#all(known, (line, { member, state }) =>
      line.zscore(shelf.state(state), member),
    );
    const missing = known.filter((_, i) => scores[i] === null);
    // One that has moved on in between is in the index of another state by now.
    const now = await this.#statesOf(
      shelf,
      missing.map(({ member }) => member),
    );
    return missing
      .filter(({ state }, i) => now[i] === state)
      .map(({ member, state }) => toStray('unindexed', place, `tasks:${stateName(state)}`, member));
  }

  /** Nothing of a key that has another type. */
  async *#scan(
    command: 'zscan' | 'hscan',
    key: string,
    look: (found: readonly Entry[]) => Promise<Stray[]>,
  ): AsyncIterable<Looked> {
    let cursor = '0';
    do {
      const [step] = await this.#all<string, [string, string[]]>([key], (line) =>
        command === 'zscan' ? line.zscan(key, cursor, 'COUNT', STEP) : line.hscan(key, cursor, 'COUNT', STEP),
      );
      if (!step) return;
      const [next, flat] = step;
      cursor = next;
      const found: Entry[] = [];
      for (let i = 0; i + 1 < flat.length; i += 2) found.push([flat[i] ?? '', flat[i + 1] ?? '']);
      if (found.length > 0) yield { entries: found.length, strays: await look(found) };
    } while (cursor !== '0');
  }

  /** One command for each, in one round trip. They are all in one slot. @returns undefined for a key of another type */
  async #all<T, R = Reply>(
    of: readonly T[],
    command: (line: Line, each: T) => unknown,
  ): Promise<(R | undefined)[]> {
    if (of.length === 0) return [];
    const line = this.#client.pipeline();
    for (const each of of) command(line, each);
    const replies = (await this.#ask(() => line.exec())) ?? [];
    return replies.map(([error, reply]) => {
      if (error !== null && !isWrongType(error)) throw toStoreError(error);
      return error === null ? (reply as R) : undefined;
    });
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toStoreError(error);
    }
  }
}

type Line = ReturnType<Redis['pipeline']>;
