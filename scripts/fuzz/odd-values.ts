/** Values that programs trip over. */
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import type { Random } from '../recovery/random.ts';

const TEXTS: readonly [string, ...string[]] = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udfff\ud800',
  '\u{1f600}',
  'e\u0301'.repeat(200),
  '\u202e\ufeff\u200b',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'NaN',
  '-1',
  '1e309',
  '../../../../etc/passwd',
  '%00%2e%2e%2f',
  '{{7*7}}${7*7}',
  "' OR 1=1 --",
  '\r\nX-Injected: 1\r\n\r\n',
  '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n',
  'a:b:{c}.d*[e]?',
  '~1.k1.AAAA',
  '~',
  '{"~":"AAAA"}',
  '2026-13-45T99:99:99Z',
  'https://[::1',
  'https://hooks.invalid/x',
  'http://127.0.0.1/',
  'image/png',
  'AAAA====',
];

const NUMBERS: readonly [number, ...number[]] = [
  ...([0, -0, 1, -1, 0.5, 1e-320, 255, 65_536, 2 ** 31, -(2 ** 31) - 1, 2 ** 32] as const),
  ...[2 ** 53 - 1, 2 ** 53, 2 ** 63, 2 ** 64, 1e308, -1e308, Number.MAX_VALUE],
];

export function oddText(random: Random): string {
  const text = random.pick(TEXTS);
  if (random.below(400) === 0) return 'x'.repeat(1 << (10 + random.below(9)));
  return random.below(6) === 0 ? text + random.pick(TEXTS) : text;
}

export const oddNumber = (random: Random): number =>
  random.below(3) === 0 ? Math.floor((random.next() - 0.5) * 2 ** random.below(64)) : random.pick(NUMBERS);

/** @param deep how many more levels it may have */
export function oddValue(random: Random, deep = 3): JsonValue {
  switch (random.below(deep > 0 ? 10 : 6)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 0;
    case 2:
      return oddNumber(random);
    case 3:
    case 4:
    case 5:
      return oddText(random);
    case 6:
      return random.below(20) === 0 ? nested(random, 1 + random.below(80)) : [];
    case 7:
      return Array.from({ length: random.below(5) }, () => oddValue(random, deep - 1));
    default: {
      const made: JsonObject = {};
      for (let n = random.below(4); n > 0; n--) put(made, oddText(random), oddValue(random, deep - 1));
      return made;
    }
  }
}

function nested(random: Random, levels: number): JsonValue {
  let value: JsonValue = 1;
  for (let level = 0; level < levels; level++) value = random.below(2) === 0 ? [value] : { a: value };
  return value;
}

/** Also a member called `__proto__`, which an assignment would not make. */
export function put(object: JsonObject, name: string, value: JsonValue): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

/** One change somewhere in a value: a member replaced, removed, renamed, doubled or added. The value itself is not changed. */
export function mutated(random: Random, value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return oddValue(random);
  if (Array.isArray(value)) {
    const at = random.below(value.length + 1);
    const item = value[at];
    if (item === undefined) return [...value, oddValue(random)];
    const some = random.below(4);
    if (some === 0) return value.toSpliced(at, 1);
    if (some === 1) return Array.from({ length: 1 + random.below(300) }, () => item);
    return value.with(at, mutated(random, item));
  }
  const entries = Object.entries(value);
  const at = random.below(entries.length + 1);
  const made: JsonObject = {};
  for (const [i, [name, member]] of entries.entries()) {
    if (i !== at) put(made, name, member);
    else if (random.below(8) > 0) {
      const deeper = typeof member === 'object' && random.below(5) > 0;
      const renamed = random.below(10) === 0 ? oddText(random) : name;
      put(made, renamed, deeper ? mutated(random, member) : oddValue(random));
    }
  }
  if (at === entries.length) put(made, oddText(random), oddValue(random));
  return made;
}
