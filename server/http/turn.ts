/**
 * One turn of the event loop: what is asked in it and can be answered in it leaves together at its end. A reader on
 * another core that waits for an answer is woken by the first of them, and not once more by each: that is a third of the
 * time of a request that needs no store. An answer that comes in a later turn has its own moment and goes at once.
 */
export class Turn {
  #number = 0;
  #isOpen = false;
  #writes: (() => void)[] = [];

  /** Which turn it is, for {@link leave}. */
  get number(): number {
    if (!this.#isOpen) {
      this.#isOpen = true;
      setImmediate(this.#end);
    }
    return this.#number;
  }

  /** @param asked the turn in which the request came */
  leave(asked: number, write: () => void): void {
    if (this.#isOpen && asked === this.#number) this.#writes.push(write);
    else write();
  }

  readonly #end = (): void => {
    this.#isOpen = false;
    this.#number += 1;
    const writes = this.#writes;
    if (writes.length === 0) return;
    this.#writes = [];
    for (const write of writes) write();
  };
}
