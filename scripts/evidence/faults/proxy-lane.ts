import type { Socket } from 'node:net';
import type { Bytes, DurationMs } from '../../../protocol/units.ts';

/** What waits in a lane; more is left to the sender's TCP. */
const QUEUE_MAX_BYTES: Bytes = 1_048_576;

export interface LaneListener {
  /** Something that was said did not arrive and never will. */
  torn(): void;
  /** The last byte that may pass has passed. */
  cut(): void;
}

interface Waiting {
  readonly takenAt: DurationMs;
  /** undefined: the sender has said everything. */
  readonly chunk: Buffer | undefined;
}

/** One direction of one connection: what comes in from one socket goes out of another, or not. */
export class ProxyLane {
  delayMs: DurationMs = 0;
  stopped: 'hold' | 'swallow' | undefined;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #listener: LaneListener;
  readonly #queue: Waiting[] = [];
  #queued: Bytes = 0;
  #left: Bytes = Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, listener: LaneListener) {
    this.#from = from;
    this.#to = to;
    this.#listener = listener;
    from.on('data', this.#take).on('end', this.#take);
    to.on('drain', () => {
      if (this.#queued < QUEUE_MAX_BYTES) from.resume();
    });
  }

  /** So many bytes more, and it is cut. */
  passes(bytes: Bytes): void {
    this.#left = bytes;
  }

  /** Passes on what is due. */
  readonly go = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (let [next] = this.#queue; next !== undefined && this.stopped !== 'hold'; [next] = this.#queue) {
      const waitMs = next.takenAt + this.delayMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(this.go, waitMs);
        return;
      }
      this.#queue.shift();
      this.#pass(next.chunk);
    }
  };

  close(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  readonly #take = (chunk?: Buffer): void => {
    if (this.stopped === 'swallow') {
      this.#listener.torn();
      return;
    }
    this.#queue.push({ takenAt: performance.now(), chunk });
    this.#queued += chunk?.length ?? 0;
    if (this.#queued > QUEUE_MAX_BYTES) this.#from.pause();
    this.go();
  };

  #pass(chunk: Buffer | undefined): void {
    this.#queued -= chunk?.length ?? 0;
    if (this.#to.destroyed) return;
    if (chunk === undefined) {
      this.#to.end();
      return;
    }
    const isLast = chunk.length >= this.#left;
    const part = isLast ? chunk.subarray(0, this.#left) : chunk;
    this.#left -= part.length;
    const hasRoom = this.#to.write(part, () => {
      if (isLast) this.#listener.cut();
    });
    if (hasRoom && this.#queued < QUEUE_MAX_BYTES) this.#from.resume();
  }
}
