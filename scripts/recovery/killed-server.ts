import type { DurationMs } from '../../protocol/units.ts';
import { ServerProcess } from '../../tests/helpers/server-process.ts';

/** Where clients reach a server, and whom they tell that they did. */
export interface Door {
  /** Rejects when the signal comes first. */
  url(signal: AbortSignal): Promise<string>;
  hasAnswered(): void;
  /** How often the server was started so far. */
  readonly starts: number;
}

const QUIET: ReadonlySet<string> = new Set(['debug', 'info']);

/** A server that is killed and started again at the same address. */
export class KilledServer implements Door {
  /** For each start: from the start of the process to the first answer that a client got. */
  readonly firstAnswers: DurationMs[] = [];
  kills = 0;
  starts = 0;
  /** Log event -> how often it was written, of those that are worth a warning. */
  readonly warnings = new Map<string, number>();
  readonly #env: Readonly<Record<string, string>>;
  readonly #folder: string;
  #process: ServerProcess | undefined;
  #port = '0';
  #startedAt: DurationMs | undefined;
  #isOpen = false;
  readonly #waiting = new Set<() => void>();
  #fail!: (error: Error) => void;
  /** Rejects when the server ends and nobody killed it. Never resolves. */
  readonly failed = new Promise<never>((_resolve, reject) => (this.#fail = reject));
  readonly #atExit = (): void => {
    if (this.#process !== undefined) process.kill(this.#process.pid, 'SIGKILL');
  };

  /** @param folder where it runs and, with an embedded store, keeps its data */
  constructor(env: Readonly<Record<string, string>>, folder: string) {
    this.#env = env;
    this.#folder = folder;
    this.failed.catch(() => undefined);
    process.on('exit', this.#atExit);
  }

  /** Waits until it listens; clients come in with {@link open}. */
  async start(): Promise<void> {
    this.#startedAt = performance.now();
    this.starts += 1;
    const started = ServerProcess.launch({ ...this.#env, PORT: this.#port }, this.#folder);
    this.#process = started;
    void started.exited().then((code) => {
      if (this.#process === started) {
        this.#process = undefined;
        this.#fail(new Error(`the server ended by itself with ${code}: ${started.stderr}`));
      }
    });
    await started.listening();
    this.#port = new URL(started.url).port;
  }

  /** The door for somebody who is to be served before all others. */
  get sideDoor(): Door {
    const starts = (): number => this.starts;
    return {
      url: () => Promise.resolve(this.#url),
      hasAnswered: () => {
        this.hasAnswered();
      },
      get starts() {
        return starts();
      },
    };
  }

  open(): void {
    this.#isOpen = true;
    for (const enter of this.#waiting) enter();
    this.#waiting.clear();
  }

  get #url(): string {
    return this.#process?.url ?? '';
  }

  async url(signal: AbortSignal): Promise<string> {
    while (!this.#isOpen) await this.#opened(signal);
    return this.#url;
  }

  #opened(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const give = (): void => {
        this.#waiting.delete(enter);
        reject(signal.reason as Error);
      };
      const enter = (): void => {
        signal.removeEventListener('abort', give);
        resolve();
      };
      signal.addEventListener('abort', give, { once: true });
      this.#waiting.add(enter);
    });
  }

  hasAnswered(): void {
    if (this.#startedAt === undefined) return;
    this.firstAnswers.push(performance.now() - this.#startedAt);
    this.#startedAt = undefined;
  }

  /** SIGKILL; clients wait for the next start. */
  async kill(): Promise<void> {
    const killed = this.#process;
    if (killed === undefined) return;
    this.#process = undefined;
    this.#isOpen = false;
    this.kills += 1;
    await killed.kill9();
    for (const { event, level } of killed.logs.lines) {
      if (!QUIET.has(level)) this.warnings.set(event, (this.warnings.get(event) ?? 0) + 1);
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    process.off('exit', this.#atExit);
  }
}
