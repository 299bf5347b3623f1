import type { DurationMs } from '../../protocol/units.ts';
import type { InstanceStore, Unwatch } from './instance-store.ts';
import type { LiveSession } from './live-session.ts';

/** The safety poll behind the wake-ups: a hint may be lost, and nobody is told of that. */
const POLL_MS: DurationMs = 1_000;
/** Not all of them in step. */
const POLL_SPREAD = 0.2;

/** What a watched session was found to be when it was last read. */
export interface WatchedLook {
  readonly isThere: boolean;
  /** Why it could not be read, when that was not the store's absence. */
  readonly fault?: Error;
}

/** Who reads what is watched. */
export interface WatchReader {
  /** Brings a session up to date. @returns whether it is there */
  catchUp(session: LiveSession): Promise<boolean>;
  isAway(): boolean;
}

interface Watched {
  count: number;
  unwatch: Unwatch | undefined;
  timer: NodeJS.Timeout | undefined;
  isReading: boolean;
  /** Something came while it was being read. */
  isDue: boolean;
  isOver: boolean;
  look: WatchedLook | undefined;
}

/**
 * Sessions to which other instances write while somebody here wants to know: each is read when a hint comes, when hints
 * begin to come, and now and then in any case. One read at a time, and one more for all that came meanwhile.
 */
export class SessionWatches {
  readonly #store: Pick<InstanceStore, 'watch'>;
  readonly #reader: WatchReader;
  readonly #watched = new Map<LiveSession, Watched>();

  constructor(store: Pick<InstanceStore, 'watch'>, reader: WatchReader) {
    this.#store = store;
    this.#reader = reader;
  }

  get size(): number {
    return this.#watched.size;
  }

  /** @param session pinned until the watch has ended @returns how to end it; idempotent */
  watch(session: LiveSession): () => void {
    const watched = this.#watched.get(session) ?? this.#begin(session);
    watched.count += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      watched.count -= 1;
      if (watched.count === 0) this.#end(session, watched);
    };
  }

  /** What the last read of a watched session has brought; undefined before the first. */
  lookOf(session: LiveSession): WatchedLook | undefined {
    return this.#watched.get(session)?.look;
  }

  close(): void {
    for (const [session, watched] of [...this.#watched]) this.#end(session, watched);
  }

  #begin(session: LiveSession): Watched {
    const watched: Watched = {
      count: 0,
      unwatch: undefined,
      timer: undefined,
      isReading: false,
      isDue: false,
      isOver: false,
      look: undefined,
    };
    this.#watched.set(session, watched);
    this.#schedule(session, watched);
    void this.#subscribe(session, watched);
    return watched;
  }

  #end(session: LiveSession, watched: Watched): void {
    watched.isOver = true;
    this.#watched.delete(session);
    clearTimeout(watched.timer);
    watched.unwatch?.();
  }

  async #subscribe(session: LiveSession, watched: Watched): Promise<void> {
    const onWake = (head?: number): void => {
      // Our own commit's hint and its answer come at the same time, in any order: the answer gets its turn first.
      setImmediate(() => {
        if (!isKnown(session, head)) void this.#read(session, watched);
      });
    };
    // Without hints there is still the poll.
    const unwatch = await this.#store.watch(session.ref, onWake).catch(() => () => undefined);
    if (watched.isOver) {
      unwatch();
      return;
    }
    watched.unwatch = unwatch;
    // What was written before hints came.
    void this.#read(session, watched);
  }

  #schedule(session: LiveSession, watched: Watched): void {
    const everyMs = POLL_MS * (1 + POLL_SPREAD * (2 * Math.random() - 1));
    watched.timer = setTimeout(() => {
      void this.#read(session, watched);
      this.#schedule(session, watched);
    }, everyMs).unref();
  }

  /** Never rejects. While the store is away nothing is read: a session that is watched is read when it is back. */
  async #read(session: LiveSession, watched: Watched): Promise<void> {
    watched.isDue = true;
    if (watched.isReading) return;
    watched.isReading = true;
    try {
      while (watched.isDue && !watched.isOver && !this.#reader.isAway()) {
        watched.isDue = false;
        watched.look = await this.#look(session);
      }
    } finally {
      watched.isReading = false;
    }
  }

  async #look(session: LiveSession): Promise<WatchedLook> {
    try {
      // Memory answers for a store that could not be asked: that nothing is there is then not known.
      return { isThere: (await this.#reader.catchUp(session)) || !session.isConfirmed };
    } catch (error) {
      return { isThere: true, fault: error instanceof Error ? error : new Error(String(error)) };
    }
  }
}

/** Whether a hint says nothing new. A session that began anew under the same id is left to the poll. */
function isKnown({ journal: { session } }: LiveSession, head: number | undefined): boolean {
  return head !== undefined && head > 0 && session.exists && head <= session.head;
}
