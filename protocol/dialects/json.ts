import type { JsonObject } from '../units.ts';

/** Bodies are bounded before they are decoded; this bound only keeps the walk below from overflowing the stack. */
export const MAX_JSON_DEPTH = 64;

/** The first thing in a value that JSON in UTF-8 cannot carry. */
export interface JsonFault {
  path: PropertyKey[];
  description: string;
}

/** Lone surrogates have no UTF-8: they would come back from the store as something else. */
export const ILL_FORMED = 'must be well-formed Unicode, without lone surrogates';

declare global {
  interface String {
    /** ES2024; Node 20 has it, the ES2023 library of the compiler does not. */
    isWellFormed(): boolean;
  }
}

/** Not a regular expression with `\p{Surrogate}`: that is some ten times slower, and texts may be megabytes. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

export function isJsonObject(value: unknown): value is JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Looks for what cannot be stored and read back as it was. Numbers beyond the range of a double arrive here as
 * Infinity, which JSON would write as `null`. Members called `__proto__` are own properties, as the JSON parser makes
 * them, and stay so: nothing here or later assigns by a caller's key.
 */
export function findJsonFault(value: unknown, depth = MAX_JSON_DEPTH): JsonFault | undefined {
  switch (typeof value) {
    case 'string':
      return isWellFormed(value) ? undefined : { path: [], description: ILL_FORMED };
    case 'number':
      return Number.isFinite(value)
        ? undefined
        : { path: [], description: 'must be within the range of a double' };
    case 'boolean':
      return undefined;
    case 'object':
      return value === null ? undefined : findFaultInside(value, depth);
    default:
      return { path: [], description: 'must be JSON' };
  }
}

function findFaultInside(value: object, depth: number): JsonFault | undefined {
  if (depth === 0)
    return { path: [], description: `must not be nested more than ${MAX_JSON_DEPTH} levels deep` };
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const fault = findJsonFault(value[index], depth - 1);
      if (fault !== undefined) return { ...fault, path: [index, ...fault.path] };
    }
    return undefined;
  }
  if (!isJsonObject(value)) return { path: [], description: 'must be JSON' };
  for (const [key, member] of Object.entries(value)) {
    const fault = isWellFormed(key)
      ? findJsonFault(member, depth - 1)
      : { path: [], description: ILL_FORMED };
    if (fault !== undefined) return { ...fault, path: [key, ...fault.path] };
  }
  return undefined;
}
