import { isRunning } from '../../protocol/task-state.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import { SharedEvents } from './shared-events.ts';

/**
 * So long the readers of a task are left alone while it says much. Each event by itself costs each of them a wake-up and a
 * write, which is most of the work: told in strides, 1,000 chunks to 100 readers cost a third.
 */
const STRIDE_MS: DurationMs = 2;
/** A round of many takes its time, and the task must have some too. */
const STRIDE_EACH_MS: DurationMs = 0.03;
const STRIDE_MAX_MS: DurationMs = 10;

/** Those who follow one task: what is made for one of them serves all, and in a burst they are served in one go. */
export class Audience {
  readonly events = new SharedEvents();
  readonly #session: LiveSession;
  readonly #local: string;
  #readers = 0;
  #resting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #stopObserving: (() => void) | undefined;

  constructor(session: LiveSession, local: string) {
    this.#session = session;
    this.#local = local;
  }

  get readers(): number {
    return this.#readers;
  }

  enter(): void {
    this.#readers += 1;
    this.events.isShared = this.#readers > 1;
  }

  leave(): void {
    this.#readers -= 1;
    this.events.isShared = this.#readers > 1;
  }

  rest(go: () => void): void {
    if (this.#isAtRest()) {
      go();
      return;
    }
    this.#resting.add(go);
    if (this.#timer !== undefined) return;
    const ms = Math.min(STRIDE_MS + STRIDE_EACH_MS * this.#readers, STRIDE_MAX_MS);
    this.#timer = setTimeout(this.#goOn, ms);
    this.#stopObserving = this.#session.observe(() => {
      if (this.#isAtRest()) this.#goOn();
    });
  }

  cancel(go: () => void): void {
    this.#resting.delete(go);
    if (this.#resting.size === 0) this.#stop();
  }

  /** What a stream may end with is told at once. */
  #isAtRest(): boolean {
    const task = this.#session.view.task(this.#local);
    return task === undefined || task.withdrawn || !isRunning(task.state);
  }

  readonly #goOn = (): void => {
    const resting = this.#resting;
    this.#resting = new Set();
    this.#stop();
    for (const go of resting) go();
  };

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stopObserving?.();
    this.#stopObserving = undefined;
  }
}

/** Those of all tasks that streams are open for. */
export class Audiences {
  readonly #sessions = new WeakMap<LiveSession, Map<string, Audience>>();

  /** @param local task id @returns to be left once */
  enter(session: LiveSession, local: string): Audience {
    const tasks = this.#sessions.get(session) ?? new Map<string, Audience>();
    this.#sessions.set(session, tasks);
    const audience = tasks.get(local) ?? new Audience(session, local);
    tasks.set(local, audience);
    audience.enter();
    return audience;
  }

  leave(session: LiveSession, local: string): void {
    const tasks = this.#sessions.get(session);
    const audience = tasks?.get(local);
    if (tasks === undefined || audience === undefined) return;
    audience.leave();
    if (audience.readers > 0) return;
    tasks.delete(local);
    if (tasks.size === 0) this.#sessions.delete(session);
  }
}
