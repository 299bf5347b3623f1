import { parseArgs } from 'node:util';
import { parsed, UsageError } from '../usage.ts';

export interface BenchOptions {
  readonly isQuick: boolean;
  readonly isList: boolean;
  /** Whether a goal that is missed is a failure. */
  readonly isCheck: boolean;
  /** Whether docs/benchmarks.md is written. */
  readonly isWritten: boolean;
  /** Names of workloads; empty: all. */
  readonly only: readonly string[];
  /** Of the length of rounds and the size of what is prepared, up to 1. */
  readonly scale: number;
}

export const USAGE = `Usage: npm run bench -- [--quick] [--only WORKLOAD]... [--list] [--check] [--scale S] [--write]

Starts Holdfast on each store and the servers it is compared with, one core for the server and one for the load where the
system can pin them, and drives them round by round from another process: wrk when it is on the PATH, else autocannon.
The servers it is compared with are installed once, into .bench/. Under 15 minutes; writes docs/benchmarks.md.

  --quick   under 2 minutes: the blocking send of 200 B and the counted costs, without SQLite; writes nothing. Fails when
            the send is below twice that of @a2a-js/sdk in memory, or a counted cost above its bound, in every round
  --only    this workload alone; may be said more than once; writes nothing
  --list    says which there are
  --check   fails when any goal is missed
  --scale   0.05 to 1: shorter rounds and fewer sessions, to try the bench itself; writes nothing
  --write   writes docs/benchmarks.md all the same

Exit codes: 0 measured, 1 a server answered wrong or a goal that has to be met was not, 2 wrong arguments.
`;

/** @returns undefined when help was asked for. @throws {UsageError} */
export function parseOptions(args: readonly string[], names: readonly string[]): BenchOptions | undefined {
  const given = read(args);
  if (given.help === true) return undefined;
  const { only = [], quick: isQuick = false } = given;
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`--only: there is no workload ${unknown}; try --list`);
  const scale = scaleOf(given.scale);
  return {
    isQuick,
    isList: given.list === true,
    isCheck: given.check === true,
    isWritten: given.write ?? (!isQuick && only.length === 0 && scale === 1),
    only,
    scale,
  };
}

function scaleOf(given: string | undefined): number {
  const scale = Number(given ?? 1);
  if (scale >= 0.05 && scale <= 1) return scale;
  throw new UsageError(`--scale must be a number from 0.05 to 1, got ${given}`);
}

function read(args: readonly string[]) {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const;
  const only = { type: 'string', multiple: true } as const;
  const options = { quick: flag, list: flag, check: flag, write: flag, scale: text, only } as const;
  return parsed(
    () =>
      parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean', short: 'h' } } }).values,
  );
}
