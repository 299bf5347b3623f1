import { isInterrupted, isTerminal, mayMove } from '../../protocol/task-state.ts';
import type { Bytes, EpochMs, JsonValue } from '../../protocol/units.ts';
import { LayeredList, LayeredMap } from './layered.ts';
import { formatIdentity, type Identity, type JournalRecord, type RecordBody } from './records.ts';
import { encodeId, type SessionRef } from './session-ref.ts';
import type { Cursor } from './session-store.ts';
import { TaskFold, type MessageEntry } from './task-fold.ts';

/** Under what a v0.1 client's own task id is kept. */
export const aliasKey = (subject: string, clientTaskId: string): string =>
  `${encodeId(subject)}/${encodeId(clientTaskId)}`;

/**
 * A session in memory: the fold over its records. This is the only code that changes one, whether a record was made here,
 * read after a restart, or missed while another instance wrote. It is pure: no I/O, no clock.
 */
export class Session {
  readonly ref: SessionRef;
  readonly epoch: string;
  head = 0;
  /** Identity of the record at the head. */
  w: Identity | undefined;
  bytes: Bytes = 0;
  /** `at` of the last record. */
  lastAt: EpochMs = 0;
  /** Stored records that make no sense: kept, passed over, the same by every instance. */
  skipped = 0;
  /** Set when a record was met that this instance cannot read: it must not decide on what it does not know. */
  readOnly = false;
  readonly messages: LayeredList<MessageEntry>;
  readonly #tasks: LayeredMap<string, TaskFold>;
  readonly #aliases: LayeredMap<string, string>;
  readonly #state: LayeredMap<string, JsonValue>;

  constructor(ref: SessionRef, epoch: string, base?: Session) {
    this.ref = ref;
    this.epoch = epoch;
    this.messages = base?.messages.fork() ?? new LayeredList();
    this.#tasks = base?.tasksLayer() ?? new LayeredMap();
    this.#aliases = base?.aliasesLayer() ?? new LayeredMap();
    this.#state = base?.stateLayer() ?? new LayeredMap();
  }

  private tasksLayer(): LayeredMap<string, TaskFold> {
    return this.#tasks.fork();
  }
  private aliasesLayer(): LayeredMap<string, string> {
    return this.#aliases.fork();
  }
  private stateLayer(): LayeredMap<string, JsonValue> {
    return this.#state.fork();
  }

  /** A layer over this fold that costs what is added to it. This fold must not change while the layer is in use. */
  fork(): Session {
    const fork = new Session(this.ref, this.epoch, this);
    const { head, w, bytes, lastAt, skipped, readOnly } = this;
    return Object.assign(fork, { head, w, bytes, lastAt, skipped, readOnly });
  }

  get cursor(): Cursor {
    return { epoch: this.epoch, head: this.head, w: this.w === undefined ? '' : formatIdentity(this.w) };
  }

  /** Whether the session has begun. */
  get exists(): boolean {
    return this.head > 0;
  }

  task(local: string): TaskFold | undefined {
    return this.#tasks.get(local);
  }

  *tasks(): Generator<TaskFold> {
    for (const [, task] of this.#tasks.entries()) yield task;
  }

  /** @returns the local id of the task that a v0.1 client's own id names now */
  alias(subject: string, clientTaskId: string): string | undefined {
    return this.#aliases.get(aliasKey(subject, clientTaskId));
  }

  agentState(key: string): JsonValue | undefined {
    return this.#state.get(key);
  }

  /**
   * What forbids a record that is about to be stored: it cannot be applied, or the A2A state machine is against it.
   *
   * @returns the reason, or undefined when it may be stored
   */
  check(body: RecordBody): string | undefined {
    return this.#nonsense(body) ?? this.#forbidden(body);
  }

  /** Takes a record that is stored, or (on a draft) is to be. Never throws, never judges. */
  apply(record: JournalRecord): void {
    this.head = record.n;
    this.w = record.identity;
    this.bytes += record.bytes;
    if (record.body === undefined) {
      if (!record.skippable) this.readOnly = true;
      return;
    }
    this.lastAt = Math.max(this.lastAt, record.body.at);
    if (this.#nonsense(record.body) === undefined) this.#reduce(record.n, record.body);
    else this.skipped += 1;
  }

  /** Takes the place of a record whose content is lost: what follows still applies. */
  applyDamaged(n: number, identity: Identity | undefined): void {
    this.head = n;
    if (identity !== undefined) this.w = identity;
    this.readOnly = true;
  }

  #nonsense(body: RecordBody): string | undefined {
    if (body.t === 'refused' || body.t === 'created') return undefined;
    const task = this.#tasks.get(body.task);
    if (body.t === 'task') return task === undefined ? undefined : 'the task exists';
    return task === undefined ? 'no such task' : undefined;
  }

  #forbidden(body: RecordBody): string | undefined {
    if (body.t === 'refused') return undefined;
    if (body.t === 'created') return this.exists ? 'the session exists' : undefined;
    if (!this.exists) return 'no such session';
    const task = this.#tasks.get(body.task);
    if (task === undefined) return undefined;
    // The agent's notes belong to the session: the end of one task does not make them wrong.
    if (body.t !== 'state' && (isTerminal(task.state) || task.withdrawn)) return 'the task has ended';
    if (body.t !== 'run' && 'by' in body && body.by !== task.by) return 'the task has another runner';
    if (body.t === 'status' && !mayMove(task.state, body.state)) return `the task is ${task.state}`;
    return undefined;
  }

