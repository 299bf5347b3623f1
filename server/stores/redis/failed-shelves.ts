/** A write that leaves nothing behind, with commands that commits use too. KEYS 1 a key that nobody else has */
export const TOUCH = `
redis.call('ZADD', KEYS[1], 0, '')
return redis.call('PEXPIRE', KEYS[1], 1)
`;

/** The latest are enough: they are spread over the masters that failed as sessions are. */
const FAILED_MAX = 8;

/**
 * Which shelves of a cluster did not answer the last time they were asked. The registry may well be on another master
 * than they: that it answers says nothing of them.
 */
export class FailedShelves {
  readonly #shelves = new Set<string>();

  /** @param key any of the shelf */
  failed(key: string | undefined): void {
    const shelf = shelfOf(key);
    this.#shelves.delete(shelf);
    this.#shelves.add(shelf);
    const [oldest] = this.#shelves;
    if (this.#shelves.size > FAILED_MAX && oldest !== undefined) this.#shelves.delete(oldest);
  }

  answered(key: string | undefined): void {
    if (this.#shelves.size > 0) this.#shelves.delete(shelfOf(key));
  }

  /** A key on each of them, for {@link TOUCH}. */
  get probes(): string[] {
    return [...this.#shelves].map((shelf) => `${shelf}probe`);
  }
}

/** Up to and with the colon behind the hash tag. */
const shelfOf = (key = ''): string => key.slice(0, key.indexOf('}') + 2);
