import { parseArgs } from 'node:util';
import { parsed, seedOf, UsageError, wholeNumber } from '../usage.ts';

export interface EvidenceOptions {
  readonly isQuick: boolean;
  readonly isList: boolean;
  /** Names of scenarios; empty: all. */
  readonly only: readonly string[];
  readonly seed: number;
  /** Scenarios at once. */
  readonly atOnce: number;
  /** Folder that is given all that is known of a scenario that does not hold. */
  readonly keep: string | undefined;
}

export const USAGE = `Usage: npm run evidence -- [--quick] [--only NAME]... [--list] [--seed S] [--at-once N] [--keep FOLDER]

Runs real servers and real stores on loopback through every fault there is a scenario for, with at least 50 clients
talking all the while; then looks for every acknowledged message, and for anything that a client, a store or an instance
saw and should not have seen. Prints one table.

  --quick     shorter faults: under 3 minutes; does not write docs/evidence.md
  --only      this scenario alone; may be said more than once
  --list      says which there are
  --seed      chooses what is said and when it breaks
  --at-once   scenarios at the same time, default 2
  --keep      folder for the history, the journals and the logs of what does not hold

Exit codes: 0 nothing found, 1 otherwise, 2 wrong arguments.
`;

/** @returns undefined when help was asked for. @throws {UsageError} */
export function parseOptions(args: readonly string[], names: readonly string[]): EvidenceOptions | undefined {
  const given = read(args);
  if (given.help === true) return undefined;
  const { only = [] } = given;
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`--only: there is no scenario ${unknown}; try --list`);
  return {
    isQuick: given.quick === true,
    isList: given.list === true,
    only,
    seed: seedOf(given.seed),
    atOnce: wholeNumber('--at-once', given['at-once'], [1, 8], 2),
    keep: given.keep,
  };
}

function read(args: readonly string[]) {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const;
  const only = { type: 'string', multiple: true } as const;
  const options = { quick: flag, list: flag, only, seed: text, keep: text, 'at-once': text };
  return parsed(
    () =>
      parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean', short: 'h' } } }).values,
  );
}
