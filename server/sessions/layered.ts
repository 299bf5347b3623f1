/** A layer with fewer items has a list that is just as long. */
const FEW = 8;

/**
 * A list and a map that can be forked in O(1). A draft is a fork of the stored fold: it costs what it adds, never what
 * the session has. A parent must not change while a fork of it is in use; LiveSession drops its draft before it applies.
 *
 * Most layers hold one item or none (a task of one message, a draft of one task): the first stands in the object itself,
 * and the array or the Map, some 100 to 200 bytes each, is made for the second. No item, key or value is undefined.
 */
export class LayeredList<T> implements Iterable<T> {
  readonly #parent: LayeredList<T> | undefined;
  #first: T | undefined;
  /** All of this layer, the first too; absent while that is all. */
  #own: T[] | undefined;

  constructor(parent?: LayeredList<T>) {
    this.#parent = parent;
    this.#first = undefined;
    this.#own = undefined;
  }

  get length(): number {
    const below = this.#parent === undefined ? 0 : this.#parent.length;
    if (this.#own !== undefined) return below + this.#own.length;
    return this.#first === undefined ? below : below + 1;
  }

  push(item: T): void {
    // What grows in place, or by a spread, has room for 17 more: as much as a short conversation.
    if (this.#own !== undefined && this.#own.length < FEW)
      this.#own = this.#own.toSpliced(this.#own.length, 0, item);
    else if (this.#own !== undefined) this.#own.push(item);
    else if (this.#first === undefined) this.#first = item;
    else this.#own = [this.#first, item];
  }

  fork(): LayeredList<T> {
    return new LayeredList(this);
  }

  at(index: number): T | undefined {
    const below = this.#parent === undefined ? 0 : this.#parent.length;
    if (index < below) return this.#parent?.at(index);
    if (this.#own !== undefined) return this.#own[index - below];
    return index === below ? this.#first : undefined;
  }

  /**
   * Newest first, so that a bounded look back never walks the whole conversation. Not a generator: each send looks at a
   * hundred messages of a long conversation, and a generator is never inlined.
   */
  newestFirst(): IterableIterator<T> {
    let items: T[] | readonly [T | undefined] = this.#own ?? [this.#first];
    let below = this.#parent;
    let left = items.length;
    const iterator: IterableIterator<T> = {
      next() {
        for (;;) {
          const value = left > 0 ? items[(left -= 1)] : undefined;
          if (value !== undefined) return { done: false, value };
          if (below === undefined) return { done: true, value: undefined };
          items = below.#own ?? [below.#first];
          left = items.length;
          below = below.#parent;
        }
      },
      [Symbol.iterator]: () => iterator,
    };
    return iterator;
  }

  /** The last `count` items, oldest first. */
  last(count: number): T[] {
    const items: T[] = [];
    const { length } = this;
    for (let i = Math.max(0, length - Math.max(0, count)); i < length; i++) items.push(this.at(i) as T);
    return items;
  }

  toArray(): T[] {
    return this.last(Infinity);
  }

  *[Symbol.iterator](): Generator<T> {
    const { length } = this;
    for (let i = 0; i < length; i++) yield this.at(i) as T;
  }
}

/** Another list, or a Map when it gets too long to be looked through: it has to be as long as what is in it. */
function withPair<K, V>(pairs: readonly (K | V)[], key: K, value: V): readonly (K | V)[] | Map<K, V> {
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === key) return pairs.with(i + 1, value);
  if (pairs.length < 2 * FEW) return pairs.toSpliced(pairs.length, 0, key, value);
  const map = new Map<K, V>();
  for (let i = 0; i < pairs.length; i += 2) map.set(pairs[i] as K, pairs[i + 1] as V);
  return map.set(key, value);
}

export class LayeredMap<K, V> {
  readonly #parent: LayeredMap<K, V> | undefined;
  #key: K | undefined;
  #value: V | undefined;
  /** All of this layer but the first: keys and values in turn while they are few. */
  #more: readonly (K | V)[] | Map<K, V> | undefined;

  constructor(parent?: LayeredMap<K, V>) {
    this.#parent = parent;
    this.#key = undefined;
    this.#value = undefined;
    this.#more = undefined;
  }

  get(key: K): V | undefined {
    const own = this.getOwn(key);
    return own === undefined ? this.#parent?.get(key) : own;
  }

  /** The value of this layer alone: what may be changed in place. */
  getOwn(key: K): V | undefined {
    if (this.#key === key) return this.#value;
    const more = this.#more;
    if (more === undefined) return undefined;
    if (more instanceof Map) return more.get(key);
    for (let i = 0; i < more.length; i += 2) if (more[i] === key) return more[i + 1] as V;
    return undefined;
  }

  set(key: K, value: V): void {
    if (this.#key === undefined || this.#key === key) {
      this.#key = key;
      this.#value = value;
      return;
    }
    const more = this.#more;
    if (more instanceof Map) more.set(key, value);
    else if (more === undefined) this.#more = [key, value];
    else this.#more = withPair(more, key, value);
  }

  fork(): LayeredMap<K, V> {
    return new LayeredMap(this);
  }

  /** In order of first insertion. */
  keys(): K[] {
    const keys = this.#parent === undefined ? [] : this.#parent.keys();
    if (this.#key === undefined) return keys;
    if (this.#more === undefined && keys.length === 0) return [this.#key];
    const own: K[] = [this.#key];
    if (this.#more instanceof Map) own.push(...this.#more.keys());
    else this.#more?.forEach((item, i) => i % 2 === 0 && own.push(item as K));
    for (const key of own) if (this.#parent?.get(key) === undefined) keys.push(key);
    return keys;
  }

  /** In order of first insertion. */
  values(): V[] {
    // nearly always: one artifact of one task
    if (this.#parent === undefined && this.#more === undefined)
      return this.#key === undefined ? [] : [this.#value as V];
    return this.keys().map((key) => this.get(key) as V);
  }

  /** In order of first insertion. */
  entries(): IterableIterator<[K, V]> {
    return this.keys()
      .map((key): [K, V] => [key, this.get(key) as V])
      .values();
  }
}
