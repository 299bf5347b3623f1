import { apply } from '../../protocol/dialects/decode.ts';
import * as fields from '../../protocol/dialects/fields.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';

export type Members = Readonly<Record<string, unknown>>;

/** How many faults of one event are told. */
const MAX_FAULTS = 3;
const MAX_STRINGS = 256;
/** Agents may go deeper than clients, but not beyond what every later walk over it can bear. */
const MAX_DEPTH = 512;
const TOO_DEEP = `must not be nested more than ${MAX_DEPTH} levels deep`;

export const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** What JSON would take the value for, when that is an object. */
export function membersOf(value: unknown): Members | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return membersOf((toJSON as () => unknown).call(value));
  return Array.isArray(value) ? undefined : (value as Members);
}

/**
 * Reads the members of something that was made by foreign code: what was checked is what is kept, and is a copy. Where a
 * fault was found the result is undefined and {@link faults} says why.
 *
 * By hand, because a schema library took a fifth of the server's time here.
 */
export class FieldReader {
  readonly faults: string[] = [];

  /** @param path of the member, `''` for the whole @returns what was to be read, which there is not */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- so that a reader can end with it
  fault<T>(path: string, what: string): T | undefined {
    if (this.faults.length < MAX_FAULTS) this.faults.push(`${path === '' ? 'data' : path} ${what}`);
    return undefined;
  }

  /** The value is missing, or not what it has to be. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as above
  wrong<T>(path: string, value: unknown, what: string): T | undefined {
    return this.fault(path, isSet(value) ? `must be ${what}` : 'is required');
  }

  object(path: string, value: unknown): Members | undefined {
    return membersOf(value) ?? this.wrong<Members>(path, value, 'an object');
  }

  id(path: string, value: unknown): string | undefined {
    if (typeof value !== 'string') return this.wrong(path, value, 'a string');
    // Its schema is slow, so it is asked only for what is wrong.
    const fault = isPlainId(value) ? undefined : apply(fields.id, value).error?.issues[0]?.message;
    return fault === undefined ? value : this.fault(path, fault);
  }

  /** Text that may be left out, which is what an empty one says as well. */
  text(path: string, value: unknown): string | undefined {
    if (!isSet(value) || value === '') return undefined;
    return typeof value === 'string' ? value : this.fault(path, 'must be a string');
  }

  /** What is false is what is left out. */
  flag(path: string, value: unknown): true | undefined {
    if (value === true) return true;
    return !isSet(value) || value === false ? undefined : this.fault(path, 'must be true or false');
  }

  /** Bytes, or base64 of them. */
  base64(path: string, value: unknown): string | undefined {
    if (ArrayBuffer.isView(value))
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
    const read = apply(fields.base64, value);
    return read.success ? read.data : this.fault(path, read.error.issues[0]?.message ?? 'must be base64');
  }

  strings(path: string, value: unknown): string[] | undefined {
    const list = this.list(path, value, MAX_STRINGS, (at, one) =>
      typeof one === 'string' ? one : this.wrong<string>(at, one, 'a string'),
    );
    return list.length === 0 ? undefined : list;
  }

  /** @returns undefined when it has no JSON at all @throws {TypeError} when it is circular or has a BigInt */
  json(path: string, value: unknown): JsonValue | undefined {
    const text = JSON.stringify(value) as string | undefined;
    const copy = text === undefined ? undefined : (JSON.parse(text) as JsonValue);
    return copy !== undefined && isDeeperThan(MAX_DEPTH, copy) ? this.fault(path, TOO_DEEP) : copy;
  }

  /** An object that may be left out, which is what an empty one says as well. */
  jsonObject(path: string, value: unknown): JsonObject | undefined {
    const copy = isSet(value) ? this.json(path, value) : undefined;
    if (copy === undefined || copy === null) return undefined;
    if (typeof copy !== 'object' || Array.isArray(copy)) return this.fault(path, 'must be an object');
    return Object.keys(copy).length === 0 ? undefined : copy;
  }

  /** A list that may be left out. */
  list<T>(
    path: string,
    value: unknown,
    max: number,
    read: (path: string, one: unknown) => T | undefined,
  ): T[] {
    if (!isSet(value)) return [];
    if (Array.isArray(value) && value.length <= max) return this.each(path, value, read);
    this.fault(path, Array.isArray(value) ? `must have at most ${max} entries` : 'must be a list');
    return [];
  }

  /** Elements that come to nothing are left out. Stops at the bound of faults, which millions of nothings soon reach. */
  each<T>(path: string, list: readonly unknown[], read: (path: string, one: unknown) => T | undefined): T[] {
    const kept: T[] = [];
    const { length } = list;
    for (let i = 0; i < length && this.faults.length < MAX_FAULTS; i++) {
      const one = read(`${path}[${i}]`, list[i]);
      if (one !== undefined) kept.push(one);
    }
    // Without the room to grow that pushing leaves: most have one element, and are kept for as long as their session.
    return kept.slice();
  }
}

export const isPlainId = (id: string): boolean => /^[\x21-\x7e]{1,256}$/.test(id);

function isDeeperThan(depth: number, value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth === 0) return true;
  const inner = Array.isArray(value) ? value : Object.values(value);
  return inner.some((one) => isDeeperThan(depth - 1, one));
}
