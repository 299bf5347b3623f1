/** Arguments of a command as they are sent. */
import type { Bytes } from '../../../protocol/units.ts';

/**
 * What stands between two arguments: the end of one, and how many bytes the next one has. At hand for those of usual
 * sizes, because an argument is then two pieces of a command and not six: a third of the memory of a commit's text.
 */
const BETWEEN = Array.from({ length: 1_024 }, (_, bytes) => `\r\n$${bytes}\r\n`);
const between = (bytes: Bytes): string => BETWEEN[bytes] ?? `\r\n$${bytes}\r\n`;

export const END = '\r\n';
export const bulk = (arg: string): string => between(Buffer.byteLength(arg)) + arg;
export const bulkOfNumber = (arg: number): string => {
  const digits = String(arg);
  return between(digits.length) + digits;
};

export type ScriptArg = string | number;

/** Arguments behind the keys. */
export interface SaidArgs {
  readonly count: number;
  readonly text: string;
}

export function say(args: readonly ScriptArg[]): SaidArgs {
  let text = '';
  for (const arg of args) text += typeof arg === 'string' ? bulk(arg) : bulkOfNumber(arg);
  return { count: args.length, text };
}

/** Keys that stand together. Those that are named again and again are kept: they need not be put into words again. */
export class KeyRow {
  readonly names: readonly string[];
  readonly text: string;

  constructor(names: readonly string[]) {
    this.names = names;
    this.text = names.map(bulk).join('');
  }
}