  #reduce(n: number, body: RecordBody): void {
    if (body.t === 'created') return;
    if (body.t === 'refused') {
      // The client was told that its message is kept: it moves no state, but it stays in the history.
      const inner = body.record;
      if (inner.t === 'message') this.#addMessage(n, inner.at, inner.task, inner.message);
      return;
    }
    if (body.t === 'task') {
      this.#tasks.set(body.task, new TaskFold(body));
      if (body.alias !== undefined) this.#aliases.set(aliasKey(body.subject ?? '', body.alias), body.task);
      return;
    }
    if (body.t === 'message') {
      this.#addMessage(n, body.at, body.task, body.message);
      return;
    }
    const task = this.#own(body.task);
    switch (body.t) {
      case 'run':
        task.stateBefore = task.state;
        this.#setStatus(task, n, body.at, 'TASK_STATE_WORKING', undefined);
        task.by = body.by;
        if (body.next === true) task.queued = Math.max(0, task.queued - 1);
        break;
      case 'status':
        this.#setStatus(task, n, body.at, body.state, body.message);
        if (body.state !== 'TASK_STATE_SUBMITTED' && body.state !== 'TASK_STATE_WORKING')
          task.pristine = false;
        if (body.message !== undefined) task.pristine = false;
        if (body.metadata !== undefined) task.metadata = { ...task.metadata, ...body.metadata };
        break;
      case 'artifact':
        task.applyArtifact(body);
        task.pristine = false;
        break;
      case 'reply':
        task.withdrawn = true;
        task.reply = body.message;
        task.pristine = false;
        this.messages.push({ n, at: body.at, task: task.local, message: body.message });
        break;
      case 'state':
        this.#state.set(body.key, body.value);
        break;
    }
  }

  #addMessage(n: number, at: EpochMs, local: string, message: MessageEntry['message']): void {
    const entry: MessageEntry = { n, at, task: local, message };
    const task = this.#tasks.get(local) === undefined ? undefined : this.#own(local);
    // What the agent asked stands before what the client answers.
    if (task !== undefined && isInterrupted(task.state)) this.#keepStatusMessage(task, n, at);
    this.messages.push(entry);
    if (task === undefined) return;
    task.history.push(entry);
    task.queued += 1;
    task.firstMessage ??= n;
  }

  /** A status message joins the history when the next status takes its place or the client answers: never shown twice. */
  #setStatus(
    task: TaskFold,
    n: number,
    at: EpochMs,
    state: TaskFold['state'],
    message: TaskFold['statusMessage'],
  ): void {
    this.#keepStatusMessage(task, n, at);
    task.state = state;
    task.statusAt = at;
    task.statusMessage = message;
  }

  #keepStatusMessage(task: TaskFold, n: number, at: EpochMs): void {
    if (task.statusMessage === undefined) return;
    const entry: MessageEntry = { n, at, task: task.local, message: task.statusMessage };
    task.history.push(entry);
    this.messages.push(entry);
    task.statusMessage = undefined;
  }

  #own(local: string): TaskFold {
    const own = this.#tasks.getOwn(local);
    if (own !== undefined) return own;
    const fork = (this.#tasks.get(local) as TaskFold).fork();
    this.#tasks.set(local, fork);
    return fork;
  }
}
