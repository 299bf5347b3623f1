/** Several managers on one store, everything that can go wrong between them, and a note of all that happened. */
import { setTimeout as pause } from 'node:timers/promises';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import { SYSTEM_CLOCK } from '../../../server/sessions/session-parts.ts';
import { StoreUnavailableError, type SessionStore } from '../../../server/sessions/session-store.ts';
import type { Session } from '../../../server/sessions/session.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { createTestManager, HOUR, refOf, userMessage, type TestManager } from '../../helpers/sessions.ts';
import type { Random } from './random.ts';
import { withTap, type Written } from './tapped-store.ts';

/** One message that somebody wanted to add, and what he was told. */
export interface Said {
  readonly text: string;
  readonly writer: string;
  readonly sessionId: string;
  /** Counts what this writer said. */
  readonly index: number;
  /** `refused`: it was not stored, for certain. `unknown`: nobody can say. */
  outcome: 'waiting' | 'stored' | 'deferred' | 'refused' | 'unknown';
  /** Of the draft it was decided on last. */
  epoch: string;
  /** When the copy it was decided on began as a new session; undefined when it was read. */
  begun: number | undefined;
}

export interface Removal {
  readonly sessionId: string;
  /** When it was over. */
  readonly at: number;
}

export interface History {
  readonly said: Said[];
  readonly written: Written[];
  readonly removals: Removal[];
}

interface Node {
  readonly test: TestManager;
  readonly store: FaultyStore;
  readonly begun: WeakMap<LiveSession, number>;
  said: number;
}

export interface WorldOptions {
  readonly random: Random;
  readonly managers: number;
  readonly sessions: number;
  readonly messages: number;
  /** A connection of its own for each manager. */
  readonly connect: () => Promise<SessionStore>;
  /** Put between a manager's faults and the store. */
  readonly decorate?: (store: SessionStore) => SessionStore;
}

export class World {
  readonly history: History = { said: [], written: [], removals: [] };
  readonly sessionIds: readonly string[];
  readonly #options: WorldOptions;
  readonly #nodes: Node[] = [];
  #tick = 0;

  private constructor(options: WorldOptions) {
    this.#options = options;
    this.sessionIds = Array.from({ length: options.sessions }, (_, i) => `s${i}`);
  }

  static async open(options: WorldOptions): Promise<World> {
    const world = new World(options);
    for (let i = 0; i < options.managers; i++) await world.#addNode(`m${i}`);
    return world;
  }

  get managers(): readonly TestManager[] {
    return this.#nodes.map(({ test }) => test);
  }
  get stores(): readonly FaultyStore[] {
    return this.#nodes.map(({ store }) => store);
  }

