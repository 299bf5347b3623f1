/** A deep copy of JSON. By hand: `structuredClone` took 3 us for the smallest message, most of it for its set-up. */
export function copyJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson) as T;
  const copy = { ...value };
  for (const key of Object.keys(copy) as (keyof typeof copy)[]) {
    const inner = copy[key];
    if (typeof inner !== 'object' || inner === null) continue;
    if (key !== '__proto__') copy[key] = copyJson(inner);
    // To assign it would say something else.
    else Object.defineProperty(copy, key, { value: copyJson(inner), ...OWN });
  }
  return copy;
}

const OWN = { enumerable: true, configurable: true, writable: true } as const;
