import { isDeepStrictEqual } from 'node:util';
import type { Artifact, Dialect, Message, Part, Task } from '../../protocol/model.ts';
import type { TaskState } from '../../protocol/task-state.ts';
import { toTimestamp, type Bytes, type EpochMs, type JsonObject } from '../../protocol/units.ts';
import { isLong, type ChunkRun, type OpenRun } from './chunk-runs.ts';
import { LayeredList, LayeredMap } from './layered.ts';
import type { Outbox, StatusThen } from './outbox.ts';
import type {
  ArtifactRecord,
  RunKey,
  RunRecord,
  StatusRecord,
  StoredMessage,
  TaskRecord,
} from './records.ts';
import { joinTaskId } from './session-ref.ts';
import { toCancelMetadata, withCancelEnd, type CancelFold } from './task-cancel.ts';

/** A message in the order of the conversation. */
export interface MessageEntry {
  /** Record number. */
  readonly n: number;
  readonly at: EpochMs;
  readonly task: string;
  readonly message: StoredMessage;
  /** Which instance stored it; absent for what an agent said. */
  readonly instance?: string | undefined;
}

export interface ArtifactFold {
  head: Omit<Artifact, 'parts'>;
  parts: LayeredList<Part>;
  /** Set by the record that holds all of it. */
  isWhole: boolean;
  /** What that record makes superfluous. */
  runs: LayeredList<ChunkRun>;
}

/** One task of a session, as its records left it. Only the session's reducer changes it. */
export class TaskFold {
  readonly local: string;
  readonly dialect: Dialect;
  readonly alias: string | undefined;
  state: TaskState = 'TASK_STATE_SUBMITTED';
  /** How the task stood when its present run took it up. */
  stateBefore: TaskState = 'TASK_STATE_SUBMITTED';
  statusAt: EpochMs;
  statusMessage: StoredMessage | undefined;
  by: RunKey;
  metadata: JsonObject | undefined;
  /** The agent answered with a message instead: for clients there is no such task. */
  withdrawn = false;
  /** Nothing but `submitted` and `working` was recorded: the send that made it may be run again. */
  pristine = true;
  readonly history: LayeredList<MessageEntry>;
  readonly artifacts: LayeredMap<string, ArtifactFold>;
  reply: StoredMessage | undefined;
  /** Messages of the client that no run has taken up yet; the one that comes with the task is its first run's. */
  queued = -1;
  /** Record number of the message that came with the task. */
  firstMessage: number | undefined;
  /** Its webhooks, and what they are still to be told; undefined while it never had one. */
  outbox: Outbox | undefined;
  /** How far a cancel has come; undefined while nobody has asked for one. */
  cancel: CancelFold | undefined;
  /** The present turn was begun again: an earlier run for its message was broken off. */
  isResumed = false;
  /** How often that was because its runner had died. One that leaves its task to others does it no harm. */
  reruns = 0;
  /** Number of the record that ended it. */
  endedAt: number | undefined;
  /** Since the task has ended: records whose content whole artifacts hold as well, oldest first. */
  superseded: readonly ChunkRun[] = [];
  /** First and last number of each run of records that may be missing. */
  compacted: readonly (readonly [number, number])[] = [];

  constructor(record: TaskRecord, base?: TaskFold) {
    this.local = record.task;
    this.dialect = record.dialect ?? 'v1';
    this.alias = record.alias;
    this.statusAt = record.at;
    this.by = record.by;
    this.metadata = record.metadata;
    this.history = base?.history.fork() ?? new LayeredList();
    this.artifacts = base?.artifacts.fork() ?? new LayeredMap();
  }

  /** A copy that can change while this one stays. O(1). */
  fork(): TaskFold {
    const record: TaskRecord = {
      t: 'task',
      at: this.statusAt,
      task: this.local,
      by: this.by,
      dialect: this.dialect,
    };
    const fork = new TaskFold(this.alias === undefined ? record : { ...record, alias: this.alias }, this);
    const { state, stateBefore, statusMessage, metadata, withdrawn, pristine, reply, queued } = this;
    const { firstMessage, outbox, cancel, isResumed, reruns, endedAt, superseded, compacted } = this;
    return Object.assign(fork, {
      state,
      stateBefore,
      statusMessage,
      metadata,
      withdrawn,
      pristine,
      reply,
      queued,
      firstMessage,
      outbox,
      cancel,
      isResumed,
      reruns,
      endedAt,
      superseded,
      compacted,
    });
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
    for (const entry of this.history.newestFirst()) {
      if (entry.message.role === 'ROLE_USER' && behind-- === 0) return entry;
    }
    return undefined;
  }

