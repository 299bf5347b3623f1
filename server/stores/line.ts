/** Stands in at most one {@link Line}, which alone sets this. */
export interface InLine<T> {
  before: T | undefined;
  behind: T | undefined;
  isInLine: boolean;
}

/**
 * What waits, in the order in which it came. Not a Set: one that some thousands come to and leave each second is made
 * larger and smaller all the time, and each object in it needs a hash, together 1 % of a send.
 */
export class Line<T extends InLine<T>> {
  #first: T | undefined = undefined;
  #last: T | undefined = undefined;

  get first(): T | undefined {
    return this.#first;
  }

  add(one: T): void {
    one.isInLine = true;
    one.before = this.#last;
    if (this.#last === undefined) this.#first = one;
    else this.#last.behind = one;
    this.#last = one;
  }

  /** @returns whether it stood there */
  delete(one: T): boolean {
    if (!one.isInLine) return false;
    const { before, behind } = one;
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    one.isInLine = false;
    one.before = undefined;
    one.behind = undefined;
    return true;
  }
}
