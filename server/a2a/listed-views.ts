import type { Task, TaskView } from '../../protocol/model.ts';
import type { TaskState } from '../../protocol/task-state.ts';
import { toTimestamp, type Bytes, type EpochMs } from '../../protocol/units.ts';
import type { A2ASessionManager } from '../sessions/session-manager.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import { SessionDamagedError, type ListedTask } from '../sessions/session-store.ts';
import type { Session } from '../sessions/session.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import { readTaskSummary, type TaskSummary } from '../sessions/task-summary.ts';

/** Sessions that one list reads at the same time. */
const READS_AT_ONCE = 8;
/** So much of sessions one page reads, and what one group of reads brings above it. The next page goes on behind. */
const READ_MAX_BYTES: Bytes = 64 * 1_048_576;

type Sessions = Pick<A2ASessionManager, 'peek' | 'glance'>;

interface Wanted {
  readonly includeArtifacts: boolean;
  /** 0: none. */
  readonly historyLength: number;
  /** Only tasks in this state. */
  readonly state: TaskState | undefined;
  readonly readMaxBytes?: Bytes;
}

/** A task and its status time as it is shown; undefined when there is nothing to show any more. */
type Shown = { readonly view: TaskView; readonly at: EpochMs } | undefined;

interface Row {
  readonly listed: ListedTask;
  readonly summary: TaskSummary | undefined;
}

/**
 * Shows listed tasks: from their summaries where these say all that is wanted, else from their sessions, without taking
 * those into memory. A session shows what it knows, which may be newer than the index was, and is never older.
 */
export class ListedViews {
  readonly #sessions: Sessions;
  readonly #tenant: string;
  readonly #wanted: Wanted;

  constructor(sessions: Sessions, tenant: string, wanted: Wanted) {
    this.#sessions = sessions;
    this.#tenant = tenant;
    this.#wanted = wanted;
  }

  /**
   * @returns the tasks, and how many of the list they account for: fewer than all when too much would have to be read
   * @throws {StoreUnavailableError}
   */
  async show(list: readonly ListedTask[]): Promise<{ tasks: TaskView[]; used: number }> {
    const rows = list.map((listed) => ({ listed, summary: readTaskSummary(listed.summary) }));
    const shown = new Map<ListedTask, Shown>();
    for (const { listed, summary } of rows) {
      if (summary !== undefined && !this.#needsSession(summary))
        shown.set(listed, fromSummary(listed, summary));
    }
    const homes = [...bySession(rows.filter(({ listed }) => !shown.has(listed)))];
    const { readMaxBytes = READ_MAX_BYTES } = this.#wanted;
    let bytes = 0;
    for (let i = 0; i < homes.length && bytes <= readMaxBytes; i += READS_AT_ONCE) {
      const group = homes.slice(i, i + READS_AT_ONCE);
      const read = await Promise.all(
        group.map(([sessionId, own]) => this.#showSession(sessionId, own, shown)),
      );
      bytes += read.reduce((sum, size) => sum + size, 0);
    }
    const missing = list.findIndex((listed) => !shown.has(listed));
    const used = missing < 0 ? list.length : missing;
    const found = list.slice(0, used).flatMap((listed) => shown.get(listed) ?? []);
    // those that have moved since the index was asked stand where they belong now
    found.sort((a, b) => b.at - a.at);
    return { tasks: found.map(({ view }) => view), used };
  }

  #needsSession({ long }: TaskSummary): boolean {
    return long === true || this.#wanted.includeArtifacts || this.#wanted.historyLength > 0;
  }

  /** @returns how much was read */
  async #showSession(sessionId: string, rows: readonly Row[], shown: Map<ListedTask, Shown>): Promise<Bytes> {
    const ref = { tenant: this.#tenant, sessionId };
    const cached = this.#sessions.peek(ref);
    if (cached !== undefined && rows.every((row) => isFresh(cached.task(row.listed.local), row))) {
      for (const { listed } of rows) shown.set(listed, this.#fromSession(cached, listed));
      return 0;
    }
    let session: Session | undefined;
    try {
      session = await this.#sessions.glance(ref);
    } catch (error) {
      if (!(error instanceof SessionDamagedError)) throw error;
      // the operator knows; one damaged session shall not hide all the others
      for (const { listed, summary } of rows) shown.set(listed, summary && fromSummary(listed, summary));
      return 0;
    }
    for (const { listed } of rows) shown.set(listed, session && this.#fromSession(session, listed));
    return session?.bytes ?? 0;
  }

  #fromSession(session: Session, { sessionId, local }: ListedTask): Shown {
    const fold = session.task(local);
    const { state, historyLength, includeArtifacts } = this.#wanted;
    if (fold === undefined || fold.withdrawn) return undefined;
    if (state !== undefined && fold.state !== state) return undefined;
    const task = fold.toTask(sessionId, historyLength);
    const { dialect, alias, statusAt: at } = fold;
    const view = { task: includeArtifacts ? task : { ...task, artifacts: [] }, dialect };
    return { view: alias === undefined ? view : { ...view, alias }, at };
  }
}

function bySession(rows: readonly Row[]): Map<string, Row[]> {
  const homes = new Map<string, Row[]>();
  for (const row of rows) {
    const { sessionId } = row.listed;
    const home = homes.get(sessionId);
    if (home === undefined) homes.set(sessionId, [row]);
    else home.push(row);
  }
  return homes;
}

/** Whether what memory knows of a task is at least what the index knew; of two statuses in one moment it cannot be told. */
function isFresh(fold: TaskFold | undefined, { listed, summary }: Row): boolean {
  if (fold === undefined) return false;
  if (fold.statusAt !== listed.statusAt) return fold.statusAt > listed.statusAt;
  return fold.state === summary?.state;
}

function fromSummary({ sessionId, local, statusAt: at }: ListedTask, summary: TaskSummary): Shown {
  const { state, message, metadata, alias, dialect = 'v1' } = summary;
  const id = joinTaskId(sessionId, local);
  const task: Task = {
    id,
    contextId: sessionId,
    status: {
      state,
      timestamp: toTimestamp(at),
      ...(message && { message: { ...message, contextId: sessionId, taskId: id } }),
    },
    artifacts: [],
    history: [],
    ...(metadata && { metadata }),
  };
  return { view: { task, dialect, ...(alias !== undefined && { alias }) }, at };
}
