import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

export interface Where {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Of the process; absent: ours. */
  readonly uid?: number;
  readonly gid?: number;
}

/** A command ended with another code than 0. */
export class NotFinishedError extends Error {
  override readonly name = 'NotFinishedError';
  readonly stderr: string;

  constructor(command: string, { stdout, stderr }: { stdout: string; stderr: string }) {
    super(`${command}: ${`${stdout}\n${stderr}`.trim().slice(-800)}`);
    this.stderr = stderr;
  }
}

/** Runs a command to its end. @throws {NotFinishedError} */
export async function finish(
  command: string,
  args: readonly string[],
  where: Where,
): Promise<{ stdout: string; stderr: string }> {
  try {
    return await promisify(execFile)(command, args, { ...where, maxBuffer: 64 * 1_048_576 });
  } catch (error) {
    const { stdout = '', stderr = String(error) } = error as { stdout?: string; stderr?: string };
    throw new NotFinishedError([command, ...args].join(' '), { stdout, stderr });
  }
}

/** A server started by some command, with all processes that the command starts. */
export class StartedServer {
  readonly #child: ChildProcess;
  #output = '';

  constructor(command: string, args: readonly string[], where: Where) {
    // A group of its own: npx does not pass on a signal that it cannot catch.
    this.#child = spawn(command, args, { ...where, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
  }

  /** Until the log says so. */
  async listening(): Promise<void> {
    while (this.#url === undefined) {
      if (this.#child.exitCode !== null) throw new Error(`the server ended: ${this.#output.slice(-800)}`);
      const { stdout, stderr } = this.#child;
      await Promise.race([stdout && once(stdout, 'data'), stderr && once(stderr, 'data'), once(this.#child, 'exit')]); // prettier-ignore
    }
  }

  get #url(): string | undefined {
    return /"event":"server_listening".*?"url":"([^"]+)"/.exec(this.#output)?.[1];
  }

  /** @returns the whole answer to a blocking send in one and the same session */
  async say(text: string, key = ''): Promise<string> {
    const message = { messageId: text, contextId: 'ada', role: 'ROLE_USER', parts: [{ text }] };
    const response = await fetch(this.#url ?? '', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'A2A-Version': '1.0', 'X-API-Key': key },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params: { message } }),
    });
    return await response.text();
  }

  /** SIGTERM. @returns its exit code */
  async stop(): Promise<number | null> {
    const gone = once(this.#child, 'close') as Promise<[number | null]>;
    this.#child.kill('SIGTERM');
    return (await gone)[0];
  }

  /** SIGKILL, to all of it. Idempotent. */
  async kill(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const gone = once(this.#child, 'close');
    process.kill(-pid, 'SIGKILL');
    await gone;
  }
}
