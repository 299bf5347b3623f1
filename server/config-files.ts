/** Files that the environment names. They are read at the start, so that all that is wrong in them is said at once. */
import { readFileSync } from 'node:fs';
import { type CardText, type Parsed, parseCard } from './config-card.ts';
import { type ApiKeyRow, parseApiKeys } from './config-keys.ts';
import { parseSigningKey, type SigningKey } from './config-signing.ts';

/** The file could not be read or is not what it should be. */
export class FileProblemsError extends Error {
  override readonly name = 'FileProblemsError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

/** @throws {FileProblemsError} */
function read<T>(path: string, parse: (text: string) => Parsed<T>): T {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new FileProblemsError([`cannot be read: ${code}`]);
  }
  const parsed = parse(text);
  if ('problems' in parsed) throw new FileProblemsError(parsed.problems);
  return parsed.value;
}

const fromJson =
  <T>(parse: (value: unknown) => Parsed<T>) =>
  (text: string): Parsed<T> => {
    let value: unknown;
    try {
      value = JSON.parse(text.replace(/^\uFEFF/, ''));
    } catch {
      // The parser's message quotes the file.
      return { problems: ['is not JSON'] };
    }
    return parse(value);
  };

/** @throws {FileProblemsError} */
export const readCard = (path: string): CardText => read(path, fromJson(parseCard));

/** @throws {FileProblemsError} */
export const readApiKeys = (path: string): readonly ApiKeyRow[] => read(path, fromJson(parseApiKeys));

/** @throws {FileProblemsError} */
export const readSigningKey = (path: string): SigningKey => read(path, parseSigningKey);
