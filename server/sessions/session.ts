import { isInterrupted, isTerminal } from '../../protocol/task-state.ts';
import type { Bytes, EpochMs, JsonObject, JsonValue } from '../../protocol/units.ts';
import { fromNear, toNear } from '../../protocol/units.ts';
import { followRun, type OpenRun } from './chunk-runs.ts';
import { LayeredList, LayeredMap } from './layered.ts';
import {
  earliestDueOf,
  withArtifact,
  withoutWebhook,
  withReceipt,
  withStatus,
  withWaiting,
  withWebhook,
  type Outbox,
  type StatusThen,
} from './outbox.ts';
import { formatPlace, isSame, nextPlace, type Place } from './record-place.ts';
import type { JournalRecord, RecordBody } from './records.ts';
import { nonsenseOf, objectionTo } from './record-rules.ts';
import { aliasKey, type SessionRef } from './session-ref.ts';
import type { Cursor } from './session-store.ts';
import { withCancel } from './task-cancel.ts';
import { MessageEntry } from './task-content.ts';
import { TaskFold } from './task-fold.ts';

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
  #lastNear: number | undefined = undefined;
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
  #ended: LayeredList<string> | undefined = undefined;
  #compactedTasks = 0;
  readonly #tasks: LayeredMap<string, TaskFold>;
  /** Most sessions have none of these. */
  #aliases: LayeredMap<string, string> | undefined = undefined;
  #state: LayeredMap<string, JsonValue> | undefined = undefined;
  #cursor: Cursor | undefined = undefined;
  /** Where it stood then. */
  #cursorOf: Place | undefined = undefined;

  constructor(ref: SessionRef, epoch: string, base?: Session) {
    this.ref = ref;
    this.epoch = epoch;
    this.messages = base === undefined ? new LayeredList() : base.messages.fork();
    this.#tasks = base === undefined ? new LayeredMap() : base.#tasks.fork();
  }

  /** A layer over this fold that costs what is added to it. This fold must not change while the layer is in use. */
  fork(): Session {
    const fork = new Session(this.ref, this.epoch, this);
    fork.#ended = this.#ended?.fork();
    fork.#aliases = this.#aliases?.fork();
    fork.#state = this.#state?.fork();
    fork.#compactedTasks = this.#compactedTasks;
    fork.head = this.head;
    fork.w = this.w;
    fork.bytes = this.bytes;
    fork.#lastNear = this.#lastNear;
    fork.skipped = this.skipped;
    fork.readOnly = this.readOnly;
    fork.waiting = this.waiting;
    fork.openRun = this.openRun;
    return fork;
  }

  /** The same object until the session moves: each commit asks for it several times. */
  get cursor(): Cursor {
    const { epoch, head, w } = this;
    if (this.#cursor?.head !== head || this.#cursorOf !== w) {
      this.#cursor = { epoch, head, w: w === undefined ? '' : formatPlace(w) };
      this.#cursorOf = w;
    }
    return this.#cursor;
  }
  /** What the next commit asks for is put into words again: it takes as much room as a short message. */
  rest(): void {
    this.#cursor = undefined;
    this.#cursorOf = undefined;
  }

  /** Stands where a fold stood that was told beforehand what would be stored: it need not be put into words again. */
  standAs(other: Session): void {
    const { epoch, head, w } = other;
    if (epoch !== this.epoch || head !== this.head || w === undefined || !isSame(w, this.w)) return;
    this.w = w;
    this.#cursor = other.cursor;
    this.#cursorOf = w;
  }

  /** Whether the session has begun. */
  get exists(): boolean {
    return this.head > 0;
  }
  /** `at` of the last record; 0 before the first. */
  get lastAt(): EpochMs {
    return this.#lastNear === undefined ? 0 : fromNear(this.#lastNear);
  }

  task(local: string): TaskFold | undefined {
    return this.#tasks.get(local);
  }

  tasks(): TaskFold[] {
    return this.#tasks.values();
  }

  /** @returns the local id of the task that a v0.1 client's own id names now */
  alias(subject: string, clientTaskId: string): string | undefined {
    return this.#aliases?.get(aliasKey(subject, clientTaskId));
  }

  /** @returns the moment at which a webhook of any task is due first, 0: at once; undefined when none is */
  get deliveryDue(): EpochMs | undefined {
    if (this.waiting === NOBODY) return undefined;
    return earliestDueOf([...this.waiting].map((local) => this.#tasks.get(local)?.outbox));
  }

  /** The task that ended first of those with superseded records. */
  get nextToCompact(): TaskFold | undefined {
    const local = this.#ended?.at(this.#compactedTasks);
    return local === undefined ? undefined : this.#tasks.get(local);
  }

  agentState(key: string): JsonValue | undefined {
    return this.#state?.get(key);
  }

  /** @returns why a record must not be stored: it cannot be applied, or the A2A state machine is against it */
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
    this.#lastNear = toNear(Math.max(this.lastAt, record.body.at));
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
    const { body } = record;
    const isMore =
      body?.t === 'artifact' && this.task(body.task)?.artifact(body.artifact.artifactId) !== undefined;
    this.openRun = followRun(before, record, isMore);
    if (before === undefined || before.from === this.openRun?.from || record.says !== true) return;
    this.#own(before.task).keepRun(before);
  }

  #reduce(n: number, body: RecordBody): void {
    // The client was told that a refused message is kept: it moves no state, but it stays in the history.
    const said = body.t === 'refused' ? body.record : body;
    if (said.t === 'message') this.#addMessage(n, said.at, said.task, said.message);
    if (body.t === 'created' || body.t === 'refused' || body.t === 'message') return;
    if (body.t === 'task') {
      this.#tasks.set(body.task, new TaskFold(body));
      if (body.alias !== undefined)
        (this.#aliases ??= new LayeredMap()).set(aliasKey(body.subject ?? '', body.alias), body.task);
      return;
    }
    const task = this.#own(body.task);
    const before = task.outbox && task.statusNow;
    switch (body.t) {
      case 'run':
        task.stateBefore = task.state;
        this.#setStatus(task, n, { state: 'TASK_STATE_WORKING', at: body.at });
        task.applyRun(body);
        if (task.stateBefore !== task.state) this.#tell(task, n, before);
        break;
      case 'status': {
        const isNews = body.state !== task.state || body.message !== undefined;
        this.#setStatus(task, n, body);
        const told = task.applyStatus(body);
        if (isNews) this.#tell(task, n, before, told);
        if (isTerminal(body.state) && task.end(n)) (this.#ended ??= new LayeredList()).push(task.local);
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
        this.#setOutbox(task, task.outbox && withArtifact(task.outbox, n, body, task.statusNow));
        break;
      case 'reply':
        task.withdraw(body.message);
        this.#setOutbox(task, undefined);
        this.messages.push(new MessageEntry(n, body.at, task.local, body.message));
        break;
      case 'state':
        (this.#state ??= new LayeredMap()).set(body.key, body.value);
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
    this.waiting = withWaiting(this.waiting, task.local, outbox);
  }

  #addMessage(n: number, at: EpochMs, local: string, message: MessageEntry['message']): void {
    const entry = new MessageEntry(n, at, local, message, this.w?.instance);
    const task = this.#tasks.get(local) === undefined ? undefined : this.#own(local);
    // What the agent asked stands before what the client answers.
    if (task !== undefined && isInterrupted(task.state)) this.#keepStatusMessage(task, n, at);
    this.messages.push(entry);
    if (task === undefined) return;
    task.addMessage(entry);
    task.queued += 1;
    task.firstMessage ??= n;
  }

  /** A status message joins the history when the next status takes its place or the client answers: never shown twice. */
  #setStatus(task: TaskFold, n: number, { state, at, message }: StatusThen): void {
    this.#keepStatusMessage(task, n, at);
    task.state = state;
    task.statusAt = at;
    task.statusMessage = message;
  }

  #keepStatusMessage(task: TaskFold, n: number, at: EpochMs): void {
    if (task.statusMessage === undefined) return;
    const entry = new MessageEntry(n, at, task.local, task.statusMessage);
    task.addMessage(entry);
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
