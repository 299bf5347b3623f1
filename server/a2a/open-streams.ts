import { Audiences } from './audience.ts';

/** A stream that somebody may be reading. */
export interface OpenStream {
  /** Whether an executor of this process is at work on what it tells. */
  readonly isFed: boolean;
  /** What is known is told, and then it ends; its reader comes back with its cursor. */
  end(): void;
}

/** The streams of this process that are open, so that a server that stops can end them. */
export class OpenStreams {
  readonly audiences = new Audiences();
  readonly #streams = new Set<OpenStream>();
  #isClosed = false;

  get size(): number {
    return this.#streams.size;
  }

  add(stream: OpenStream): void {
    this.#streams.add(stream);
    if (this.#isClosed) stream.end();
  }

  delete(stream: OpenStream): void {
    this.#streams.delete(stream);
  }

  /** Those for which nobody here is working: they would wait for nothing. */
  endIdle(): void {
    for (const stream of [...this.#streams]) if (!stream.isFed) stream.end();
  }

  /** All of them, and every one that comes. */
  close(): void {
    this.#isClosed = true;
    for (const stream of [...this.#streams]) stream.end();
  }
}
