import { ProtocolError } from '../../protocol/errors.ts';
import type { TaskState } from '../../protocol/task-state.ts';
import type { DurationMs, EpochMs } from '../../protocol/units.ts';
import type { Log, LogEvent, LogFields } from '../../server/observability/log-events.ts';
import { describeError } from '../../server/observability/logger.ts';
import type { ChangeOptions, ChangeOutcome, Decide } from '../../server/sessions/change.ts';
import type { LiveSession } from '../../server/sessions/live-session.ts';
import type { RecordBody, StoredMessage } from '../../server/sessions/records.ts';
import { A2ASessionManager, type OpenMode } from '../../server/sessions/session-manager.ts';
import type { SessionManagerOptions } from '../../server/sessions/session-manager-options.ts';
import type { Clock, SessionCounters } from '../../server/sessions/session-parts.ts';
import type { SessionRef } from '../../server/sessions/session-ref.ts';
import type { SessionStore, StoredRecord } from '../../server/sessions/session-store.ts';
import type { Session } from '../../server/sessions/session.ts';
import { overheard } from './overheard.ts';

/** Time that moves when the test says so, both for what is shown and for what is measured. */
export class TestClock implements Clock {
  #elapsed: DurationMs = 0;
  readonly #start: EpochMs;

  constructor(start: EpochMs = Date.UTC(2026, 0, 2)) {
    this.#start = start;
  }

  readonly now = (): EpochMs => this.#start + this.#elapsed;
  readonly mono = (): DurationMs => this.#elapsed;

  advance(ms: DurationMs): void {
    this.#elapsed += ms;
  }
}

export interface LoggedLine {
  readonly event: LogEvent;
  readonly fields: LogFields;
  readonly error: unknown;
}

/** A log that is read as data, and heard as it would be written. */
export const logTo =
  (logged: LoggedLine[]): Log =>
  (event, fields = {}, error) => {
    logged.push({ event, fields, error });
    const shown = error === undefined ? undefined : describeError(error);
    overheard.hear(event, JSON.stringify({ ...fields, error: shown }));
  };

/** What the sessions counted, by name and label. */
export class CountedEvents implements SessionCounters {
  readonly counts: Record<string, number> = {};

  of(name: string): number {
    return this.counts[name] ?? 0;
  }
  #add(name: string, count = 1): void {
    this.counts[name] = this.of(name) + count;
  }
  commit(outcome: string): void {
    this.#add(`commit ${outcome}`);
  }
  rehydrated(): void {
    this.#add('rehydrated');
  }
  cache(outcome: 'hit' | 'miss'): void {
    this.#add(`cache ${outcome}`);
  }
  evicted(): void {
    this.#add('evicted');
  }
  rebased(): void {
    this.#add('rebased');
  }
  refused(count: number): void {
    this.#add('refused', count);
  }
  dropped(count: number, why: string): void {
    this.#add(`dropped ${why}`, count);
  }
  damaged(): void {
    this.#add('damaged');
  }
}

export interface TestManager {
  readonly manager: A2ASessionManager;
  readonly clock: TestClock;
  readonly logged: LoggedLine[];
  readonly counters: CountedEvents;
  /** Whether the manager is told that the store is away. */
  away: boolean;
  /** How often it has asked that. */
  readonly awayAsked: number;
}

export const HOUR: DurationMs = 3_600_000;

