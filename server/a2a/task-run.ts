import { isRunning, isTerminal } from '../../protocol/task-state.ts';
import type { Task } from '../../protocol/model.ts';
import type { DurationMs } from '../../protocol/units.ts';
import { formatOf } from '../agents/agent-format.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { RunKey } from '../sessions/records.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import { noteDelivery } from './cancel-records.ts';
import { findReferenceTasks } from './reference-tasks.ts';
import type { TaskRunOptions } from './task-run-options.ts';
import { endOfTurn, isSettled, NOTHING_TO_SAY, type CancelEnd, type TurnEnd } from './turn-end.ts';
import type { Limited, TurnLimits } from './turn-limits.ts';
import { Turn, type TurnOwner } from './turn.ts';

/** What an executor whose turn is not the task's any more has to stop by itself. Nothing it does counts in any case. */
const LINGER_MS: DurationMs = 5_000;
/** What an executor whose task is left to another instance has to note where it stands. */
const LAST_NOTES_MS: DurationMs = 250;

/** One executor at work on one task, message after message until nothing is queued. */
export class TaskRun implements TurnOwner, Limited {
  readonly session: LiveSession;
  readonly local: string;
  readonly #options: TaskRunOptions;
  readonly #limits: TurnLimits;
  readonly #onReveal: () => void;
  #isRevealed: boolean;
  #turn: Turn | undefined;
  #canceled = false;
  /** The task is left to another instance. */
  #isLeaving = false;
  /** The executor was not waited for any longer. */
  #wasLeft = false;
  /** Why the server gives the task up, in words for the client. */
  #givenUp: string | undefined;
  #lingers: NodeJS.Timeout | undefined;
  #leaves: NodeJS.Timeout | undefined;
  /** The run is over. */
  #hasEnded = false;
  /** Who waits for its end. */
  #onEnd: (() => void)[] | undefined;
  /** The executor is not waited for any longer. */
  #isLeft = false;
  #onLeft: (() => void) | undefined;

  /**
   * @param isRevealed a client is about to be told of the task
   * @param onReveal called when it turns out later that it is a task
   */
  constructor(
    options: TaskRunOptions,
    limits: TurnLimits,
    session: LiveSession,
    local: string,
    isRevealed: boolean,
    onReveal: () => void,
  ) {
    this.#options = options;
    this.#limits = limits;
    this.#onReveal = onReveal;
    this.session = session;
    this.local = local;
    const task = session.view.task(local);
    const isKnown = task !== undefined && (!task.pristine || task.turn?.n !== task.firstMessage);
    this.#isRevealed = isRevealed || isKnown || task?.dialect === 'v01';
  }

