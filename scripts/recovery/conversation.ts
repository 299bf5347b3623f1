import { setTimeout as pause } from 'node:timers/promises';
import type { Dialect } from '../../protocol/model.ts';
import type { DurationMs, JsonValue } from '../../protocol/units.ts';
import type { Door } from './killed-server.ts';
import { Random } from './random.ts';
import type { SentMessage, TaskSeen } from './recovery-checker.ts';
import { readEvents } from './event-stream.ts';
import { StreamedTask } from './streamed-task.ts';
import {
  getRequest,
  open,
  post,
  readOutcome,
  readTask,
  resumeRequest,
  sendRequest,
  streamRequest,
  type Outcome,
  type WireRequest,
} from './wire.ts';

/** Within which a message has to be answered, however often the server dies meanwhile. */
export const ANSWER_DEADLINE_MS: DurationMs = 30_000;
const RETRY_PAUSE_MS: DurationMs = 10;

/** What all conversations together have done so far. */
export class Tally {
  acknowledged = 0;
  retries = 0;
  /** Answers that said they were not in the store yet. */
  deferred = 0;
  readonly #onAnswer: () => void;
  readonly #waiting: { count: number; reached: () => void }[] = [];

  constructor(onAnswer: () => void) {
    this.#onAnswer = onAnswer;
  }

  get counts(): { acknowledged: number; retries: number } {
    return { acknowledged: this.acknowledged, retries: this.retries };
  }

  acknowledge(isDeferred: boolean): void {
    this.acknowledged += 1;
    if (isDeferred) this.deferred += 1;
    for (const { count, reached } of this.#waiting) if (count <= this.acknowledged) reached();
    this.#onAnswer();
  }

  reached(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (count <= this.acknowledged) resolve();
      else this.#waiting.push({ count, reached: resolve });
    });
  }
}

export interface Sent extends SentMessage {
  readonly dialect: Dialect;
}

export interface ConversationOptions {
  readonly name: string;
  /** Which one it is of how many: no two may say the same. */
  readonly index: number;
  readonly of: number;
  readonly door: Door;
  readonly tally: Tally;
  readonly seed: number;
}

const DIALECTS: readonly [Dialect, ...Dialect[]] = ['v01', 'v03', 'v1'];
/** Of the messages: tasks that take a moment, so that a kill meets them at work. */
const SLOW_SHARE = 0.2;
/** Of the messages: sent without a session, which the server then derives. */
const LONELY_SHARE = 0.15;
/** Of the messages: sent as a stream, which is resumed where it broke off. */
const STREAM_SHARE = 0.4;
const SLOW_TEXTS_MAX = 2_000;

/** Texts of which none is like another: leading zeros make a verb with two numbers one of a kind. */
function slowText(nth: number): string {
  const chunks = String(3 + (nth % 2)).padStart(1 + (Math.floor(nth / 2) % 5), '0');
  const everyMs = String(25 + (Math.floor(nth / 10) % 50)).padStart(2 + (Math.floor(nth / 500) % 4), '0');
  return `slow ${chunks} ${everyMs}`;
}

