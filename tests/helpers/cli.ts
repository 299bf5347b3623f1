/** A command of the program, run in this process as an operator runs it. */
import { runCommand } from '../../server/cli/run-command.ts';
import type { Env } from './config.ts';

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  readonly input?: string;
  /** Of the terminal; absent: a pipe. */
  readonly columns?: number;
  readonly now?: () => number;
  /** Called with each text as it is printed. */
  readonly onOut?: (text: string) => void;
}

export async function runCli(args: readonly string[], env: Env, options: CliOptions = {}): Promise<CliRun> {
  let [out, err] = ['', ''];
  const print = (text: string): void => {
    out += text;
    options.onOut?.(text);
  };
  const code = await runCommand(args, {
    env,
    now: options.now ?? Date.now,
    pid: process.pid,
    out: print,
    err: (text) => {
      err += text;
    },
    write: (text) => {
      print(text);
      return Promise.resolve();
    },
    input: async function* () {
      // In pieces that end anywhere, as a pipe gives them.
      const text = options.input ?? '';
      for (let i = 0; i < text.length; i += 65_536) yield await Promise.resolve(text.slice(i, i + 65_536));
    },
    columns: options.columns,
  });
  return { code, out, err };
}

/** What a command with `--json` has printed. */
export const jsonOf = ({ out }: CliRun): unknown => JSON.parse(out);
