/** Arguments of a command, each of them refused with its name and bounds. */
import { parseArgs } from 'node:util';
import { UsageError } from './console.ts';

/** `flag` takes no value; all others one. */
export type OptionKind = 'flag' | 'text';

export interface Parsed<Name extends string> {
  readonly positionals: readonly string[];
  flag(name: Name): boolean;
  text(name: Name): string | undefined;
  /** @throws {UsageError} when it is no whole number within these bounds */
  count(name: Name, fallback: number, min: number, max: number): number;
}

/**
 * @param options by name, without the dashes
 * @param wanted what the words are that are no options, each needed once
 * @throws {UsageError}
 */
export function parseArguments<Name extends string>(
  args: readonly string[],
  options: Readonly<Record<Name, OptionKind>>,
  wanted: readonly string[] = [],
): Parsed<Name> {
  const kinds = Object.entries<OptionKind>(options).map(
    ([name, kind]) => [name, { type: kind === 'flag' ? 'boolean' : 'string' }] as const,
  );
  const { values, positionals } = parse(args, Object.fromEntries(kinds));
  const missing = wanted[positionals.length];
  if (missing !== undefined) throw new UsageError(`${missing} is required`);
  const more = positionals[wanted.length];
  if (more !== undefined) throw new UsageError(`${JSON.stringify(more)} is one word too many`);
  const text = (name: Name): string | undefined => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    positionals,
    flag: (name) => values[name] === true,
    text,
    count: (name, fallback, min, max) => {
      const given = text(name);
      if (given === undefined) return fallback;
      const number = /^\d{1,15}$/.test(given) ? Number(given) : NaN;
      if (number >= min && number <= max) return number;
      throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, got ${given}`);
    },
  };
}

function parse(
  args: readonly string[],
  options: Record<string, { type: 'boolean' | 'string' }>,
): { values: Record<string, unknown>; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
      throw new UsageError(error.message);
    throw error;
  }
}
