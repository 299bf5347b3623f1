import { EventEmitter, once } from 'node:events';
import type { StreamEvent, TaskNames } from '../../protocol/model.ts';
import type { TaskState } from '../../protocol/task-state.ts';
import type { StreamFrame } from '../../server/a2a/call.ts';

const AT = '2026-01-02T12:00:00.000Z';
const IDS = { taskId: 's1.t1', contextId: 's1' };
const MADE_BY_V1: TaskNames = { dialect: 'v1' };

export const taskEvent = (of = MADE_BY_V1): StreamEvent => ({
  kind: 'task',
  view: {
    ...of,
    task: {
      id: IDS.taskId,
      contextId: IDS.contextId,
      status: { state: 'TASK_STATE_WORKING', timestamp: AT },
      artifacts: [
        { artifactId: 'a', parts: [{ text: 'one' }] },
        { artifactId: 'b', parts: [{ text: 'two' }] },
      ],
      history: [],
    },
  },
  final: false,
});

export const statusEvent = (state: TaskState, final = false, of = MADE_BY_V1): StreamEvent => ({
  kind: 'statusUpdate',
  update: { ...IDS, status: { state, timestamp: AT } },
  of,
  final,
});

export const chunkEvent = (text: string, of = MADE_BY_V1): StreamEvent => ({
  kind: 'artifactUpdate',
  update: { ...IDS, artifact: { artifactId: 'a', parts: [{ text }] }, append: true },
  of,
  index: 0,
});

type Step = IteratorResult<StreamFrame, undefined>;

interface Waiting {
  readonly resolve: (step: Step) => void;
  readonly reject: (error: Error) => void;
}

/** A stream that does what a test tells it to, and counts what is done with it. Its cursors are `e.1`, `e.2`, … */
export class ScriptedStream implements AsyncIterable<StreamFrame, undefined> {
  /** How often the next event was asked for. */
  pulled = 0;
  /** How often it was given back before its end. */
  returned = 0;
  /** Made on demand, behind what was given before. */
  supply: (() => StreamEvent | undefined) | undefined;
  /** What was given is told also without a promise. */
  isEager = false;
  readonly #changes = new EventEmitter();
  readonly #script: (StreamEvent | 'end' | Error)[] = [];
  #waiting: Waiting | undefined;
  #told = 0;

  constructor(...script: (StreamEvent | 'end' | Error)[]) {
    this.give(...script);
  }

  /** What comes next: events, the end, or what it fails with. */
  give(...script: (StreamEvent | 'end' | Error)[]): this {
    this.#script.push(...script);
    this.#move();
    return this;
  }

  /** Resolves when somebody waits for what was not given yet. */
  async isAwaited(): Promise<void> {
    while (this.#waiting === undefined) await once(this.#changes, 'change');
  }

  async isReturned(): Promise<void> {
    while (this.returned === 0) await once(this.#changes, 'change');
  }

  ready(): StreamFrame | undefined {
    const [next = this.supply?.()] = this.isEager ? this.#script : ['end' as const];
    if (next === undefined || next === 'end' || next instanceof Error) return undefined;
    this.#script.shift();
    this.pulled++;
    return { event: next, cursor: `e.${++this.#told}` };
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamFrame, undefined> {
    return {
      next: () => {
        this.pulled++;
        return new Promise((resolve, reject) => {
          this.#waiting = { resolve, reject };
          this.#changes.emit('change');
          this.#move();
        });
      },
      return: () => {
        this.returned++;
        this.#settle((waiting) => {
          waiting.resolve({ done: true, value: undefined });
        });
        this.#changes.emit('change');
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #move(): void {
    if (this.#waiting === undefined) return;
    const next = this.#script.shift() ?? this.supply?.();
    if (next === undefined) return;
    this.#settle(({ resolve, reject }) => {
      if (next === 'end') resolve({ done: true, value: undefined });
      else if (next instanceof Error) reject(next);
      else resolve({ done: false, value: { event: next, cursor: `e.${++this.#told}` } });
    });
  }

  #settle(how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) how(waiting);
  }
}
