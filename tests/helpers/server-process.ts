/** Loads nothing of the server: who starts one from a script need not wait for all of its sources. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { LogLines } from './log-lines.ts';
import { OverheardText } from './overheard.ts';

type Env = Record<string, string>;

/** A server in a process of its own, as an operator runs it. */
export class ServerProcess {
  readonly logs = new LogLines();
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';

  private constructor(env: Env, cwd: string, args: readonly string[]) {
    // Not through npm, which would take the signal.
    const main = new URL('../../dist/server/main.js', import.meta.url).pathname;
    const { PATH, HOME, NODE_V8_COVERAGE } = process.env;
    const inherited = Object.fromEntries(
      Object.entries({ PATH, HOME, NODE_V8_COVERAGE }).filter(([, value]) => value !== undefined),
    );
    this.#child = spawn(process.execPath, [main, ...args], {
      cwd,
      env: { ...inherited, PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.logs.write(text);
    });
    const overheard = new OverheardText('stderr');
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      overheard.write(text);
    });
  }

  /** Starts, and waits for nothing. */
  static launch(env: Env, cwd: string, ...args: string[]): ServerProcess {
    return new ServerProcess(env, cwd, args);
  }

  /** Starts, and waits until it listens. */
  static async start(env: Env, cwd: string): Promise<ServerProcess> {
    const started = ServerProcess.launch(env, cwd);
    await started.listening();
    return started;
  }

  async listening(): Promise<void> {
    const ended = this.exited().then((code) => {
      throw new Error(`the server ended with ${code}: ${this.stderr}`);
    });
    // Several workers start one after the other, on a machine that may be busy.
    await Promise.race([this.logs.next('server_listening', 30_000), ended]);
  }

  get url(): string {
    return String(this.logs.of('server_listening')[0]?.['url']);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** What a pattern finds on stderr, written already or later. Logs and banner go through two pipes, in any order. */
  async onStderr(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#stderr);
      if (found !== null) return found;
      if (this.#child.stderr === null || this.#child.stderr.readableEnded)
        throw new Error(`not on stderr: ${pattern.source}`);
      await Promise.race([once(this.#child.stderr, 'data'), once(this.#child.stderr, 'end')]);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** @returns the exit code, or null when a signal ended it */
  async exited(): Promise<number | null> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return exitCode;
    const [code] = (await once(this.#child, 'close')) as [number | null];
    return code;
  }

  /** Closes the reading end of its stdout, as a log collector that dies does. */
  stopReading(): void {
    this.#child.stdout?.destroy();
  }

  async kill9(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited();
  }

  /** @returns the exit code of a clean stop */
  async stop(): Promise<number | null> {
    this.signal('SIGTERM');
    return this.exited();
  }
}

/**
 * Starts server processes; whatever still runs when a test ends, however it ends, is killed.
 *
 * @param until `suite`: they serve all tests of it, and are started before the first
 */
export function useServerProcesses(
  until: 'test' | 'suite' = 'test',
): Pick<typeof ServerProcess, 'start' | 'launch'> {
  const started: ServerProcess[] = [];
  (until === 'test' ? afterEach : after)(async () => {
    await Promise.all(started.splice(0).map((process) => process.kill9()));
  });
  return {
    launch(env, cwd, ...args) {
      const launched = ServerProcess.launch(env, cwd, ...args);
      started.push(launched);
      return launched;
    },
    async start(env, cwd) {
      const launched = this.launch(env, cwd);
      await launched.listening();
      return launched;
    },
  };
}