  /** A runner has taken it. Its status is the reducer's. */
  applyRun({ by, next }: RunRecord): void {
    const wasLeft = this.runner === '';
    this.by = by;
    this.isResumed = next !== true;
    if (next === true) this.reruns = 0;
    else if (!wasLeft) this.reruns += 1;
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
    if (metadata !== undefined) this.metadata = { ...this.metadata, ...metadata };
    if (state !== 'TASK_STATE_CANCELED') return metadata;
    this.cancel = withCancelEnd(this.cancel, record);
    return this.cancel === undefined ? metadata : { ...metadata, ...toCancelMetadata(this.cancel) };
  }

  applyArtifact(record: ArtifactRecord): void {
    const { parts, ...head } = record.artifact;
    const known = this.artifacts.get(head.artifactId);
    if (record.append !== true || record.whole === true || known === undefined) {
      const list = new LayeredList<Part>();
      for (const part of parts) list.push(part);
      // One fork per layer: an artifact that is replaced ten thousand times is not ten thousand lists deep.
      const own = this.artifacts.getOwn(head.artifactId);
      const runs = own?.runs ?? known?.runs.fork() ?? new LayeredList<ChunkRun>();
      this.artifacts.set(head.artifactId, { head, parts: list, isWhole: record.whole === true, runs });
      return;
    }
    const own = this.#ownArtifact(head.artifactId, known);
    own.isWhole = false;
    for (const part of parts) own.parts.push(part);
  }

  /** Whether this is all of an artifact. */
  isNow(artifact: Artifact): boolean {
    const { parts, ...head } = artifact;
    const known = this.artifacts.get(head.artifactId);
    return known !== undefined && isDeepStrictEqual([head, parts], [known.head, [...known.parts]]);
  }

  /** Chunks of an artifact stood together, and nothing that stays leans on them. */
  keepRun({ artifactId, from, to, bytes }: OpenRun): void {
    const known = this.artifacts.get(artifactId);
    if (known !== undefined && isLong({ from, to, bytes }))
      this.#ownArtifact(artifactId, known).runs.push({ from, to, bytes });
  }

  /** The task has ended with a record. Costs its runs of chunks. @returns whether whole artifacts have superseded any */
  end(n: number): boolean {
    this.endedAt = n;
    const runs: ChunkRun[] = [];
    for (const [, { isWhole, runs: own }] of this.artifacts.entries()) if (isWhole) runs.push(...own);
    this.superseded = runs.sort((a, b) => a.from - b.from);
    return runs.length > 0;
  }

  /** What stood between these numbers may be missing from now on. @returns bytes that this gives back */
  compact(from: number, to: number): Bytes {
    const isGone = (run: ChunkRun): boolean => run.from >= from && run.to <= to;
    const gone = this.superseded.filter(isGone);
    this.superseded = this.superseded.filter((run) => !isGone(run));
    this.compacted = [...this.compacted, [from, to]];
    return gone.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #ownArtifact(artifactId: string, known: ArtifactFold): ArtifactFold {
    const { head, isWhole } = known;
    const own = this.artifacts.getOwn(artifactId) ?? {
      head,
      parts: known.parts.fork(),
      isWhole,
      runs: known.runs.fork(),
    };
    this.artifacts.set(artifactId, own);
    return own;
  }

  /** The task as a client is shown it. O(what is shown). @param historyLength most recent messages; undefined = all */
  toTask(sessionId: string, historyLength?: number): Task {
    const id = joinTaskId(sessionId, this.local);
    const show = (message: StoredMessage): Message => ({ ...message, contextId: sessionId, taskId: id });
    const entries = historyLength === undefined ? [...this.history] : this.history.last(historyLength);
    const task: Task = {
      id,
      contextId: sessionId,
      status: { state: this.state, timestamp: toTimestamp(this.statusAt) },
      artifacts: [...this.artifacts.entries()].map(([, { head, parts }]) => ({ ...head, parts: [...parts] })),
      history: entries.map((entry) => show(entry.message)),
    };
    if (this.statusMessage !== undefined) task.status.message = show(this.statusMessage);
    const metadata = this.shownMetadata;
    if (metadata !== undefined) task.metadata = metadata;
    return task;
  }
}
