import type { EpochMs } from '../../protocol/units.ts';
import type { Terminal } from './keys-command.ts';

/** What a command sees of the process that it runs in. */
export interface Console extends Terminal {
  readonly pid: number;
  /**
   * To stdout, for what may be long: resolves when it was taken.
   *
   * @throws {OutputError} when nobody reads it any more, or the disk is full
   */
  readonly write: (text: string) => Promise<void>;
  /** stdin. */
  readonly input: () => AsyncIterable<string>;
  /** Width of stderr where that is a terminal; undefined: it is none, and no progress is shown. */
  readonly columns: number | undefined;
}

/** What a script can tell apart. */
export const CLI_EXIT = {
  done: 0,
  /** A defect: it says so with a stack. */
  crashed: 1,
  /** The command or the configuration was not understood. */
  usage: 2,
  /** The store, a file or the output cannot be reached or used. */
  unusable: 3,
  /** It ran to its end, and there is something that somebody has to look at. */
  found: 4,
  /** There is no such session, task or webhook. */
  missing: 5,
} as const;

/** The command was not understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for is not there. */
export class MissingError extends Error {
  override readonly name = 'MissingError';
}

/** A file or a line of it cannot be used. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** What was to be printed could not be. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
}

/** As people and programs read a moment. */
export const shownMoment = (at: EpochMs): string => new Date(at).toISOString();

export const toJsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
