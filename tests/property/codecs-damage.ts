/** What nobody should say, and what is to become of it. */
import { expect } from 'chai';
import fc from 'fast-check';
import { CODECS } from '../../protocol/dialects/codecs.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { json } from './messages.ts';

export const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  withUnboxedStrings: true,
  key: fc.oneof(
    fc.string(),
    fc.constantFrom('__proto__', 'message', 'parts', 'text', 'kind', 'type', 'data', 'id'),
  ),
} as fc.ObjectConstraints);

/** All places in a value, each as the path to it. The value itself is not one. */
function placesIn(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).flatMap((name) => [
    [...path, name],
    ...placesIn(Reflect.get(value, name), [...path, name]),
  ]);
}

/** A copy with something else in one place, or nothing. `__proto__` is written as a member, as the parser does. */
function damage(value: unknown, [name, ...rest]: string[], by: unknown): unknown {
  if (name === undefined) return by;
  const copy = Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) };
  const inside = damage(Reflect.get(copy, name), rest, by);
  Object.defineProperty(copy, name, { value: inside, enumerable: true, configurable: true, writable: true });
  return copy;
}

const instead = fc.oneof(
  anything,
  json,
  fc.constantFrom(undefined, null, '', -1, 2 ** 31, '1', [], {}, '\ud800', 'QQ', 'ROLE_AGENT', NaN, Infinity),
);

/** Right but for one place: what is wrong everywhere never gets past the first member. */
export function nearlyRight(right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.tuple(right, fc.nat(), instead).map(([params, place, by]) => {
    const places = placesIn(params);
    return damage(params, places[place % places.length] ?? [], by);
  });
}

/** @returns what was decoded, or undefined when the params were refused as they should be */
export function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    expect(error.reason).to.equal('INVALID_PARAMS');
    expect(error.violations).to.not.have.length(0);
    for (const { field, description } of error.violations) {
      expect(field).to.not.equal('');
      expect(description).to.not.equal('');
    }
    for (const codec of Object.values(CODECS)) expect(codec.encodeError(error).code).to.equal(-32602);
    return undefined;
  }
}