/** One client: says one thing after the other, and the same again until it is answered. */
export class Conversation {
  readonly sent: Sent[] = [];
  readonly #options: ConversationOptions;
  readonly #random: Random;
  #slow = 0;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#random = new Random(options.seed + options.index);
  }

  /** Ends early when a message is not answered: nobody goes on after that. */
  async run(messages: number): Promise<void> {
    for (let n = 0; n < messages; n += 1) {
      if (!(await this.say())) return;
    }
  }

  /** The next message, in some dialect, mostly into the conversation. @returns whether it was answered with a task */
  async say(): Promise<boolean> {
    const { name } = this.#options;
    const nth = this.sent.length;
    const dialect = this.#random.pick(DIALECTS);
    const isSlow = this.#random.next() < SLOW_SHARE;
    const isLonely = this.#random.next() < LONELY_SHARE;
    const text = (isSlow ? this.#nextSlow() : undefined) ?? `message ${nth} of ${name}`;
    const [id, context] = [`${name}-${nth}`, isLonely ? undefined : name];
    const delivery =
      this.#random.next() < STREAM_SHARE
        ? await this.#stream(dialect, streamRequest(dialect, id, text, context))
        : await this.#deliver(dialect, sendRequest(dialect, id, text, context));
    this.sent.push({ dialect, text, ...delivery });
    return delivery.answer !== undefined;
  }

  #nextSlow(): string | undefined {
    const { index, of } = this.#options;
    const nth = index + of * this.#slow++;
    return nth < SLOW_TEXTS_MAX ? slowText(nth) : undefined;
  }

  async #deliver(dialect: Dialect, request: WireRequest): Promise<Omit<SentMessage, 'text'>> {
    const { door, tally } = this.#options;
    const deadline = performance.now() + ANSWER_DEADLINE_MS;
    for (let wasRetried = false; ; wasRetried = true) {
      const leftMs = Math.ceil(deadline - performance.now());
      if (leftMs <= 0) return { answer: undefined, wasRetried };
      try {
        const signal = AbortSignal.timeout(leftMs);
        const outcome = await post(await door.url(signal), request, signal);
        if (outcome.kind === 'refused') return { answer: undefined, wasRetried, refusal: outcome.why };
        if (outcome.kind === 'result') {
          const answer = readTask(outcome.result);
          if (answer === undefined) return { answer, wasRetried, refusal: 'the answer is no task' };
          door.hasAnswered();
          tally.acknowledge(outcome.deferred);
          const isStored =
            !outcome.deferred || (await this.#isStored(dialect, answer, door.starts, deadline));
          return { answer, wasRetried, ...(!isStored && { isUnconfirmed: true }) };
        }
      } catch (error) {
        // No answer, or half of one: that is what a kill looks like from here.
        if (!isConnectionLost(error)) throw error;
      }
      tally.retries += 1;
      await pause(RETRY_PAUSE_MS);
    }
  }

  /** Follows the stream of a message to the end of its task, over any number of kills. */
  async #stream(dialect: Dialect, request: WireRequest): Promise<Omit<SentMessage, 'text'>> {
    const { door, tally } = this.#options;
    const deadline = performance.now() + ANSWER_DEADLINE_MS;
    const task = new StreamedTask();
    for (let wasRetried = false; ; wasRetried = true) {
      const leftMs = Math.ceil(deadline - performance.now());
      if (leftMs <= 0)
        return { answer: undefined, wasRetried, refusal: `the stream ended with ${task.state}` };
      try {
        const signal = AbortSignal.timeout(leftMs);
        const { id, cursor } = task;
        const isBegun = id !== undefined && cursor !== undefined;
        const asked = isBegun ? resumeRequest(dialect, id, cursor) : request;
        const outcome = await follow(task, await open(await door.url(signal), asked, signal), door);
        if (outcome?.kind === 'refused') return { answer: undefined, wasRetried, refusal: outcome.why };
        const answer = task.seen();
        if (answer !== undefined && task.hasEnded) {
          tally.acknowledge(task.isDeferred);
          const isStored = !task.isDeferred || (await this.#isStored(dialect, answer, door.starts, deadline));
          return {
            answer: await this.#withContext(dialect, answer, deadline),
            wasRetried,
            ...(!isStored && { isUnconfirmed: true }),
          };
        }
      } catch (error) {
        if (!isConnectionLost(error)) throw error;
      }
      tally.retries += 1;
      await pause(RETRY_PAUSE_MS);
    }
  }

  /** The events of 0.1 do not say in which session they are. */
  async #withContext(dialect: Dialect, answer: TaskSeen, deadline: DurationMs): Promise<TaskSeen> {
    while (answer.context === '' && performance.now() < deadline) {
      const signal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline - performance.now())));
      const url = await this.#options.door.url(signal);
      const outcome = await post(url, getRequest(dialect, answer.id), signal).catch(() => undefined);
      const task = outcome?.kind === 'result' ? readTask(outcome.result) : undefined;
      if (task !== undefined) return { ...answer, context: task.context };
      // Lost: the check will say so.
      if (outcome?.kind === 'refused') return answer;
      await pause(RETRY_PAUSE_MS);
    }
    return answer;
  }

  /**
   * The answer said that the store has not got it yet, so it is asked for until it has.
   *
   * @param start of the server that gave the answer
   * @returns false when that was killed first: nothing was promised
   */
  async #isStored(dialect: Dialect, { id }: TaskSeen, start: number, deadline: DurationMs): Promise<boolean> {
    const { door } = this.#options;
    while (performance.now() < deadline) {
      await pause(RETRY_PAUSE_MS);
      const signal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline - performance.now())));
      const outcome = await post(await door.url(signal), getRequest(dialect, id), signal).catch(
        () => undefined,
      );
      if (outcome?.kind === 'result' && !outcome.deferred) return true;
      if (door.starts !== start) return false;
    }
    // Still the same server, and not stored in all that time: the check will miss it.
    return true;
  }
}

/** @returns what was answered instead of a stream; undefined when there was one and it ended */
async function follow(task: StreamedTask, response: Response, door: Door): Promise<Outcome | undefined> {
  if (response.headers.get('Content-Type')?.startsWith('text/event-stream') !== true)
    return readOutcome(response);
  for await (const { id, data } of readEvents(response)) {
    const { result, error } = JSON.parse(data) as { result?: JsonValue; error?: JsonValue };
    if (result === undefined) return { kind: 'refused', why: JSON.stringify(error) };
    door.hasAnswered();
    task.take(result);
    task.cursor = id ?? task.cursor;
  }
  return undefined;
}

/** `fetch` fails with a TypeError, also when the rest of a body does not come; the deadline with a TimeoutError. */
function isConnectionLost(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof DOMException && error.name === 'TimeoutError');
}
