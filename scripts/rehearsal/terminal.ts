import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { DurationMs } from '../../protocol/units.ts';

export interface Typed {
  /** What it wrote, to stdout and to stderr. */
  readonly output: string;
  readonly code: number;
}

/** No byte of a command's own output. */
const MARK = '\u0001';
const ANSWER = new RegExp(`${MARK}(\\d+)${MARK}\\n$`);

/** A shell that commands are typed into one after the other: what one has set, the next one has. */
export class Terminal {
  readonly #shell: ChildProcess;
  #output = '';
  readonly #atExit = (): void => void this.#shell.kill('SIGKILL');

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.#shell = spawn('/bin/sh', [], { cwd: folder, env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#shell.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      if (ANSWER.test(this.#output)) this.#shell.emit('answered');
    });
    this.#shell.stdin?.on('error', () => undefined);
    this.#shell.once('exit', () => this.#shell.emit('answered'));
    process.once('exit', this.#atExit);
  }

  /** @throws {Error} when the shell ends, or the time is over */
  async type(text: string, withinMs: DurationMs): Promise<Typed> {
    this.#output = '';
    const answered = once(this.#shell, 'answered', { signal: AbortSignal.timeout(withinMs) });
    this.#shell.stdin?.write(`{\n${text}\n} 2>&1 </dev/null\nprintf '${MARK}%d${MARK}\\n' $?\n`);
    await answered.catch(() => {
      throw new Error(`no end of it within ${withinMs} ms: ${text}\nso far: ${this.#output}`);
    });
    const answer = ANSWER.exec(this.#output);
    if (answer === null) throw new Error(`the shell ended: ${text}\n${this.#output}`);
    return { output: this.#output.slice(0, answer.index), code: Number(answer[1]) };
  }

  close(): void {
    process.off('exit', this.#atExit);
    this.#shell.kill('SIGKILL');
  }
}