  async #addNode(instance: string): Promise<void> {
    const { random, connect, decorate = (store: SessionStore) => store } = this.#options;
    const tapped = withTap(await connect(), (written) => this.history.written.push(written));
    const store = new FaultyStore(decorate(tapped));
    // Little room, so that sessions leave memory and come back.
    const cache = { maxSessions: 1_000, maxBytes: 30_000 };
    const test = createTestManager(store, { instance, clock: SYSTEM_CLOCK, cache });
    store.lateBy = () => random.below(random.chance(0.5) ? 3 : 25);
    store.fault = (method) => {
      if (method === 'commit') {
        if (random.chance(0.14)) return 'lose';
        if (random.chance(0.17)) return 'late';
        if (random.chance(0.04)) return 'refuse';
        if (random.chance(0.06)) return random.oneOf(['hang', 'hold'] as const);
      }
      if (method === 'read') {
        if (random.chance(0.05)) return 'refuse';
        if (random.chance(0.1)) return random.oneOf(['hang', 'hold'] as const);
      }
      return undefined;
    };
    this.#nodes.push({ test, store, begun: new WeakMap(), said: 0 });
  }

  /** Lets everybody talk, until everything is said. */
  async run(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => this.#talk(node)));
  }

  async #talk(node: Node): Promise<void> {
    const { random, messages } = this.#options;
    const share = messages / this.#nodes.length;
    while (node.said < share) {
      const sessionId = random.oneOf(this.sessionIds);
      const dice = random.next();
      if (dice < 0.03) await this.#remove(node, sessionId);
      else if (dice < 0.2) await this.#look(node, sessionId);
      else await this.#say(node, sessionId, random.chance(0.3) ? 1 + random.below(5) : 1);
      if (random.chance(0.4)) void this.#replay(node);
      if (random.chance(0.3)) await pause(random.below(4));
    }
  }

  async #say(node: Node, sessionId: string, count: number): Promise<void> {
    const { manager } = node.test;
    const session = await manager.open(refOf(sessionId), 'create');
    if (session === undefined) throw new Error('a session is made when there is none');
    try {
      await Promise.all(Array.from({ length: count }, () => this.#change(node, session)));
    } finally {
      manager.release(session);
    }
  }

  async #change(node: Node, session: LiveSession): Promise<void> {
    const { instance } = node.test.manager;
    const index = node.said++;
    const text = `${instance}:${index}`;
    const said: Said = {
      text,
      writer: instance,
      sessionId: session.ref.sessionId,
      index,
      outcome: 'waiting',
      epoch: '',
      begun: undefined,
    };
    this.history.said.push(said);
    const mustStore = this.#options.random.chance(0.05);
    try {
      said.outcome = (await session.change(
        (draft, at) => {
          if (!draft.exists) node.begun.set(session, ++this.#tick);
          said.epoch = draft.epoch;
          said.begun = node.begun.get(session);
          return decideMessage(draft, at, text, instance);
        },
        { mustStore },
      )) as 'stored' | 'deferred';
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      said.outcome = error.reason === 'STORE_UNAVAILABLE' ? 'unknown' : 'refused';
    }
  }

  async #look(node: Node, sessionId: string): Promise<void> {
    try {
      const session = await node.test.manager.openFresh(refOf(sessionId));
      if (session !== undefined) node.test.manager.release(session);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  async #remove(node: Node, sessionId: string): Promise<void> {
    try {
      if (await node.test.manager.remove(refOf(sessionId))) {
        this.history.removals.push({ sessionId, at: ++this.#tick });
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }

  async #replay(node: Node): Promise<void> {
    for (const session of [...node.test.manager.pending.sessions]) await session.replay();
  }

  /** No more faults: what runs late runs, and what waits is stored. */
  async settle(): Promise<void> {
    for (const { store } of this.#nodes) store.fault = () => undefined;
    for (const node of this.#nodes) {
      await eventually(async () => {
        await node.store.runLate();
        await this.#replay(node);
        return node.test.manager.pending.sessions.size === 0;
      });
    }
  }

  /** The fold of a session as each manager has it, caught up. */
  async folds(sessionId: string): Promise<(Session | undefined)[]> {
    const folds: (Session | undefined)[] = [];
    for (const { test } of this.#nodes) {
      const session = await test.manager.openFresh(refOf(sessionId));
      folds.push(session?.view);
      if (session !== undefined) test.manager.release(session);
    }
    return folds;
  }

  async close(): Promise<void> {
    for (const { test, store } of this.#nodes) {
      await test.manager.close();
      await store.close();
    }
  }
}

function decideMessage(draft: Session, at: number, text: string, instance: string) {
  const [known] = [...draft.tasks()];
  const task = known?.local ?? `of-${text.replace(':', '-')}`;
  const said = { t: 'message' as const, at, task, message: userMessage(text) };
  if (known !== undefined) return [said];
  return [
    ...(draft.exists ? [] : [{ t: 'created' as const, at }]),
    { t: 'task' as const, at, task, by: `${instance}.1` },
    said,
  ];
}

export const TOMBSTONE_MS = HOUR;
