/**
 * A list and a map that can be forked in O(1). A draft is a fork of the stored fold: it costs what it adds, never what
 * the session has. A parent must not change while a fork of it is in use; LiveSession drops its draft before it applies.
 */
export class LayeredList<T> implements Iterable<T> {
  readonly #parent: LayeredList<T> | undefined;
  readonly #own: T[] = [];

  constructor(parent?: LayeredList<T>) {
    this.#parent = parent;
  }

  get length(): number {
    return (this.#parent?.length ?? 0) + this.#own.length;
  }

  push(item: T): void {
    this.#own.push(item);
  }

  fork(): LayeredList<T> {
    return new LayeredList(this);
  }

  at(index: number): T | undefined {
    const below = this.#parent?.length ?? 0;
    return index < below ? this.#parent?.at(index) : this.#own[index - below];
  }

  /** Newest first, so that a bounded look back never walks the whole conversation. */
  *newestFirst(): Generator<T> {
    for (let i = this.#own.length - 1; i >= 0; i--) yield this.#own[i] as T;
    if (this.#parent !== undefined) yield* this.#parent.newestFirst();
  }

  /** The last `count` items, oldest first. */
  last(count: number): T[] {
    if (count <= 0) return [];
    if (count <= this.#own.length) return this.#own.slice(-count);
    return [...(this.#parent?.last(count - this.#own.length) ?? []), ...this.#own];
  }

  *[Symbol.iterator](): Generator<T> {
    if (this.#parent !== undefined) yield* this.#parent;
    yield* this.#own;
  }
}

export class LayeredMap<K, V> {
  readonly #parent: LayeredMap<K, V> | undefined;
  readonly #own = new Map<K, V>();

  constructor(parent?: LayeredMap<K, V>) {
    this.#parent = parent;
  }

  get(key: K): V | undefined {
    const own = this.#own.get(key);
    return own === undefined ? this.#parent?.get(key) : own;
  }

  /** The value of this layer alone: what may be changed in place. */
  getOwn(key: K): V | undefined {
    return this.#own.get(key);
  }

  set(key: K, value: V): void {
    this.#own.set(key, value);
  }

  fork(): LayeredMap<K, V> {
    return new LayeredMap(this);
  }

  /** In order of first insertion. */
  *entries(): Generator<[K, V]> {
    if (this.#parent !== undefined) {
      for (const [key] of this.#parent.entries()) yield [key, this.get(key) as V];
    }
    for (const [key, value] of this.#own) {
      if (this.#parent?.get(key) === undefined) yield [key, value];
    }
  }
}
