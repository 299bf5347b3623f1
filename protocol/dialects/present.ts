type Required<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] };
type Optional<T> = { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** What is left of `T` without the members that are undefined. */
export type Present<T> = Required<T> & Optional<T>;

/** An undefined member and an absent one are two things to `in`, to deep equality and to a digest: here is only one. */
export function present<T extends object>(members: T): Present<T> {
  const kept: Partial<Record<keyof T, unknown>> = {};
  // Names of ours, never a caller's: `__proto__` is not among them. A loop costs a quarter of going through entries.
  for (const name in members) if (members[name] !== undefined) kept[name] = members[name];
  return kept as unknown as Present<T>;
}

/** An empty object or list says nothing that its absence does not say. A2A 1.0 §5.7. */
export function unlessEmpty<T extends object>(value: T | undefined): T | undefined {
  return value === undefined || isEmpty(value) ? undefined : value;
}

/** Of own members, which in JSON are all there are. */
function isEmpty(value: object): boolean {
  if (Array.isArray(value)) return value.length === 0;
  for (const _name in value) return false;
  return true;
}
