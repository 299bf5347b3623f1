import type { DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import { refKey, type SessionRef } from '../sessions/session-ref.ts';
import type { CancelState } from '../sessions/task-cancel.ts';
import type { TaskRunOptions } from './task-run-options.ts';
import { TaskRun } from './task-run.ts';
import { TurnLimits } from './turn-limits.ts';

const TEND_MS: DurationMs = 500;
/** With less than this left of its session a task is looked after at once: the next look may be late. */
const MARGIN_MS: DurationMs = 2 * TEND_MS;
/** How often the sessions of running tasks are read again where other instances write to them too. */
const LOOK_MS: DurationMs = 1_000;
/** A task that ends its instances is not begun again for ever. */
const MAX_RESUMES = 3;

/** A session: itself, where it is at hand and knows its key, which is asked for several times in each send. */
type Whose = Pick<LiveSession, 'key'> | SessionRef;

/** The tasks this process is executing: one executor per task at any time. A task belongs to its run, never to a request. */
export class TaskRunner {
  readonly #options: TaskRunOptions;
  readonly #limits: TurnLimits;
  readonly #runs = new Map<string, TaskRun>();
  /** About to be started: recorded as ours, or about to be, and not running yet. True: a client has been told of it. */
  readonly #reserved = new Map<string, boolean>();
  /** Who waits for a task to be revealed, or to be over. */
  readonly #watchers = new Map<string, Set<() => void>>();
  /** To be started when the run that lingers behind its last turn is over. */
  readonly #next = new Set<string>();
  readonly #ended = new Set<() => void>();
  /** Those whose session is being read. True: once more. */
  readonly #looking = new Map<TaskRun, boolean>();
  readonly #timer: NodeJS.Timeout;
  readonly #looks: NodeJS.Timeout;
  /** How not to hear of other instances' doings any more; empty while nothing ever ran. */
  #deaf: (() => void)[] = [];
  #isDraining = false;
  #isStopping = false;

  constructor(options: TaskRunOptions) {
    this.#options = options;
    this.#limits = new TurnLimits(options.taskTimeoutMs, options.clock);
    this.#timer = setInterval(() => {
      this.#tend();
    }, TEND_MS).unref();
    this.#looks = setInterval(() => {
      this.#lookAt(() => true);
    }, LOOK_MS).unref();
  }

  get size(): number {
    return this.#runs.size;
  }

  /** No new work: what is handed over is for others. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Whether nothing more comes of a task here, because the server stops. */
  hasLeft(of: Whose, local: string): boolean {
    return this.#isStopping && !this.isRunning(of, local);
  }

  /** Whether a task whose runner is gone is begun again rather than failed. */
  get isResumable(): boolean {
    return this.#options.agent.resumable === true;
  }

  get maxResumes(): number {
    return this.#options.maxResumes ?? MAX_RESUMES;
  }

  /** A cancel has come so far. */
  noteCancel(state: CancelState): void {
    this.#options.onCancel?.(state);
  }

  isRunning(of: Whose, local: string): boolean {
    const key = runKey(of, local);
    return this.#runs.has(key) || this.#reserved.has(key);
  }

  /** Says beforehand that a task will be started, so that nobody takes it for an orphan between its commit and its start. */
  reserve(of: Whose, local: string): void {
    this.#reserved.set(runKey(of, local), false);
  }

  /** The start did not come about. */
  release(of: Whose, local: string): void {
    const key = runKey(of, local);
    this.#reserved.delete(key);
    this.#tell(key);
  }

  /**
   * Runs the agent on a task whose present runner is this instance, once an executor that has not stopped yet is over.
   *
   * @param isRevealed a client is about to be told of the task: it cannot turn into a bare message
   */
  start(session: LiveSession, local: string, isRevealed = false): void {
    const key = runKey(session, local);
    const wasRevealed = this.#reserved.get(key) === true;
    this.#reserved.delete(key);
    if (this.#runs.has(key)) {
      this.#next.add(key);
      return;
    }
    const tell = (): void => {
      this.#tell(key);
    };
    const run = new TaskRun(this.#options, this.#limits, session, local, isRevealed || wasRevealed, tell);
    this.#runs.set(key, run);
    tell();
    this.#listen();
    if (this.#isStopping) this.#stop(run);
    this.#options.sessions.pin(session);
    void run.execute().then(() => {
      this.#runs.delete(key);
      tell();
      if (this.#next.delete(key)) this.start(session, local);
      this.#options.sessions.release(session);
      for (const listener of this.#ended) listener();
    });
  }

  /** A client has been told of the task: from now on it cannot turn into a bare message. */
  reveal(of: Whose, local: string): void {
    const key = runKey(of, local);
    const run = this.#runs.get(key);
    if (run !== undefined) run.isRevealed = true;
    if (!this.#reserved.has(key)) return;
    this.#reserved.set(key, true);
    this.#tell(key);
  }

  /** Whether a task runs here, or is about to, that may still turn into a bare message. */
  isHidden(of: Whose, local: string): boolean {
    const key = runKey(of, local);
    const run = this.#runs.get(key);
    return run === undefined ? this.#reserved.get(key) === false : !run.isRevealed;
  }

  /** The watcher is called when {@link isHidden} may have changed. @returns how to stop */
  watch(of: Whose, local: string, watcher: () => void): () => void {
    const key = runKey(of, local);
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(key) === watchers) this.#watchers.delete(key);
    };
  }

  #tell(key: string): void {
    const watchers = this.#watchers.get(key);
    if (watchers !== undefined) for (const watcher of [...watchers]) watcher();
  }

  /**
   * Asks the executor to stop.
   *
   * @returns settles when its run has ended, or after the grace; undefined when the task does not run here
   */
  cancel(of: Whose, local: string, graceMs: DurationMs): Promise<void> | undefined {
    return this.#runs.get(runKey(of, local))?.cancel(graceMs);
  }

  /** No new work from now on. */
  beginDrain(): void {
    this.#isDraining = true;
  }

  /** Waits for what runs, then hands over what still does, or fails it. @param graceMs how long they have */
  async drain(graceMs: DurationMs): Promise<void> {
    this.beginDrain();
    const deadline = this.#options.clock.mono() + graceMs;
    await this.#allEnded(graceMs);
    const leftMs = deadline - this.#options.clock.mono();
    // What was taken before may come to its start only now, and has its time like the others.
    if (leftMs > 0) this.#stopLater(leftMs);
    else this.#stopAll();
    await this.#allEnded(2_000);
    clearInterval(this.#timer);
    clearInterval(this.#looks);
    for (const stop of this.#deaf.splice(0)) stop();
  }

  #stopLater(inMs: DurationMs): void {
    setTimeout(() => {
      this.#stopAll();
    }, inMs).unref();
  }

  #stopAll(): void {
    this.#isStopping = true;
    for (const run of this.#runs.values()) this.#stop(run);
  }

  #stop(run: TaskRun): void {
    if (this.isResumable) run.handOver();
    else run.giveUp(`The server was shut down while this task was running, ${this.#now}.`);
  }

  get #now(): string {
    return `at ${new Date(this.#options.clock.now()).toISOString()}`;
  }

  /** From the first run on: who runs nothing has nothing to hear. */
  #listen(): void {
    if (this.#deaf.length > 0) return;
    const { sessions } = this.#options;
    this.#deaf = [
      sessions.onNudge((ref) => {
        const key = refKey(ref);
        this.#lookAt(({ session }) => session.key === key);
      }),
      // Others may have taken its tasks for abandoned meanwhile: their executors hear so before they go on.
      sessions.liveness.onSilence(() => {
        this.#lookAt(() => true);
      }),
    ];
  }

  #lookAt(which: (run: TaskRun) => boolean): void {
    for (const run of this.#runs.values()) if (which(run)) void this.#look(run);
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

  /** An executor that is silent hears so of what other instances have done to its task, such as a cancel. Never rejects. */
  async #look(run: TaskRun): Promise<void> {
    const isUnderWay = this.#looking.has(run);
    // What is being read now may have been read before it was asked for.
    this.#looking.set(run, isUnderWay);
    if (isUnderWay) return;
    try {
      do {
        this.#looking.set(run, false);
        await this.#options.sessions.catchUp(run.session);
      } while (this.#looking.get(run) === true);
    } catch (err) {
      this.#options.log('task_run_failed', { ...run.session.ref, task: run.local }, err);
    } finally {
      this.#looking.delete(run);
    }
  }

  /** A running task holds its session; where the TTL is fixed it ends before the session does. */
  #tend(): void {
    const { ttlMs, ttlRefresh, clock } = this.#options;
    for (const run of this.#runs.values()) {
      const leftMs = run.session.journal.expiresAt - clock.mono();
      if (ttlRefresh === 'fixed') {
        if (leftMs < Math.min(MARGIN_MS + TEND_MS, 0.75 * ttlMs))
          run.giveUp('The session has reached the end of its life.');
      } else if (leftMs < Math.max(MARGIN_MS, ttlMs / 2)) {
        run.session
          .change(() => [], { renews: true })
          .catch((err: unknown) => {
            this.#options.log('session_renew_failed', { ...run.session.ref }, err);
          });
      }
    }
  }
}

const runKey = (of: Whose, local: string): string => `${'key' in of ? of.key : refKey(of)}.${local}`;
