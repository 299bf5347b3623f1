import type { Dialect, Message, Task } from '../../protocol/model.ts';
import type { TaskState } from '../../protocol/task-state.ts';
import {
  fromNear,
  toNear,
  toTimestamp,
  type Bytes,
  type DurationMs,
  type EpochMs,
  type JsonObject,
} from '../../protocol/units.ts';
import type { ChunkRun } from './chunk-runs.ts';
import type { Outbox, StatusThen } from './outbox.ts';
import type { RunKey, RunRecord, StatusRecord, StoredMessage } from './records.ts';
import { joinTaskId } from './session-ref.ts';
import { TaskContent, type MessageEntry } from './task-content.ts';
import { NO_RARITIES } from './task-rarities.ts';
import { toCancelMetadata, withCancelEnd, type CancelFold } from './task-cancel.ts';

/**
 * Nearly all tasks of a process are in their first run by one and the same instance: one string for all of them, though
 * each record brings its own.
 */
let lastRun: RunKey = '';

function sameRun(by: RunKey): RunKey {
  if (by !== lastRun) lastRun = by;
  return lastRun;
}

/** What a task's record says of it. */
interface TaskBeginning {
  readonly task: string;
  readonly dialect?: Dialect | undefined;
  readonly alias?: string | undefined;
  readonly at: EpochMs;
  readonly by: RunKey;
  readonly metadata?: JsonObject | undefined;
}

/** One task of a session, as its records left it. Only the session's reducer changes it. */
export class TaskFold extends TaskContent {
  readonly local: string;
  state: TaskState = 'TASK_STATE_SUBMITTED';
  /** How the task stood when its present run took it up. */
  stateBefore: TaskState = 'TASK_STATE_SUBMITTED';
  #statusNear: DurationMs;
  statusMessage: StoredMessage | undefined;
  by: RunKey;
  /** Nothing but `submitted` and `working` was recorded: the send that made it may be run again. */
  pristine = true;
  /** Messages of the client that no run has taken up yet; the one that comes with the task is its first run's. */
  queued = -1;
  /** Record number of the message that came with the task. */
  firstMessage: number | undefined;
  /** Number of the record that ended it. */
  endedAt: number | undefined;
  #rare = NO_RARITIES;

  constructor(record: TaskBeginning, base?: TaskFold) {
    super(base);
    this.local = record.task;
    this.#statusNear = toNear(record.at);
    this.by = sameRun(record.by);
    const { dialect = 'v1', alias, metadata } = record;
    if (base !== undefined) this.#rare = base.#rare;
    else if (dialect !== 'v1' || alias !== undefined || metadata !== undefined)
      this.#rare = { ...NO_RARITIES, dialect, alias, metadata };
  }

