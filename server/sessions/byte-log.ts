import type { Bytes, DurationMs } from '../../protocol/units.ts';

/** What is begun in one slab ends in it. Small beside any bound, and large beside what it holds. */
const SLAB: Bytes = 262_144;
/** What is larger has memory of its own, so that no more than an eighth of a slab stays empty at its end. */
const LARGE: Bytes = SLAB / 8;

/** In front of each entry: its length here, its hash, the entry of the same slot before it, when it was written, flags. */
const HASH_AT = 4;
const BEFORE_AT = 8;
const WRITTEN_AT = 16;
const FLAGS_AT = 24;
const HEADER: Bytes = 25;
const IS_GONE = 1;
const IS_APART = 2;

/** Where an entry begins, in all that was ever written: the number of the slab times its size, and the place in it. */
export type Position = number;
const NOWHERE: Position = 0;

/** A stretch of memory that the garbage collector does not look into. */
export class Slab {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Behind its last entry. */
  end = 0;

  constructor(size: Bytes) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Where the content of the next entry is to be written. */
  get next(): number {
    return this.end + HEADER;
  }
}

/** An entry as it is looked at. Its content is not to be read any more once something else was written or dropped. */
export interface Entry {
  readonly position: Position;
  readonly hash: number;
  readonly writtenAt: DurationMs;
  readonly isGone: boolean;
  /** Where the content lies, and where in it that begins. */
  readonly slab: Slab;
  readonly start: number;
}

/**
 * Entries of bytes, the oldest of which go first. They lie in slabs that are used again: nothing of an entry is an object,
 * so that the garbage collector has no work with them, however many they are and however long they stay. Those of one hash
 * are found from the newest back, each names the one before it: as old ones go the chain just ends earlier.
 */
export class ByteLog {
  /** Oldest first; entries are written to the last. */
  #slabs: Slab[] = [];
  /** From 1, so that no position is 0. */
  #firstSlab = 1;
  #spare: Slab | undefined;
  /** In the first slab: where the oldest entry begins. */
  #oldest = 0;
  /** By slot, of which there are about as many as entries: the newest of its entries. It may be gone long since. */
  readonly #newest: Float64Array;
  /** Large contents, by the position of their entry. */
  readonly #apart = new Map<Position, Slab>();
  #count = 0;
  #bytes: Bytes = 0;

  /** @param entries about as many as there will be at most */
  constructor(entries: number) {
    this.#newest = new Float64Array(2 ** Math.ceil(Math.log2(entries)));
  }

  /** Entries that have not left; also those that are marked as gone. */
  get count(): number {
    return this.#count;
  }
  get bytes(): Bytes {
    return this.#bytes;
  }

  /** Where the content of an entry may be written, from `next` on. It becomes one when it is sealed, at once. */
  begin(room: Bytes): Slab {
    return room > LARGE ? new Slab(HEADER + room) : this.#slabWith(room);
  }

