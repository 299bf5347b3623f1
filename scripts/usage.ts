/** The arguments of the programs in this folder. */

/** Wrong arguments; the message says which. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @param parse `parseArgs` of node, which throws at what it does not know @throws {UsageError} */
export function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const [line = ''] = (error as Error).message.split('\n', 1);
    throw new UsageError(line);
  }
}

/** @throws {UsageError} naming the bounds */
export function wholeNumber(
  name: string,
  given: string | undefined,
  [min, max]: readonly [min: number, max: number],
  fallback: number,
): number {
  if (given === undefined) return fallback;
  const value = /^\d+$/.test(given) ? Number(given) : NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${name} must be a whole number from ${min} to ${max}, got ${given}`);
}

const SEED_MAX = 2 ** 32 - 1;

/** @throws {UsageError} naming the bounds */
export const seedOf = (given: string | undefined): number =>
  wholeNumber('--seed', given, [0, SEED_MAX], Math.floor(Math.random() * (SEED_MAX + 1)));
