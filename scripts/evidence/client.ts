/** One client: attempts at servers, each of which is written into the history whatever becomes of it. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Dialect } from '../../protocol/model.ts';
import type { DurationMs } from '../../protocol/units.ts';
import { readEvents } from '../recovery/event-stream.ts';
import type { Random } from '../recovery/random.ts';
import type { StreamedTask } from '../recovery/streamed-task.ts';
import { open, resumeRequest, subscribeRequest, type WireRequest } from '../recovery/wire.ts';
import type { Fleet, Instance } from './fleet.ts';
import type { EventSeen, History, Operation, OperationKind } from './history.ts';
import { persistenceOf, readAnswer, takeEvent } from './wire-answers.ts';

/** So long a client waits for an answer that should come at once, before it goes to another server. */
const PATIENCE_MS: DurationMs = 2_500;
/** A message that is not answered in all that time is given up, which the checker does not forgive. */
export const GIVE_UP_MS: DurationMs = 60_000;
const RETRY_PAUSE_MS: DurationMs = 50;
/** Who is told to come back does not come back at once. */
const REFUSED_PAUSE_MS: DurationMs = 250;

export type Asked = Pick<
  Operation,
  'dialect' | 'key' | 'text' | 'session' | 'task' | 'cursor' | 'isQuick'
> & {
  readonly kind: OperationKind;
  /** Longer than usual by so much: an agent is at work. */
  readonly worksMs?: DurationMs;
};

export interface ClientParts {
  readonly name: string;
  readonly fleet: Fleet;
  readonly history: History;
  readonly random: Random;
  /** Aborted when the scenario is given up. */
  readonly signal: AbortSignal;
  /** Of two clients in one session one keeps to even servers, the other to odd ones. */
  readonly parity?: 0 | 1;
  readonly onAnswer: () => void;
}

/** A client keeps its server as a rule, and is sent to another one now and then. */
const KEEP_SHARE = 0.7;

export class Client {
  readonly name: string;
  readonly #parts: ClientParts;
  #home: Instance | undefined;

  constructor(parts: ClientParts) {
    this.name = parts.name;
    this.#parts = parts;
  }

  get history(): History {
    return this.#parts.history;
  }

  /** What a load balancer would say. @param not a server that has just failed */
  async choose(not?: Instance): Promise<Instance> {
    const { fleet, random, parity, signal } = this.#parts;
    for (;;) {
      signal.throwIfAborted();
      const up = fleet.up.filter((each) => each !== not);
      const own =
        parity === undefined ? [] : up.filter((each) => fleet.instances.indexOf(each) % 2 === parity);
      const [first, ...rest] = own.length > 0 ? own : up.length > 0 ? up : fleet.up;
      if (this.#home?.isUp === true && this.#home !== not && random.next() < KEEP_SHARE) return this.#home;
      if (first !== undefined) return (this.#home = random.pick([first, ...rest]));
      await pause(RETRY_PAUSE_MS);
    }
  }

  /** One request with one answer. Never throws for what the server does. */
  async attempt(at: Instance, asked: Asked, request: WireRequest): Promise<Operation> {
    const { worksMs = 0, ...rest } = asked;
    const begun = { ...rest, client: this.name, instance: at.incarnation, startedAt: performance.now() };
    const timeout = AbortSignal.timeout(PATIENCE_MS + worksMs);
    try {
      const response = await open(at.url, request, this.#within(timeout));
      const answer = await readAnswer(response);
      const outcome = answer.error === undefined ? 'answered' : 'refused';
      return this.#note({ ...begun, ...answer, outcome, endedAt: performance.now() });
    } catch (error) {
      return this.#note({ ...begun, outcome: outcomeOf(error, timeout), endedAt: performance.now() });
    }
  }

  /**
   * One request that is answered with a stream, read until its task has ended, the stream ends, or nothing comes for long.
   *
   * @param onTask called once its first event has told the task
   */
  async follow(
    at: Instance,
    asked: Asked,
    request: WireRequest,
    task: StreamedTask,
    onTask?: (id: string) => void,
  ): Promise<Operation> {
    const { worksMs = 0, ...rest } = asked;
    const begun = { ...rest, client: this.name, instance: at.incarnation, startedAt: performance.now() };
    const events: EventSeen[] = [];
    const silence = new AbortController();
    const timer = setTimeout(() => {
      silence.abort();
    }, PATIENCE_MS + worksMs);
    let head: Pick<Operation, 'persistence' | 'isOpen'> = {};
    const end = (outcome: Operation['outcome'], error?: Operation['error']): Operation => {
      const seen = task.seen();
      const ended = { ...begun, ...head, events, outcome, endedAt: performance.now() };
      return this.#note({ ...ended, ...(seen && { seen }), ...(error && { error }) });
    };
    try {
      const response = await open(at.url, request, this.#within(silence.signal));
      if (response.headers.get('Content-Type')?.startsWith('text/event-stream') !== true) {
        const { error } = await readAnswer(response);
        return end('refused', error ?? { reason: 'no stream', status: response.status, retry: false });
      }
      head = { ...persistenceOf(response), isOpen: true };
      for await (const event of readEvents(response)) {
        timer.refresh();
        const seen = takeEvent(task, event);
        if ('reason' in seen) return end('refused', seen);
        events.push(seen);
        if (events.length === 1 && task.id !== undefined) onTask?.(task.id);
      }
      return end(task.hasEnded ? 'answered' : 'broken');
    } catch (error) {
      return end(outcomeOf(error, silence.signal));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Follows a task from where it is known to its end, over any number of servers. @param at where to ask first */
  async watch(
    dialect: Dialect,
    id: string,
    task: StreamedTask,
    worksMs: DurationMs,
    at?: Instance,
  ): Promise<void> {
    const deadline = performance.now() + GIVE_UP_MS;
    let target = at ?? (await this.choose());
    while (performance.now() < deadline) {
      const { cursor } = task;
      const about = { dialect, task: id, isQuick: false, worksMs };
      const operation =
        cursor === undefined
          ? await this.follow(target, { ...about, kind: 'subscribe' }, subscribeRequest(dialect, id), task)
          : await this.follow(
              target,
              { ...about, kind: 'resume', cursor },
              resumeRequest(dialect, id, cursor),
              task,
            );
      if (operation.outcome === 'answered') return;
      // Nothing is told of a task that has ended unless it is known where to go on.
      if (operation.outcome === 'refused' && operation.error?.retry !== true) return;
      await this.restAfter(operation.outcome);
      target = await this.choose(target);
    }
  }

  async rest(ms: DurationMs = RETRY_PAUSE_MS): Promise<void> {
    await pause(ms, undefined, { signal: this.#parts.signal });
  }

  /** Before the next attempt. */
  async restAfter(outcome: Operation['outcome']): Promise<void> {
    await this.rest(outcome === 'refused' ? REFUSED_PAUSE_MS : RETRY_PAUSE_MS);
  }

  #within(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#parts.signal]);
  }

  #note(operation: Operation): Operation {
    this.#parts.history.add(operation);
    if (operation.outcome === 'answered') this.#parts.onAnswer();
    return operation;
  }
}

/** @throws what is no failure of a connection */
function outcomeOf(error: unknown, patience: AbortSignal): 'broken' | 'abandoned' {
  if (patience.aborted) return 'abandoned';
  // `fetch` fails with a TypeError, also when the rest of a body does not come; half a JSON is a SyntaxError.
  if (error instanceof TypeError || error instanceof SyntaxError) return 'broken';
  throw error;
}