  get statusAt(): EpochMs {
    return fromNear(this.#statusNear);
  }
  set statusAt(at: EpochMs) {
    this.#statusNear = toNear(at);
  }
  get dialect(): Dialect {
    return this.#rare.dialect;
  }
  get alias(): string | undefined {
    return this.#rare.alias;
  }
  /** The agent's. */
  get metadata(): JsonObject | undefined {
    return this.#rare.metadata;
  }
  /** The agent answered with a message instead: for clients there is no such task. */
  get withdrawn(): boolean {
    return this.#rare.withdrawn;
  }
  /** What it answered with. */
  get reply(): StoredMessage | undefined {
    return this.#rare.reply;
  }
  /** Its webhooks, and what they are still to be told; undefined while it never had one. */
  get outbox(): Outbox | undefined {
    return this.#rare.outbox;
  }
  set outbox(outbox: Outbox | undefined) {
    if (outbox !== this.#rare.outbox) this.#rare = { ...this.#rare, outbox };
  }
  /** How far a cancel has come; undefined while nobody has asked for one. */
  get cancel(): CancelFold | undefined {
    return this.#rare.cancel;
  }
  set cancel(cancel: CancelFold | undefined) {
    if (cancel !== this.#rare.cancel) this.#rare = { ...this.#rare, cancel };
  }
  /** The present turn was begun again: an earlier run for its message was broken off. */
  get isResumed(): boolean {
    return this.#rare.isResumed;
  }
  /** How often that was because its runner had died. One that leaves its task to others does it no harm. */
  get reruns(): number {
    return this.#rare.reruns;
  }
  /** Since the task has ended: records whose content whole artifacts hold as well, oldest first. */
  get superseded(): readonly ChunkRun[] {
    return this.#rare.superseded;
  }
  /** First and last number of each run of records that may be missing. */
  get compacted(): readonly (readonly [number, number])[] {
    return this.#rare.compacted;
  }

  /**
   * A copy that can change while this one stays. O(1). Field by field: it is made for each task that a change touches,
   * and `Object.assign` took as long as all the rest of it.
   */
  fork(): TaskFold {
    const { local: task, statusAt: at, by } = this;
    const fork = new TaskFold({ task, at, by }, this);
    fork.state = this.state;
    fork.stateBefore = this.stateBefore;
    fork.statusMessage = this.statusMessage;
    fork.pristine = this.pristine;
    fork.queued = this.queued;
    fork.firstMessage = this.firstMessage;
    fork.endedAt = this.endedAt;
    return fork;
  }

  /** Who runs it; empty when its runner has left it to whoever takes it next. */
  get runner(): string {
    return this.by.slice(0, this.by.lastIndexOf('.'));
  }

  get attempt(): number {
    return Number(this.by.slice(this.by.lastIndexOf('.') + 1));
  }

  /** The metadata that clients are shown: the agent's, and what became of a cancel. */
  get shownMetadata(): JsonObject | undefined {
    return this.cancel === undefined ? this.metadata : { ...this.metadata, ...toCancelMetadata(this.cancel) };
  }

  get statusNow(): StatusThen {
    const { state, statusAt: at, statusMessage: message } = this;
    return message === undefined ? { state, at } : { state, at, message };
  }

  /** The client's message that the present (or last) run answers. */
  get turn(): MessageEntry | undefined {
    let behind = Math.max(0, this.queued);
    const { history } = this;
    for (let i = history.length - 1; i >= 0; i--) {
      const entry = history.at(i);
      if (entry?.message.role === 'ROLE_USER' && behind-- === 0) return entry;
    }
    return undefined;
  }

  /** A runner has taken it. Its status is the reducer's. */
  applyRun({ by, next }: RunRecord): void {
    const wasLeft = this.runner === '';
    this.by = by;
    const isResumed = next !== true;
    const reruns = isResumed ? this.reruns + (wasLeft ? 0 : 1) : 0;
    if (isResumed !== this.isResumed || reruns !== this.reruns)
      this.#rare = { ...this.#rare, isResumed, reruns };
    if (next === true) this.queued = Math.max(0, this.queued - 1);
  }

  /** Its runner has left it: nobody runs it, and the attempt counts on from there. */
  applyHandover(): void {
    this.by = `.${this.attempt}`;
  }

  /** What a status says beside the status itself. @returns metadata that is told with it */
  applyStatus(record: StatusRecord): JsonObject | undefined {
    const { state, message, metadata } = record;
    if (message !== undefined || (state !== 'TASK_STATE_SUBMITTED' && state !== 'TASK_STATE_WORKING'))
      this.pristine = false;
    if (metadata !== undefined) this.#rare = { ...this.#rare, metadata: { ...this.metadata, ...metadata } };
    if (state !== 'TASK_STATE_CANCELED') return metadata;
    this.cancel = withCancelEnd(this.cancel, record);
    return this.cancel === undefined ? metadata : { ...metadata, ...toCancelMetadata(this.cancel) };
  }

  /** The agent has answered with a message: there is no such task. */
  withdraw(reply: StoredMessage): void {
    this.#rare = { ...this.#rare, withdrawn: true, reply };
    this.pristine = false;
  }

  /** The task has ended with a record. Costs its runs of chunks. @returns whether whole artifacts have superseded any */
  end(n: number): boolean {
    this.endedAt = n;
    const runs: ChunkRun[] = [];
    for (const artifact of this.artifacts.values())
      if (artifact.isWhole && artifact.hasRuns) runs.push(...artifact.runs);
    const superseded = runs.length === 0 ? NO_RARITIES.superseded : runs.sort((a, b) => a.from - b.from);
    if (superseded !== this.superseded) this.#rare = { ...this.#rare, superseded };
    return runs.length > 0;
  }

  /** What stood between these numbers may be missing from now on. @returns bytes that this gives back */
  compact(from: number, to: number): Bytes {
    const isGone = (run: ChunkRun): boolean => run.from >= from && run.to <= to;
    const gone = this.superseded.filter(isGone);
    const superseded = this.superseded.filter((run) => !isGone(run));
    this.#rare = { ...this.#rare, superseded, compacted: [...this.compacted, [from, to]] };
    return gone.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The task as a client is shown it. O(what is shown). @param historyLength most recent messages; undefined = all */
  toTask(sessionId: string, historyLength?: number): Task {
    const id = joinTaskId(sessionId, this.local);
    const task: Task = {
      id,
      contextId: sessionId,
      status: { state: this.state, timestamp: toTimestamp(this.statusAt) },
      artifacts: this.artifacts.values().map((artifact) => artifact.toArtifact()),
      history: this.history
        .last(historyLength ?? Infinity)
        .map((entry) => inTask(entry.message, sessionId, id)),
    };
    if (this.statusMessage !== undefined) task.status.message = inTask(this.statusMessage, sessionId, id);
    const metadata = this.shownMetadata;
    if (metadata !== undefined) task.metadata = metadata;
    return task;
  }
}

/** By names: a spread gives each message a shape of its own, and whoever reads it next misses eight times for each send. */
function inTask(
  { messageId, parts, role, extensions, metadata, referenceTaskIds }: StoredMessage,
  contextId: string,
  taskId: string,
): Message {
  const shown: Message = { messageId, parts, role, contextId, taskId };
  if (extensions !== undefined) shown.extensions = extensions;
  if (metadata !== undefined) shown.metadata = metadata;
  if (referenceTaskIds !== undefined) shown.referenceTaskIds = referenceTaskIds;
  return shown;
}