  /**
   * @param slab what `begin` gave
   * @param end behind the content
   */
  seal(slab: Slab, end: number, hash: number, writtenAt: DurationMs): void {
    const isApart = slab !== this.#slabs.at(-1);
    const into = isApart ? this.#slabWith(0) : slab;
    const start = into.end;
    into.end = isApart ? start + HEADER : end;
    const position = this.#positionIn(this.#slabs.length - 1, start);
    const slot = this.#slotOf(hash);
    const { view } = into;
    view.setUint32(start, into.end - start, true);
    view.setUint32(start + HASH_AT, hash, true);
    view.setFloat64(start + BEFORE_AT, this.#newest[slot] ?? NOWHERE, true);
    view.setFloat64(start + WRITTEN_AT, writtenAt, true);
    view.setUint8(start + FLAGS_AT, isApart ? IS_APART : 0);
    this.#newest[slot] = position;
    this.#count += 1;
    this.#bytes += into.end - start;
    if (!isApart) return;
    slab.end = end;
    this.#apart.set(position, slab);
    this.#bytes += slab.bytes.length;
  }

  /** The newest entry that may be of this hash, or of another that shares its slot. */
  newest(hash: number): Entry | undefined {
    return this.#at(this.#newest[this.#slotOf(hash)] ?? NOWHERE);
  }

  /** The one before it in its slot. */
  before({ position }: Entry): Entry | undefined {
    const slab = this.#slabs[this.#indexOf(position)];
    return slab && this.#at(slab.view.getFloat64(this.#placeOf(position) + BEFORE_AT, true));
  }

  /** All of them, oldest first; also those that are gone. */
  *all(): Generator<Entry> {
    let place = this.#oldest;
    for (const [index, slab] of this.#slabs.entries()) {
      while (place < slab.end) {
        const entry = this.#at(this.#positionIn(index, place));
        if (entry !== undefined) yield entry;
        place += slab.view.getUint32(place, true);
      }
      place = 0;
    }
  }

  /** Marks it: its room is free when everything before it has left. */
  drop({ position }: Entry): void {
    const view = this.#slabs[this.#indexOf(position)]?.view;
    const flagsAt = this.#placeOf(position) + FLAGS_AT;
    view?.setUint8(flagsAt, view.getUint8(flagsAt) | IS_GONE);
  }

  /** Lets the oldest go: those that are marked, those written before a moment, and as many as are too many. */
  prune(before: DurationMs, maxBytes: Bytes, maxCount: number): void {
    for (;;) {
      const slab = this.#slabs[0];
      if (slab === undefined || this.#count === 0) return;
      const start = this.#oldest;
      const flags = slab.view.getUint8(start + FLAGS_AT);
      const isOver = this.#bytes > maxBytes || this.#count > maxCount;
      const isGone = (flags & IS_GONE) !== 0;
      if (!isOver && !isGone && slab.view.getFloat64(start + WRITTEN_AT, true) >= before) return;
      this.#removeOldest(slab, flags);
    }
  }

  #removeOldest(slab: Slab, flags: number): void {
    if ((flags & IS_APART) !== 0) {
      const position = this.#positionIn(0, this.#oldest);
      this.#bytes -= this.#apart.get(position)?.bytes.length ?? 0;
      this.#apart.delete(position);
    }
    const length = slab.view.getUint32(this.#oldest, true);
    this.#count -= 1;
    this.#bytes -= length;
    this.#oldest += length;
    if (this.#oldest < slab.end) return;
    // Under another number when it is used again: no position ever means two entries.
    this.#slabs.shift();
    this.#firstSlab += 1;
    this.#oldest = 0;
    slab.end = 0;
    this.#spare = slab;
  }

  /** @returns undefined for one that has left */
  #at(position: Position): Entry | undefined {
    const index = this.#indexOf(position);
    const place = this.#placeOf(position);
    if (index < 0 || (index === 0 && place < this.#oldest)) return undefined;
    const slab = this.#slabs[index];
    if (slab === undefined) return undefined;
    const { view } = slab;
    const flags = view.getUint8(place + FLAGS_AT);
    const apart = (flags & IS_APART) === 0 ? undefined : this.#apart.get(position);
    return {
      position,
      hash: view.getUint32(place + HASH_AT, true),
      writtenAt: view.getFloat64(place + WRITTEN_AT, true),
      isGone: (flags & IS_GONE) !== 0,
      slab: apart ?? slab,
      start: apart === undefined ? place + HEADER : HEADER,
    };
  }

  #slabWith(room: Bytes): Slab {
    const last = this.#slabs.at(-1);
    if (last !== undefined && last.next + room <= SLAB) return last;
    const slab = this.#spare ?? new Slab(SLAB);
    this.#spare = undefined;
    this.#slabs.push(slab);
    return slab;
  }

  /** Some bits of each half, because hashes are made by multiplication: its lower bits know nothing of the higher ones. */
  #slotOf(hash: number): number {
    return (hash ^ (hash >>> 16)) & (this.#newest.length - 1);
  }
  #positionIn(index: number, place: number): Position {
    return (this.#firstSlab + index) * SLAB + place;
  }
  #indexOf(position: Position): number {
    return Math.floor(position / SLAB) - this.#firstSlab;
  }
  #placeOf(position: Position): number {
    return position - Math.floor(position / SLAB) * SLAB;
  }
}
