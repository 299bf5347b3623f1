import { taskNotFound } from '../../protocol/errors.ts';
import type { TaskNames } from '../../protocol/model.ts';
import type { DurationMs } from '../../protocol/units.ts';
import { formatPosition, type FeedPosition } from '../sessions/feed-position.ts';
import type { FeedEntry, JournalFollower, Stride } from '../sessions/journal-feed.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { Audience } from './audience.ts';
import type { CallContext, StreamFrame, StreamFrames } from './call.ts';
import { isForV01, toTaskView } from './find-task.ts';
import { firstSign, revealTask } from './reveal-task.ts';
import { ANSWER_PAUSES, NO_PAUSE, StreamEnding, V01_PAUSES } from './stream-ending.ts';
import { TaskEvents } from './task-events.ts';
import { TaskTending } from './task-tending.ts';
import { TEND_MS } from './tend-task.ts';

/** What comes so soon behind what was told before is part of a burst, of which a reader is told several events at a time. */
const BURST_MS: DurationMs = 10;
const NOTHING: readonly FeedEntry[] = [];
const DONE = Promise.resolve({ done: true, value: undefined } as const);

export interface TaskStreamOptions {
  readonly call: CallContext;
  /** Messages that snapshots show; absent: as the dialect has it. */
  readonly historyLength?: number | undefined;
  /** Record number of the message that the stream answers, as it is now; absent for a subscription. */
  readonly said?: () => number;
  /** The message was sent before: its task is run again when nothing was recorded yet. */
  readonly isRepeat?: boolean;
  /** Goes on behind this, as far as the journal leads on from there; absent: begins with the task as it stands now. */
  readonly from?: FeedPosition | undefined;
}

interface LastingFrame extends StreamFrame {
  /** The stream ends after it. */
  readonly isLast: boolean;
}

/**
 * The events of one task, pulled from the journal: each once, in order, the same for everybody who follows it. It holds
 * its session from its making until it has ended or is returned, whichever way; whoever has it must do one of the two.
 */
export class TaskStream implements StreamFrames, AsyncIterableIterator<StreamFrame> {
  readonly of: TaskNames;
  /** It has told everything that it was to tell. */
  isComplete = false;
  readonly #parts: A2AParts;
  readonly #session: LiveSession;
  readonly #local: string;
  readonly #options: TaskStreamOptions;
  readonly #follower: JournalFollower;
  readonly #events: TaskEvents;
  readonly #audience: Audience;
  readonly #tending: TaskTending;
  readonly #ending: StreamEnding;
  readonly #first: LastingFrame | undefined;
  #isBegun = false;
  /** What was pulled, and how much of it has been told. */
  #pulledLast: readonly (LastingFrame | FeedEntry)[] = NOTHING;
  #told = 0;
  /** The last frame of all has been told. */
  #isOver = false;
  /** Ends waits: the stream was closed, or is to end when everything known was told. */
  readonly #stop = new AbortController();
  #isClosed = false;
  /** Something was told, or it is known that what comes next can be. */
  #hasBegun: boolean;
  #hasTold = false;
  #hasPulled = false;
  #restsSince: DurationMs = 0;

  /**
   * @param session pinned by the caller; the stream pins it once more
   * @throws {ProtocolError} TASK_NOT_FOUND
   */
  constructor(parts: A2AParts, session: LiveSession, local: string, options: TaskStreamOptions) {
    const task = session.view.task(local);
    if (task === undefined) throw taskNotFound(joinTaskId(session.ref.sessionId, local));
    const { dialect, alias } = task;
    this.of = alias === undefined ? { dialect } : { dialect, alias };
    this.#parts = parts;
    this.#session = session;
    this.#local = local;
    this.#options = options;
    const pauses = options.said === undefined ? NO_PAUSE : ANSWER_PAUSES;
    this.#ending = new StreamEnding(isForV01(task, options.call) ? V01_PAUSES : pauses, options.said);
    this.#events = new TaskEvents(session, local, this.of);
    this.#follower = session.follow(local, options.from);
    this.#tending = new TaskTending(parts, session, local, options.isRepeat ?? false);
    // At the very moment at which it is followed from: nothing is lost between, and nothing told twice.
    this.#hasBegun = options.from === undefined;
    this.#first = options.from === undefined ? this.#snapshot() : undefined;
    parts.sessions.pin(session);
    this.#audience = parts.streams.audiences.enter(session, local);
    parts.streams.add(this);
  }

  get isFed(): boolean {
    return this.#tending.isFed;
  }

