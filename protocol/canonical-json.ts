import { isWellFormed } from './dialects/json.ts';
import type { JsonValue } from './units.ts';

/**
 * RFC 8785 (JCS): one spelling per JSON value, so that whoever checks a signature gets the bytes that were signed. Names
 * are in the order of their UTF-16 code units, which is how JavaScript compares strings; numbers and strings are written
 * as ECMAScript writes them, which is what the RFC asks for.
 *
 * @throws {TypeError} for a number that JSON does not have, and a lone surrogate, which UTF-8 does not have
 */
export function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    // Not an object with sorted members: names that are integers would come first there, whatever their order.
    const members = Object.keys(value)
      .sort()
      .map((name) => `${canonicalJson(name)}:${canonicalJson(value[name] as JsonValue)}`);
    return `{${members.join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} is not JSON`);
  if (typeof value === 'string' && !isWellFormed(value)) throw new TypeError('a lone surrogate is not JSON');
  return JSON.stringify(value);
}

/**
 * A value without anything that says nothing: `null`, `''`, `[]`, `{}`, at any depth. Readers that go through a2a.proto
 * lose those on the way, so what they check a signature against has none of them.
 *
 * @returns undefined when nothing is left
 */
export function withoutEmpty(value: JsonValue): JsonValue | undefined {
  if (value === null || value === '') return undefined;
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) {
    const kept = value.map(withoutEmpty).filter((entry) => entry !== undefined);
    return kept.length > 0 ? kept : undefined;
  }
  const kept = Object.entries(value).flatMap(([name, member]): [string, JsonValue][] => {
    const left = withoutEmpty(member);
    return left === undefined ? [] : [[name, left]];
  });
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}