export function createTestManager(
  store: SessionStore,
  options: Partial<Omit<SessionManagerOptions, 'store' | 'counters' | 'log' | 'clock'>> & {
    clock?: TestClock | Clock;
  } = {},
): TestManager {
  const clock = options.clock instanceof TestClock ? options.clock : new TestClock();
  const logged: LoggedLine[] = [];
  const counters = new CountedEvents();
  const state = { away: false, asked: 0 };
  const manager = new A2ASessionManager({
    store,
    isAway: () => {
      state.asked += 1;
      return state.away;
    },
    ttlMs: HOUR,
    ttlRefresh: 'write',
    coherence: 'shared',
    cache: { maxSessions: 1_000, maxBytes: 64 * 1_048_576 },
    limits: { recordMaxBytes: 4_194_304, sessionMaxBytes: 16_777_216, sessionMaxRecords: 100_000 },
    pending: { maxRecords: 100_000, maxBytes: 64 * 1_048_576 },
    deadMs: 10_000,
    ...options,
    clock: options.clock ?? clock,
    counters,
    log: logTo(logged),
  });
  return {
    manager,
    clock,
    logged,
    counters,
    get awayAsked() {
      return state.asked;
    },
    get away() {
      return state.away;
    },
    set away(isAway: boolean) {
      state.away = isAway;
    },
  };
}

export const refOf = (sessionId = 's1', tenant = 'acme'): SessionRef => ({ tenant, sessionId });

export async function opened(
  manager: A2ASessionManager,
  ref = refOf(),
  mode: OpenMode = 'create',
): Promise<LiveSession> {
  const session = await manager.open(ref, mode);
  if (session === undefined) throw new Error('the session is not there');
  return session;
}

/** One change in a session that is opened for it and released after it. */
export async function changeOnce(
  manager: A2ASessionManager,
  decide: Decide,
  ref = refOf(),
  options: ChangeOptions = {},
): Promise<ChangeOutcome> {
  const session = await opened(manager, ref);
  try {
    return await session.change(decide, options);
  } finally {
    manager.release(session);
  }
}

export const userMessage = (text: string, messageId = text): StoredMessage => ({
  messageId,
  role: 'ROLE_USER',
  parts: [{ text }],
});

/** Begins a task with a message, and the session with it where there is none. */
export const begin =
  (task: string, text: string, by = 'i1.1', alias?: { alias: string; subject: string }): Decide =>
  (draft, at): RecordBody[] => [
    ...(draft.exists ? [] : [{ t: 'created' as const, at }]),
    { t: 'task', at, task, by, ...alias },
    { t: 'message', at, task, message: userMessage(text) },
  ];

export const say =
  (task: string, text: string): Decide =>
  (_draft, at) => [{ t: 'message', at, task, message: userMessage(text) }];

export const moveTo =
  (task: string, state: TaskState, by?: string): Decide =>
  (_draft, at) => [{ t: 'status', at, task, state, ...(by !== undefined && { by }) }];

export const textsOf = (session: Session): string[] =>
  [...session.messages].map(({ message }) => {
    const [part] = message.parts;
    return part !== undefined && 'text' in part ? part.text : '';
  });

/** Why something was refused, or that it was not. */
export async function reasonOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof ProtocolError ? error.reason : String(error);
  }
  return 'it succeeded';
}

/** Everything of a journal, however long. */
export async function readAll(store: SessionStore, ref = refOf()): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  let read = await store.read(ref);
  while (read.found) {
    records.push(...read.tail.records);
    if (!read.tail.more) break;
    const head = records.at(-1)?.n ?? 0;
    read = await store.read(ref, { epoch: read.cursor.epoch, head, w: '' });
  }
  return records;
}

/** What a fold says, as plain data: two folds over the same records say the same. */
export function plainFold(session: Session): object {
  const { epoch, head, w, lastAt, skipped, readOnly, deliveryDue } = session;
  const waiting = [...session.waiting].sort();
  const tasks = [...session.tasks()].map((task) => {
    // Whatever fields a task has: one that a fork forgets makes a difference.
    const { history, artifacts, ...fields } = task;
    const kept = [...artifacts.entries()].map(([id, { head: about, parts }]) => [id, about, [...parts]]);
    return { ...fields, turn: task.turn, history: [...history], artifacts: kept };
  });
  return {
    epoch,
    head,
    w,
    lastAt,
    skipped,
    readOnly,
    deliveryDue,
    waiting,
    messages: [...session.messages],
    tasks,
  };
}
