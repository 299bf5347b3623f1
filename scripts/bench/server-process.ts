import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { cpuMsOf, nodeOn, residentBytesOf } from './machine.ts';

const ROOT = join(import.meta.dirname, '../..');
const STOPS_WITHIN_MS = 3_000;

export interface Start {
  /** What the command begins with, such as `taskset -c 0`. */
  readonly on: readonly string[];
  /** Path from the top of the repository. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A server in a process of its own, that ends with this one. */
export class ServerProcess {
  readonly url: string;
  /** From its beginning to the line in which it says where it listens. */
  readonly startMs: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string, startMs: number) {
    this.#child = child;
    this.url = url;
    this.startMs = startMs;
  }

  /** @throws with what it said when it ends without having listened */
  static async start({ on, script, env }: Start): Promise<ServerProcess> {
    const began = performance.now();
    const [command, args] = nodeOn(on, script);
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { PATH: process.env['PATH'] ?? '', PORT: '0', LOG_LEVEL: 'info', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kill = (): void => {
      child.kill('SIGKILL');
    };
    process.on('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2_000)));
    for await (const line of createInterface(child.stdout)) {
      const url = urlIn(line);
      if (url === undefined) continue;
      // What it says from now on is read and dropped, so that its pipe does not fill.
      child.stdout.resume();
      return new ServerProcess(child, url, performance.now() - began);
    }
    kill();
    throw new Error(`${script} did not start: ${said.trim()}`);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** With its workers. Undefined where that cannot be known. */
  get cpuMs(): number | undefined {
    return cpuMsOf(this.pid);
  }

  get residentBytes(): number | undefined {
    return residentBytesOf(this.pid);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOPS_WITHIN_MS);
    await gone;
    clearTimeout(late);
  }
}

/** Of the line that says where a server listens. */
function urlIn(line: string): string | undefined {
  try {
    const { event, url } = JSON.parse(line) as { event?: string; url?: string };
    return event === 'server_listening' ? url : undefined;
  } catch {
    return undefined;
  }
}
