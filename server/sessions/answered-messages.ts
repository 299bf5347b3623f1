import type { DurationMs } from '../../protocol/units.ts';

/** For ever: whoever delivered the answer, nobody who asks now had asked before. */
const LONG_AGO: DurationMs = -Infinity;

/** A list that is shorter is as long as what is in it. */
const FEW = 16;

/** The user messages of a session whose answer was delivered, by record number, and when this process did so. */
export class AnsweredMessages {
  /**
   * Numbers, ascending, and beside each its monotonic moment, in one list: each session in memory has one of these, and a
   * Map of one entry takes 200 bytes. Absent while there are none, as in a session that is only read.
   */
  #marks: number[] | undefined = undefined;
  /** Of those that are not among the answered any more: the store may yet say that they are. */
  #before: Map<number, DurationMs> | undefined = undefined;

  has(message: number): boolean {
    return this.#marks?.[this.#placeOf(message)] === message;
  }

  /** The store says so, or is told. */
  add(message: number): void {
    if (this.has(message)) return;
    this.#set(message, this.#before?.get(message) ?? LONG_AGO);
  }

  /** This process has delivered it, now. */
  deliver(message: number, mono: DurationMs): void {
    if (!this.has(message)) this.#set(message, mono);
  }

  /** Whether it had been delivered by a moment. */
  wasBy(message: number, mono: DurationMs): boolean {
    const place = this.#placeOf(message);
    return this.#marks?.[place] === message && (this.#marks[place + 1] as DurationMs) <= mono;
  }

  /** Only those up to a record number are answered. */
  dropBehind(head: number): void {
    const marks = this.#marks;
    if (marks === undefined || (marks.at(-2) as number) <= head) return;
    const from = this.#placeOf(head + 1);
    for (let i = from; i < marks.length; i += 2) {
      const [message, at] = [marks[i] as number, marks[i + 1] as DurationMs];
      if (at !== LONG_AGO) (this.#before ??= new Map<number, DurationMs>()).set(message, at);
    }
    this.#marks = from === 0 ? undefined : marks.slice(0, from);
  }

  /** The same as in a copy of the session that was read anew. @param isSame the session has not ended in between */
  adopt(other: AnsweredMessages, isSame: boolean): void {
    if (isSame) this.dropBehind(0);
    else this.clear();
    for (const n of other) this.add(n);
  }

  clear(): void {
    this.#marks = undefined;
    this.#before = undefined;
  }

  /** Their numbers, ascending. */
  [Symbol.iterator](): IterableIterator<number> {
    return (this.#marks ?? []).filter((_, i) => i % 2 === 0).values();
  }

  #set(message: number, at: DurationMs): void {
    if (this.#marks === undefined) this.#marks = [message, at];
    // A list that grows in place has room for 16 more.
    else if (this.#marks.length < FEW)
      this.#marks = this.#marks.toSpliced(this.#placeOf(message), 0, message, at);
    else this.#marks.splice(this.#placeOf(message), 0, message, at);
  }

  /** Where a number stands in the list, or would. */
  #placeOf(message: number): number {
    const marks = this.#marks;
    if (marks === undefined) return 0;
    let [low, high] = [0, marks.length / 2];
    // the last ones are asked for most
    if (high > 0 && (marks[marks.length - 2] as number) < message) return marks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((marks[2 * middle] as number) < message) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }
}
