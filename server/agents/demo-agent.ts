/**
 * What runs when no agent is configured; tests, scripts and examples drive it too. A verb counts only when the whole
 * text fits its form: `count the eggs` is an echo.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Message, Part, TaskArtifactUpdate, TaskStatus } from '../../protocol/model.ts';
import { isInterrupted, type TaskState } from '../../protocol/task-state.ts';
import { type EpochMs, toTimestamp } from '../../protocol/units.ts';
import type { AgentExecutor, EventBus, RequestContext } from './agent-executor.ts';

function textOf({ parts }: Message): string {
  const [first] = parts;
  // Nearly always there is one.
  if (parts.length === 1 && first !== undefined) return 'text' in first ? first.text : '';
  return parts.flatMap((part: Part) => ('text' in part ? [part.text] : [])).join('\n');
}

/** No chunk of anything. */
const WHOLE = {};

/** One run of the agent: the words in which the verbs below are written. */
class Run {
  readonly context: RequestContext;
  readonly #bus: EventBus;
  readonly #now: () => EpochMs;

  constructor(context: RequestContext, bus: EventBus, now: () => EpochMs) {
    this.context = context;
    this.#bus = bus;
    this.#now = now;
  }

  /** Texts of the user's messages in this session, up to and including the one being answered. */
  get userTexts(): string[] {
    return this.context.session.messages.filter(({ role }) => role === 'ROLE_USER').map(textOf);
  }

  task(): void {
    const { taskId: id, contextId, userMessage, task } = this.context;
    if (task !== undefined) return;
    const status = { state: 'TASK_STATE_SUBMITTED' as const, timestamp: this.#time() };
    this.#bus.publish({
      kind: 'task',
      data: { id, contextId, status, artifacts: [], history: [userMessage] },
    });
  }

  /** @param says what the client is told with it */
  status(state: TaskState, says?: string): this {
    const { taskId, contextId } = this.context;
    const status: TaskStatus = { state, timestamp: this.#time() };
    if (says !== undefined) status.message = this.#message(says);
    this.#bus.publish({ kind: 'statusUpdate', data: { taskId, contextId, status } });
    return this;
  }

  artifact(
    artifactId: string,
    text: string,
    chunk: Pick<TaskArtifactUpdate, 'append' | 'lastChunk'> = WHOLE,
  ): void {
    const { taskId, contextId } = this.context;
    const artifact = { artifactId, name: artifactId, parts: [{ text }] };
    const { append, lastChunk } = chunk;
    const data: TaskArtifactUpdate = { taskId, contextId, artifact };
    if (append !== undefined) data.append = append;
    if (lastChunk !== undefined) data.lastChunk = lastChunk;
    this.#bus.publish({ kind: 'artifactUpdate', data });
  }

  /** The usual answer: a task that completes with one artifact. */
  complete(artifactId: string, text: string): this {
    this.task();
    this.artifact(artifactId, text);
    return this.status('TASK_STATE_COMPLETED');
  }

  /** A task that stops in a state that is not completed. */
  stop(state: TaskState, says?: string): this {
    this.task();
    return this.status(state, says);
  }

  reply(text: string): this {
    this.#bus.publish({ kind: 'message', data: this.#message(text) });
    return this;
  }

  #message(text: string): Message {
    const { contextId } = this.context;
    return { messageId: randomUUID(), contextId, role: 'ROLE_AGENT', parts: [{ text }] };
  }

  #time(): string {
    return toTimestamp(this.#now());
  }
}

async function slow(run: Run, chunks: number, everyMs: number): Promise<void> {
  const { signal } = run.context;
  run.task();
  run.status('TASK_STATE_WORKING');
  for (let n = 0; n < chunks; n++) {
    try {
      if (n > 0) await delay(everyMs, undefined, { signal });
    } catch (error) {
      // Whoever aborted knows why (cancel, time-out, shutdown) and gives the task its state.
      if (signal.aborted) return;
      throw error;
    }
    if (signal.aborted) return;
    run.artifact('slow', `chunk ${n}`, { append: n > 0, lastChunk: n === chunks - 1 });
  }
  run.status('TASK_STATE_COMPLETED');
}

function state(run: Run, key: string, value: string | undefined): unknown {
  const notes = run.context.session.state;
  if (value !== undefined) notes.set(key, value);
  const now = value ?? notes.get(key) ?? '';
  return run.complete('state', typeof now === 'string' ? now : JSON.stringify(now));
}

type Verb = readonly [form: RegExp, act: (run: Run, ...groups: (string | undefined)[]) => unknown];

function boom(): never {
  throw new Error('boom');
}

/** A task that waits for authentication has to say so in words: A2A 1.0 §7.6.1. */
const AUTH_WANTED = 'Pretend to sign in, then say anything.';

/** Numbers are bounded by their digits, so that no text makes the demo allocate or wait without limit. */
const VERBS: readonly Verb[] = [
  [/^recall$/, (run) => run.complete('recall', run.userTexts.slice(0, -1).join('\n'))],
  [/^count$/, (run) => run.complete('count', String(run.userTexts.length))],
  [/^msg (.+)$/s, (run, text) => run.reply(`echo: ${text}`)],
  [/^slow (\d{1,5}) (\d{1,5})$/, (run, chunks, everyMs) => slow(run, Number(chunks), Number(everyMs))],
  [/^input$/, (run) => run.stop('TASK_STATE_INPUT_REQUIRED')],
  [/^auth$/, (run) => run.stop('TASK_STATE_AUTH_REQUIRED', AUTH_WANTED)],
  [/^reject$/, (run) => run.stop('TASK_STATE_REJECTED')],
  [/^boom$/, boom],
  [/^big (\d{1,7})$/, (run, bytes) => run.complete('big', 'x'.repeat(Number(bytes)))],
  [/^state (\S+)(?: (.+))?$/s, (run, key, value) => state(run, key ?? '', value)],
];
/** How a text begins that may have one of their forms: most have none, and are not tried with each. */
const MAY_BE_VERB = /^(?:recall|count|msg |slow |input|auth|reject|boom|big |state )/;

/** @param now clock of the statuses it publishes */
export function createDemoAgent(now: () => EpochMs = Date.now): AgentExecutor {
  return {
    async execute(context, bus) {
      const run = new Run(context, bus, now);
      const text = textOf(context.userMessage);
      const { task } = context;
      if (task !== undefined && isInterrupted(task.status.state)) {
        const asked = task.history.find(({ role }) => role === 'ROLE_USER');
        run.complete('echo', `echo: ${asked === undefined ? '' : `${textOf(asked)}\n`}${text}`);
        return;
      }
      for (const [form, act] of MAY_BE_VERB.test(text) ? VERBS : []) {
        const found = form.exec(text);
        if (found === null) continue;
        await act(run, ...found.slice(1));
        return;
      }
      run.complete('echo', `echo: ${text}`);
    },
  };
}