  end(): void {
    this.#stop.abort();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** To be called when the one before has been answered. */
  next(): Promise<IteratorResult<StreamFrame, undefined>> {
    return this.#isClosed ? DONE : this.#more();
  }

  ready(): StreamFrame | undefined {
    while (this.#told < this.#pulledLast.length && !this.#isOver && !this.#isClosed) {
      const next = this.#pulledLast[this.#told++] as LastingFrame | FeedEntry;
      const frame = 'event' in next ? next : this.#toFrame(next);
      if (frame === undefined) continue;
      this.#hasTold = true;
      this.#isOver = frame.isLast;
      return frame;
    }
    return undefined;
  }

  /** By a promise of its own: what it waits for may go on after the stream was closed. */
  async #more(): Promise<IteratorResult<StreamFrame, undefined>> {
    try {
      const known = this.ready();
      if (known !== undefined) return { done: false, value: known };
      if (this.#isOver) this.isComplete = true;
      while (!this.#isClosed && !this.#isOver) {
        const pulled = await this.#pulled();
        if (pulled === undefined) break;
        this.#pulledLast = pulled;
        this.#told = 0;
        const frame = this.ready();
        if (frame !== undefined) return { done: false, value: frame };
      }
    } catch (error) {
      this.#close();
      throw error;
    }
    this.#close();
    return DONE;
  }

  /** Also while a frame is waited for. */
  return(): Promise<IteratorResult<StreamFrame, undefined>> {
    this.#close();
    return DONE;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stop.abort();
    this.#follower.close();
    this.#tending.stop();
    this.#pulledLast = NOTHING;
    this.#parts.streams.audiences.leave(this.#session, this.#local);
    this.#parts.streams.delete(this);
    this.#parts.sessions.release(this.#session);
  }

  #pulled(): Promise<readonly (LastingFrame | FeedEntry)[] | undefined> {
    if (this.#isBegun) return this.#pull();
    this.#isBegun = true;
    return this.#begin();
  }

  /** The first frame, unless it is to be what the journal brings next. */
  async #begin(): Promise<readonly LastingFrame[]> {
    const parts = this.#parts;
    const session = this.#session;
    const local = this.#local;
    if (this.#first === undefined) return [];
    // Who subscribes knows of the task already.
    if (this.#options.said === undefined) return [this.#first];
    await firstSign(parts, session, local, this.#stop.signal);
    await revealTask(parts, session, local);
    // The agent has answered without a task since: that is all there is to tell, and comes next.
    const isWithdrawn = session.view.task(local)?.withdrawn === true && !this.#first.isLast;
    return isWithdrawn ? [] : [this.#first];
  }

  /** @returns undefined when the stream is over; none when there is nothing to tell yet, after a wait for it */
  async #pull(): Promise<readonly (LastingFrame | FeedEntry)[] | undefined> {
    const pulled = await this.#follower.pull();
    switch (pulled.kind) {
      case 'gone':
        return undefined;
      case 'reset':
        return this.#again();
      case 'unavailable':
        // A reader that comes back while the store is away is told what memory has; one that is here waits for the rest.
        if (!this.#hasBegun) return this.#again();
        return (await this.#rest()) ? [] : undefined;
      case 'loading':
        return (await this.#rest()) ? [] : undefined;
      case 'entries':
        this.#hasBegun = true;
        if (pulled.entries.length > 0) {
          this.#hasPulled = true;
          return pulled.entries;
        }
        if (this.#isBehindTheEnd()) return this.#again();
        return (await this.#drained()) ? [] : undefined;
    }
  }

  /** Begins anew with the task as it stands now. */
  #again(): readonly LastingFrame[] | undefined {
    this.#hasBegun = true;
    this.#hasTold = true;
    this.#audience.events.clear();
    const frame = this.#snapshot();
    return frame && [frame];
  }

  #snapshot(): LastingFrame | undefined {
    const cursor = formatPosition(this.#follower.restart());
    const task = this.#session.view.task(this.#local);
    if (task === undefined) return undefined;
    if (task.withdrawn && task.reply !== undefined) {
      const message = { ...task.reply, contextId: this.#session.ref.sessionId };
      return { event: { kind: 'message', message }, cursor, isLast: true };
    }
    const isLast = this.#ending.begin(task);
    const view = toTaskView(this.#session, task, this.#options.call, this.#options.historyLength);
    return { event: { kind: 'task', view, final: isLast }, cursor, isLast };
  }

  /**
   * No cursor of this journal is behind the end of its task, unless it came with a snapshot. A store that went back has
   * given the numbers to others: whoever had come that far was not told of this end, and would come back for ever. Nor,
   * perhaps, was one who has come just to it.
   */
  #isBehindTheEnd(): boolean {
    const { from } = this.#options;
    const endedAt = this.#session.view.task(this.#local)?.endedAt;
    if (this.#hasTold || from === undefined || endedAt === undefined) return false;
    const isBehind = from.n > endedAt || (from.n === endedAt && this.#session.journal.hasGoneBack);
    return isBehind && !this.#follower.hasNews;
  }

  #toFrame({ body, position }: FeedEntry): LastingFrame | undefined {
    const isLast = this.#ending.take(body);
    const shared = this.#audience.events.of(body, isLast, this.#events);
    const event = shared === undefined ? this.#events.toEvent(body, isLast) : shared.event;
    return event && { event, cursor: formatPosition(position), isLast, texts: shared };
  }

  /** Everything that is known was told. @returns whether there is more to come */
  async #drained(): Promise<boolean> {
    if (this.#follower.hasNews) return true;
    const task = this.#session.view.task(this.#local);
    if (task === undefined) return false;
    if (this.#ending.isOver(task)) {
      this.isComplete = true;
      return false;
    }
    return this.#rest();
  }

  /** Waits for news, and looks after a task that nobody here runs. @returns whether the stream goes on */
  async #rest(): Promise<boolean> {
    if (this.#isStopped() || !(await this.#tending.tend())) return false;
    this.#restsSince = this.#parts.clock.mono();
    await this.#follower.news(TEND_MS, this.#stop.signal, this.#hasPulled ? this.#stride : undefined);
    return true;
  }

  /** What comes after a pause is told at once, and so is the first of all. */
  readonly #stride: Stride = {
    rest: (go) => {
      if (this.#parts.clock.mono() - this.#restsSince < BURST_MS) this.#audience.rest(go);
      else go();
    },
    cancel: (go) => {
      this.#audience.cancel(go);
    },
  };

  #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }
}
