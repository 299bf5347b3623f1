import { isInterrupted, isTerminal } from '../../protocol/task-state.ts';
import type { Bytes, EpochMs, JsonObject, JsonValue } from '../../protocol/units.ts';
import { followRun, type OpenRun } from './chunk-runs.ts';
import { LayeredList, LayeredMap } from './layered.ts';
import {
  earliestDue,
  withArtifact,
  withoutWebhook,
  withReceipt,
  withStatus,
  withWebhook,
  type Outbox,
  type StatusThen,
} from './outbox.ts';
import { formatPlace, nextPlace, type Place } from './record-place.ts';
import type { JournalRecord, RecordBody } from './records.ts';
import { nonsenseOf, objectionTo } from './record-rules.ts';
import { encodeId, type SessionRef } from './session-ref.ts';
import type { Cursor } from './session-store.ts';
import { withCancel } from './task-cancel.ts';
import { TaskFold, type MessageEntry } from './task-fold.ts';

/** Under what a v0.1 client's own task id is kept. */
export const aliasKey = (subject: string, clientTaskId: string): string =>
  `${encodeId(subject)}/${encodeId(clientTaskId)}`;

const NOBODY: ReadonlySet<string> = new Set();

/**
 * A session in memory: the fold over its records. This is the only code that changes one, whether a record was made here,
 * read after a restart, or missed while another instance wrote. It is pure: no I/O, no clock.
 */
export class Session {
  readonly ref: SessionRef;
  readonly epoch: string;
  head = 0;
  /** Where it stands: the record at the head. */
  w: Place | undefined;
  bytes: Bytes = 0;
  /** `at` of the last record. */
  lastAt: EpochMs = 0;
  /** Stored records that make no sense: kept, passed over, the same by every instance. */
  skipped = 0;
  /** Set when a record was met that this instance cannot read: it must not decide on what it does not know. */
  readOnly = false;
  /** Tasks of which a webhook is still to be told something. Another set when it changes. */
  waiting: ReadonlySet<string> = NOBODY;
  /** The chunks in which the journal ends. */
  openRun: OpenRun | undefined;
  readonly messages: LayeredList<MessageEntry>;
  /** Ended tasks with superseded records, in the order of their ends; the first so many have been compacted. */
  readonly #ended: LayeredList<string>;
  #compactedTasks = 0;
  readonly #tasks: LayeredMap<string, TaskFold>;
  readonly #aliases: LayeredMap<string, string>;
  readonly #state: LayeredMap<string, JsonValue>;

  constructor(ref: SessionRef, epoch: string, base?: Session) {
    this.ref = ref;
    this.epoch = epoch;
    this.messages = base?.messages.fork() ?? new LayeredList();
    this.#ended = base === undefined ? new LayeredList() : base.#ended.fork();
    this.#tasks = base === undefined ? new LayeredMap() : base.#tasks.fork();
    this.#aliases = base === undefined ? new LayeredMap() : base.#aliases.fork();
    this.#state = base === undefined ? new LayeredMap() : base.#state.fork();
  }

  /** A layer over this fold that costs what is added to it. This fold must not change while the layer is in use. */
  fork(): Session {
    const fork = new Session(this.ref, this.epoch, this);
    fork.#compactedTasks = this.#compactedTasks;
    const { head, w, bytes, lastAt, skipped, readOnly, waiting, openRun } = this;
    return Object.assign(fork, { head, w, bytes, lastAt, skipped, readOnly, waiting, openRun });
  }

