import type { DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import { refKey, type SessionRef } from '../sessions/session-ref.ts';
import { TaskRun, type TaskRunOptions } from './task-run.ts';

const TEND_MS: DurationMs = 500;

/** The tasks this process is executing: one executor per task at any time. A task belongs to its run, never to a request. */
export class TaskRunner {
  readonly #options: TaskRunOptions;
  readonly #runs = new Map<string, TaskRun>();
  /** About to be started: recorded as ours, or about to be, and not running yet. */
  readonly #reserved = new Set<string>();
  /** To be started when the run that lingers behind its last turn is over. */
  readonly #next = new Set<string>();
  readonly #ended = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: TaskRunOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      this.#tend();
    }, TEND_MS).unref();
  }

  get size(): number {
    return this.#runs.size;
  }

  isRunning(ref: SessionRef, local: string): boolean {
    const key = runKey(ref, local);
    return this.#runs.has(key) || this.#reserved.has(key);
  }

  /** Says beforehand that a task will be started, so that nobody takes it for an orphan between its commit and its start. */
  reserve(ref: SessionRef, local: string): void {
    this.#reserved.add(runKey(ref, local));
  }

  /** The start did not come about. */
  release(ref: SessionRef, local: string): void {
    this.#reserved.delete(runKey(ref, local));
  }

  /**
   * Runs the agent on a task whose present runner is this instance, once an executor that has not stopped yet is over.
   *
   * @param isRevealed a client is about to be told of the task: it cannot turn into a bare message
   */
  start(session: LiveSession, local: string, isRevealed = false): void {
    const key = runKey(session.ref, local);
    this.#reserved.delete(key);
    if (this.#runs.has(key)) {
      this.#next.add(key);
      return;
    }
    const run = new TaskRun(this.#options, session, local, isRevealed);
    this.#runs.set(key, run);
    this.#options.sessions.pin(session);
    void run.execute().finally(() => {
      this.#runs.delete(key);
      if (this.#next.delete(key)) this.start(session, local);
      this.#options.sessions.release(session);
      for (const listener of this.#ended) listener();
    });
  }

  /** A client has been told of the task: from now on it cannot turn into a bare message. */
  reveal(ref: SessionRef, local: string): void {
    const run = this.#runs.get(runKey(ref, local));
    if (run !== undefined) run.isRevealed = true;
  }

  /**
   * Asks the executor to stop.
   *
   * @returns settles when its run has ended, or after the grace; undefined when the task does not run here
   */
  cancel(ref: SessionRef, local: string, graceMs: DurationMs): Promise<void> | undefined {
    return this.#runs.get(runKey(ref, local))?.cancel(graceMs);
  }

  /** Waits for what runs, then fails what still does. @param graceMs how long they have */
  async drain(graceMs: DurationMs): Promise<void> {
    clearInterval(this.#timer);
    await this.#allEnded(graceMs);
    for (const run of this.#runs.values())
      run.giveUp('The server was shut down while this task was running.');
    await this.#allEnded(2_000);
  }

  #allEnded(withinMs: DurationMs): Promise<void> {
    if (this.#runs.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#ended.delete(check);
        resolve();
      };
      const check = (): void => {
        if (this.#runs.size === 0) done();
      };
      const timer = setTimeout(done, withinMs);
      this.#ended.add(check);
    });
  }

  /** A running task holds its session; where the TTL is fixed it ends before the session does. */
  #tend(): void {
    const { ttlMs, ttlRefresh, clock } = this.#options;
    for (const run of this.#runs.values()) {
      const leftMs = run.session.journal.expiresAt - clock.mono();
      if (ttlRefresh === 'fixed') {
        if (leftMs < Math.min(2 * TEND_MS + 500, ttlMs / 2))
          run.giveUp('The session has reached the end of its life.');
      } else if (leftMs < ttlMs / 2) {
        run.session
          .change(() => [], { renews: true })
          .catch((err: unknown) => {
            this.#options.log('session_renew_failed', { ...run.session.ref }, err);
          });
      }
    }
  }
}

const runKey = (ref: SessionRef, local: string): string => `${refKey(ref)}.${local}`;
