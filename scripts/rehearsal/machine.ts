import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { DurationMs } from '../../protocol/units.ts';
import { LogLines } from '../../tests/helpers/log-lines.ts';
import type { Watched } from './rehearsal.ts';

const STARTS_WITHIN_MS: DurationMs = 30_000;
const MAIN = new URL('../../dist/server/main.js', import.meta.url).pathname;

export type Settings = Readonly<Record<string, string>>;

/** A machine with one server, which a service manager starts and stops: `systemctl … holdfast` on it. */
export class Machine implements Watched {
  /** What its server starts with: `NAME=value` in lines, read at each start. */
  readonly settingsFile: string;
  /** The program that is started; another one after an upgrade. */
  main = MAIN;
  /** Of the last server that ended. */
  exitCode: number | null = null;
  /** What all its servers have logged. */
  journal = '';
  readonly #folder: string;
  #logs = new LogLines();
  #stderr = '';
  #child: ChildProcess | undefined;

  constructor(folder: string, settingsFile: string, settings: Settings) {
    this.#folder = folder;
    this.settingsFile = settingsFile;
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(settingsFile, lines.join(''));
    process.on('exit', this.#atExit);
  }

  readonly #atExit = (): void => void this.#child?.kill('SIGKILL');

  get settings(): Settings {
    const lines = readFileSync(this.settingsFile, 'utf8').split('\n');
    return Object.fromEntries(
      lines.flatMap((line) => {
        const [, name, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
        return name === undefined ? [] : [[name, value]];
      }),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.settings['PORT'] ?? ''}/a2a`;
  }

  get logs(): LogLines {
    return this.#logs;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Waits until it listens. Nothing happens when it runs. @throws {Error} with what it said, when it does not start */
  async start(): Promise<void> {
    if (this.#child !== undefined) return;
    const logs = new LogLines();
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [this.main], {
      cwd: this.#folder,
      env: { PATH, HOME, ...this.settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#logs = logs;
    this.#stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.journal += text;
      logs.write(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    const ended = once(child, 'close').then(([code]: (number | null)[]) => {
      this.exitCode = code ?? null;
      if (this.#child === child) this.#child = undefined;
      throw new Error(`the server ended with ${code ?? 'a signal'}: ${this.#stderr}`);
    });
    await Promise.race([logs.next('server_listening', STARTS_WITHIN_MS), ended]);
    ended.catch(() => undefined);
  }

  /** SIGTERM, and waits for the end. @returns the exit code */
  async stop(): Promise<number | null> {
    return await this.#endBy('SIGTERM');
  }

  async kill9(): Promise<void> {
    await this.#endBy('SIGKILL');
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** However it stands. */
  async close(): Promise<void> {
    await this.kill9();
    process.off('exit', this.#atExit);
  }

  async #endBy(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return this.exitCode;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
    return this.exitCode;
  }
}
