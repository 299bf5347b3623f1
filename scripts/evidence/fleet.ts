/** Servers in processes of their own, which are killed, paused and started again at the same address. */
import type { DurationMs } from '../../protocol/units.ts';
import { ServerProcess } from '../../tests/helpers/server-process.ts';
import type { History } from './history.ts';

export type Env = Readonly<Record<string, string>>;

/** Of one start of one server: `i1#2` is the second start of the first. Unlike the server's own id for itself. */
export type Incarnation = string;

const QUIET: ReadonlySet<string> = new Set(['debug', 'info', 'trace']);

/** One server at one address. */
export class Instance {
  /** `i1`, `i2`, … */
  readonly name: string;
  readonly #env: Env;
  readonly #folder: string;
  readonly #history: History;
  #process: ServerProcess | undefined;
  #port = '0';
  #starts = 0;
  #isPaused = false;
  #isUp = false;
  /** Log event -> how often it was written, of those that are worth a warning, over all starts. */
  readonly warnings = new Map<string, number>();
  /** What ended processes have logged. */
  readonly lines: object[] = [];
  /** Set when the process ended and nobody had asked for it. */
  crashed: string | undefined;

  constructor(name: string, env: Env, folder: string, history: History) {
    this.name = name;
    this.#env = env;
    this.#folder = folder;
    this.#history = history;
    process.on('exit', this.#atExit);
  }

  readonly #atExit = (): void => {
    if (this.#process !== undefined) process.kill(this.#process.pid, 'SIGKILL');
  };

  get url(): string {
    return `http://127.0.0.1:${this.#port}/a2a`;
  }

  get incarnation(): Incarnation {
    return `${this.name}#${this.#starts}`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Runs, and a load balancer would send requests here: not killed, not being stopped. A paused one is still up. */
  get isUp(): boolean {
    return this.#isUp;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Of the present start. */
  get logs(): ServerProcess['logs'] {
    if (this.#process === undefined) throw new Error(`${this.name} does not run`);
    return this.#process.logs;
  }

  /** Waits until it listens. @param env over what it has, for this start alone */
  async start(env: Env = {}): Promise<void> {
    const started = ServerProcess.launch({ ...this.#env, ...env, PORT: this.#port }, this.#folder);
    this.#process = started;
    this.#starts += 1;
    void started.exited().then((code) => {
      if (this.#process !== started) return;
      this.crashed = `${this.incarnation} ended by itself with ${code}: ${started.stderr.slice(-500)}`;
      this.#gone('ended by itself');
    });
    await started.listening();
    this.#port = new URL(started.url).port;
    this.#isUp = true;
    this.#history.mark({ kind: 'started', instance: this.incarnation });
  }

  /** SIGKILL, and waits until it is gone. */
  async kill9(): Promise<void> {
    const killed = this.#process;
    if (killed === undefined) return;
    this.#gone('killed');
    await killed.kill9();
    this.#count(killed);
  }

  /** SIGTERM, and waits for the end. @returns the exit code */
  async stop(): Promise<number | null> {
    const stopped = this.#process;
    if (stopped === undefined) return null;
    this.#history.mark({ kind: 'stopping', instance: this.incarnation });
    this.#isUp = false;
    this.#process = undefined;
    const code = await stopped.stop();
    this.#history.mark({ kind: 'stopped', instance: this.incarnation });
    this.#count(stopped);
    return code;
  }

  /** SIGSTOP: keeps its connections and answers nothing. */
  pause(): void {
    this.#process?.signal('SIGSTOP');
    this.#isPaused = true;
    this.#history.mark({ kind: 'paused', instance: this.incarnation });
  }

  /** SIGCONT. */
  resume(): void {
    this.#process?.signal('SIGCONT');
    this.#isPaused = false;
    this.#history.mark({ kind: 'resumed', instance: this.incarnation });
  }

  /** Ends it however it stands, and looks after it no more. */
  async close(): Promise<void> {
    const { crashed } = this;
    await this.kill9();
    this.crashed = crashed;
    process.off('exit', this.#atExit);
  }

  #gone(how: 'killed' | 'ended by itself'): void {
    this.#history.mark({ kind: 'killed', instance: this.incarnation, how });
    this.#process = undefined;
    this.#isUp = false;
    this.#isPaused = false;
  }

  #count(ended: ServerProcess): void {
    const process = this.incarnation;
    this.lines.push(...ended.logs.lines.map((line) => ({ process, ...line })));
    for (const { event, level } of ended.logs.lines) {
      if (!QUIET.has(level)) this.warnings.set(event, (this.warnings.get(event) ?? 0) + 1);
    }
  }
}

export interface Readyz {
  readonly status: string;
  readonly reasons: readonly { readonly reason: string }[];
  readonly pending: { readonly records: number; readonly bytes: number };
}

/** All servers of a scenario. */
export class Fleet {
  readonly instances: readonly Instance[];

  constructor(count: number, envOf: (nth: number) => Env, folder: string, history: History) {
    this.instances = Array.from(
      { length: count },
      (_, nth) => new Instance(`i${nth + 1}`, { LOG_LEVEL: 'info', ...envOf(nth) }, folder, history),
    );
  }

  /** Those that a load balancer would choose from. */
  get up(): readonly Instance[] {
    return this.instances.filter(({ isUp }) => isUp);
  }

  /** @param nth from 0 */
  at(nth: number): Instance {
    const instance = this.instances[nth];
    if (instance === undefined) throw new RangeError(`there is no instance ${nth}`);
    return instance;
  }

  async start(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.start()));
  }

  async close(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.close()));
  }
}

/** What a server says of itself; undefined when it does not answer in time. */
export async function readyz(instance: Instance, withinMs: DurationMs = 1_000): Promise<Readyz | undefined> {
  try {
    const response = await fetch(new URL('/readyz', instance.url), { signal: AbortSignal.timeout(withinMs) });
    return (await response.json()) as Readyz;
  } catch {
    return undefined;
  }
}