  /** A client has been told of the task, or the agent itself has begun one: it cannot turn into a bare message any more. */
  get isRevealed(): boolean {
    return this.#isRevealed;
  }
  set isRevealed(isRevealed: boolean) {
    if (isRevealed === this.#isRevealed) return;
    this.#isRevealed = isRevealed;
    this.#onReveal();
  }

  /** Never rejects. */
  async execute(): Promise<void> {
    const stop = this.session.observe(() => {
      this.#checkTurn();
    });
    try {
      let more = true;
      while (more) {
        const task = this.#mine();
        this.#hearCancel(task);
        if (task === undefined || task.withdrawn || !isRunning(task.state)) break;
        const { by } = task;
        const failure = await this.#takeTurn(task);
        more = !this.#isSettled(by) && (await this.#settleTurn(by, failure));
        // The next message is another turn of a task that the client knows.
        this.isRevealed = true;
      }
    } catch (err) {
      this.#options.log('task_run_failed', { ...this.session.ref, task: this.local }, err);
    } finally {
      stop();
      if (this.#lingers !== undefined) clearTimeout(this.#lingers);
      if (this.#leaves !== undefined) clearTimeout(this.#leaves);
      this.#hasEnded = true;
      for (const ended of this.#onEnd ?? []) ended();
    }
  }

  /** Ends the wait for the executor, which may never settle. */
  readonly #leave = (): void => {
    this.#isLeft = true;
    this.#onLeft?.();
  };

  /** Aborts the executor and fails the task, whether the executor stops or not. */
  giveUp(why: string): void {
    this.#givenUp ??= why;
    this.#turn?.abort(why);
    this.#leave();
  }

  /** Stops the executor and leaves the task to whichever instance takes it next. */
  handOver(): void {
    if (this.#isStopped()) return;
    this.#isLeaving = true;
    this.#turn?.leave('the server stops; another one goes on with the task');
    this.#leaves = setTimeout(this.#leave, LAST_NOTES_MS);
  }

  /** Tells the executor to stop. @returns settles when the run has ended: after the grace at the latest, and a commit */
  async cancel(graceMs: DurationMs): Promise<void> {
    if (!this.#canceled) this.#deliverCancel();
    const timer = setTimeout(this.#leave, graceMs);
    if (!this.#hasEnded) await new Promise<void>((ended) => (this.#onEnd ??= []).push(ended));
    clearTimeout(timer);
  }

  /** A cancel may have been asked for on another instance. */
  #hearCancel(task: TaskFold | undefined): void {
    if (!this.#canceled && task?.cancel?.state === 'requested') void this.cancel(this.#options.cancelGraceMs);
  }

  #deliverCancel(): void {
    this.#canceled = true;
    void noteDelivery(this.session, this.local, this.#options);
    const turn = this.#turn;
    if (turn !== undefined) {
      // The executor's own way to cancel is a courtesy: its failure changes nothing.
      void Promise.resolve()
        .then(() =>
          this.#options.agent.cancelTask?.(joinTaskId(this.session.ref.sessionId, this.local), turn),
        )
        .catch((err: unknown) => {
          this.#options.log('agent_failed', { ...this.session.ref, task: this.local }, err);
        });
      turn.abort('canceled');
    }
  }

  #isStopped(): boolean {
    return this.#canceled || this.#isLeaving || this.#givenUp !== undefined;
  }

  /** The task, while it is this run's. */
  #mine(): TaskFold | undefined {
    const task = this.session.view.task(this.local) ?? this.session.draft.task(this.local);
    return task === undefined || task.runner !== this.#options.sessions.instance ? undefined : task;
  }

  /** Somebody else may have ended the task, taken it over, or let it go on to its next message. */
  #checkTurn(): void {
    const task = this.#mine();
    this.#hearCancel(task);
    const turn = this.#turn;
    if (turn === undefined) return;
    if (task?.by !== turn.by)
      this.#lose(turn, task === undefined ? 'the task is no longer ours' : 'the turn is over');
    // Who has said the end itself may tidy up in peace.
    else if (isTerminal(task.state) && !turn.hasEnded && !this.#canceled)
      this.#lose(turn, 'the task has ended');
  }

  #lose(turn: Turn, why: string): void {
    if (this.#lingers !== undefined) return;
    this.#options.onFenced?.();
    this.#options.log('task_fenced', { ...this.session.ref, task: this.local, why });
    turn.abort(why);
    this.#lingers = setTimeout(this.#leave, LINGER_MS);
  }

  /** Of its limit: the present turn has taken all the time there is. */
  timedOut(): void {
    this.#options.log('task_timed_out', { ...this.session.ref, task: this.local });
    this.giveUp(`The task took longer than ${this.#options.taskTimeoutMs / 1000} s.`);
  }

  /** @returns what the client is told when the executor failed */
  async #takeTurn(task: TaskFold): Promise<string | undefined> {
    const { log } = this.#options;
    // Stopped between two turns: the next is not begun.
    if (this.#isStopped()) return this.#givenUp;
    const turn = new Turn(this, task, log);
    const { referenceTaskIds } = turn;
    if (referenceTaskIds === undefined) return 'The message of this task was not found.';
    this.#turn = turn;
    const limited = this.#limits.begin(this);
    try {
      // Given up: whatever it still rejects with is nobody's any more.
      await new Promise<void>((resolve, reject) => {
        const left = (): void => {
          this.#wasLeft = true;
          resolve();
        };
        this.#onLeft = left;
        const executed = (): void => {
          this.#onLeft = undefined;
          this.#wasLeft = false;
          resolve();
        };
        const running =
          referenceTaskIds.length > 0
            ? this.#runAgentWith(turn, referenceTaskIds)
            : this.#runAgent(turn, undefined);
        Promise.resolve(running).then(executed, reject);
        if (this.#isLeft) left();
      });
      return this.#givenUp;
    } catch (err) {
      if (!this.#isStopped() && !turn.hasEnded) {
        log('agent_failed', { ...this.session.ref, task: this.local }, err);
      }
      return this.#givenUp ?? 'The agent failed.';
    } finally {
      this.#limits.end(limited);
      this.#turn = undefined;
      this.#onLeft = undefined;
      // Only then is it known what the task has come to, and what was queued behind it elsewhere.
      const closing = turn.close();
      if (closing !== undefined) await closing;
    }
  }

  async #runAgentWith(turn: Turn, referenceTaskIds: readonly string[]): Promise<void> {
    const { sessions } = this.#options;
    const tasks = await findReferenceTasks(sessions, this.session.ref.tenant, referenceTaskIds);
    // Stopped while they were looked up: it is not begun.
    if (!turn.isAborted) await this.#runAgent(turn, tasks);
  }

  /** What the executor returns, which may be no promise. Throws what it throws. */
  #runAgent(turn: Turn, referenceTasks: readonly Task[] | undefined): Promise<void> | undefined {
    const { agent } = this.#options;
    const context = turn.context(formatOf(agent), referenceTasks);
    return context === undefined ? undefined : agent.execute(context, turn);
  }

  /** The usual end: the executor has said it. Then there is nothing to commit, and no draft to be made for it. */
  #isSettled(by: RunKey): boolean {
    const { session } = this;
    return isSettled((session.isPending ? session.draft : session.view).task(this.local), by);
  }

  /** @returns whether there is another turn */
  async #settleTurn(by: RunKey, failure: string | undefined): Promise<boolean> {
    try {
      return await this.#endTurn(by, failure);
    } catch (err) {
      this.#options.log('task_run_failed', { ...this.session.ref, task: this.local }, err);
      // The next turn may find no room where the end of the task still does.
      return await this.#endTurn(by, failure ?? 'The task could not go on.');
    }
  }

  /** One commit that settles the turn and looks at the queue. @returns whether there is another turn */
  async #endTurn(by: RunKey, failure: string | undefined): Promise<boolean> {
    let end: TurnEnd = NOTHING_TO_SAY;
    const outcome = await this.session.change((draft, at) => {
      const facts = {
        by,
        next: this.#options.sessions.instance,
        failure,
        isGivenUp: this.#givenUp !== undefined,
        isLeaving: this.#isLeaving,
        cancel: this.#canceled ? this.#cancelEnd : undefined,
      };
      end = endOfTurn(draft.task(this.local), at, facts);
      return end.records;
    });
    if (outcome !== 'unchanged' && end.canceled !== undefined) this.#canceledAs(end.canceled);
    return end.goesOn;
  }

  get #cancelEnd(): CancelEnd {
    return this.#wasLeft ? 'forced' : 'stopped';
  }

  #canceledAs(state: CancelEnd): void {
    this.#options.onCancel?.(state);
    if (state === 'forced')
      this.#options.log('task_cancel_forced', { ...this.session.ref, task: this.local });
  }
}
