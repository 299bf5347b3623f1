import { parseArgs } from 'node:util';
import { parsed, UsageError, wholeNumber } from '../usage.ts';

export interface RehearsalOptions {
  readonly isQuick: boolean;
  readonly isList: boolean;
  /** Empty: all. */
  readonly names: readonly string[];
  readonly atOnce: number;
}

export const USAGE = `Usage: npm run rehearse [-- [--quick] [--list] [--at-once N] [NAME…]]

Rehearses docs/persistence-runbook.md: brings each trouble about on servers of its own, types the commands of the page
into a shell, and looks whether everything is as the page says. Touches nothing else on this machine.

  NAME…       these procedures alone; --list says which there are
  --quick     the short form, at most two minutes on two cores: less load, fewer sessions, and without those procedures
              that take long by themselves, which it names
  --at-once   procedures at the same time, default 2

Exit codes: 0 all is as the page says, 1 otherwise, 2 wrong arguments.
`;

/** @returns undefined when help was asked for. @throws {UsageError} */
export function parseOptions(
  args: readonly string[],
  known: readonly string[],
): RehearsalOptions | undefined {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const;
  const { values, positionals } = parsed(() =>
    parseArgs({
      args: [...args],
      options: { quick: flag, list: flag, 'at-once': text, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    }),
  );
  if (values.help === true) return undefined;
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`there is no procedure ${unknown}; try --list`);
  return {
    isQuick: values.quick === true,
    isList: values.list === true,
    names: positionals,
    atOnce: wholeNumber('--at-once', values['at-once'], [1, 8], 2),
  };
}