  get cursor(): Cursor {
    return { epoch: this.epoch, head: this.head, w: this.w === undefined ? '' : formatPlace(this.w) };
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

  /** @returns the moment at which a webhook of any task is due first, 0: at once; undefined when none is */
  get deliveryDue(): EpochMs | undefined {
    let due: EpochMs | undefined;
    for (const local of this.waiting) {
      const outbox = this.#tasks.get(local)?.outbox;
      const earliest = outbox && earliestDue(outbox);
      if (earliest !== undefined) due = Math.min(due ?? earliest, earliest);
    }
    return due;
  }

  /** The task that ended first of those with superseded records. */
  get nextToCompact(): TaskFold | undefined {
    const local = this.#ended.at(this.#compactedTasks);
    return local === undefined ? undefined : this.#tasks.get(local);
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
    return nonsenseOf(this, body) ?? objectionTo(this, body);
  }

  /** Takes a record that is stored, or (on a draft) is to be. Never throws, never judges. */
  apply(record: JournalRecord): void {
    this.w = nextPlace(this.w, record);
    this.head = record.n;
    this.bytes += record.bytes;
    this.#followChunks(record);
    if (record.body === undefined) {
      if (!record.skippable) this.readOnly = true;
      return;
    }
    this.lastAt = Math.max(this.lastAt, record.body.at);
    if (nonsenseOf(this, record.body) === undefined) this.#reduce(record.n, record.body);
    else this.skipped += 1;
  }

  /** Takes the place of a record whose content cannot be read: what follows still applies. */
  applyDamaged(n: number): void {
    this.applyMissing(n);
    this.readOnly = true;
  }

  /** Takes the place of a record that is not there. Whether it was compacted or lost is said by what follows. */
  applyMissing(n: number): void {
    this.head = n;
    if (this.w !== undefined) this.w = { instance: this.w.instance, seq: this.w.seq + 1 };
    this.openRun = undefined;
  }

  /** Notes which chunks stand together: those can be deleted together when nothing that stays leans on them. */
  #followChunks(record: JournalRecord): void {
    const before = this.openRun;
    this.openRun = followRun(before, record, ({ task, artifact }) => this.#has(task, artifact.artifactId));
    if (before === undefined || before.from === this.openRun?.from || record.says !== true) return;
    this.#own(before.task).keepRun(before);
  }

  #has(local: string, artifactId: string): boolean {
    return this.#tasks.get(local)?.artifacts.get(artifactId) !== undefined;
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
    let before: StatusThen | undefined;
    switch (body.t) {
      case 'run':
        task.stateBefore = task.state;
        before = task.outbox && task.statusNow;
        this.#setStatus(task, n, body.at, 'TASK_STATE_WORKING', undefined);
        task.applyRun(body);
        if (task.stateBefore !== task.state) this.#tell(task, n, before);
        break;
      case 'status': {
        const isNews = body.state !== task.state || body.message !== undefined;
        before = task.outbox && task.statusNow;
        this.#setStatus(task, n, body.at, body.state, body.message);
        const told = task.applyStatus(body);
        if (isNews) this.#tell(task, n, before, told);
        if (isTerminal(body.state) && task.end(n)) this.#ended.push(task.local);
        break;
      }
      case 'cancel':
        task.cancel = withCancel(task.cancel, body);
        break;
      case 'handover':
        task.applyHandover();
        break;
      case 'artifact':
        task.applyArtifact(body);
        task.pristine = false;
        if (task.outbox !== undefined)
          this.#setOutbox(task, withArtifact(task.outbox, n, body, task.statusNow));
        break;
      case 'reply':
        task.withdrawn = true;
        task.reply = body.message;
        task.pristine = false;
        this.#setOutbox(task, undefined);
        this.messages.push({ n, at: body.at, task: task.local, message: body.message });
        break;
      case 'state':
        this.#state.set(body.key, body.value);
        break;
      case 'push':
        this.#setOutbox(task, withWebhook(task.outbox, n, body));
        break;
      case 'unpush':
        this.#setOutbox(task, task.outbox && withoutWebhook(task.outbox, body.id));
        break;
      case 'receipt':
        this.#setOutbox(task, task.outbox && withReceipt(task.outbox, body));
        break;
      case 'compacted':
        this.bytes -= task.compact(body.from, body.to);
        while (this.nextToCompact?.superseded.length === 0) this.#compactedTasks += 1;
        break;
    }
  }

  /** Webhooks of the task are to be told of its new status. @param before undefined where there are none */
  #tell(task: TaskFold, n: number, before: StatusThen | undefined, metadata?: JsonObject): void {
    if (task.outbox === undefined || before === undefined) return;
    const trigger = { n, status: task.statusNow, ...(metadata && { metadata }) };
    this.#setOutbox(task, withStatus(task.outbox, before, trigger));
  }

  #setOutbox(task: TaskFold, outbox: Outbox | undefined): void {
    task.outbox = outbox;
    const isWaiting = outbox !== undefined && earliestDue(outbox) !== undefined;
    if (isWaiting === this.waiting.has(task.local)) return;
    const waiting = new Set(this.waiting);
    if (isWaiting) waiting.add(task.local);
    else waiting.delete(task.local);
    this.waiting = waiting;
  }

  #addMessage(n: number, at: EpochMs, local: string, message: MessageEntry['message']): void {
    const entry: MessageEntry = { n, at, task: local, message, instance: this.w?.instance };
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
