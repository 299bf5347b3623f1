import type { DurationMs } from '../../protocol/units.ts';
import type { Intent } from './change.ts';

/** What a reader of a stream does not notice, and an agent that is quicker than the store fills with some dozens of chunks. */
const STRIDE_MS: DurationMs = 2;
/** An agent that waits for each chunk to be stored has one under way, and must not wait longer for it. */
const WORTH = 2;

/** Chunks alone: what anybody waits for, or decides on, goes at once. */
const isChunks = ({ records }: Intent): boolean =>
  records.length > 0 && records.every(({ body }) => body.t === 'artifact' && body.append === true);

/**
 * An agent that streams faster than the store answers: between two commits its chunks are let gather for a moment, so
 * that one commit takes many. What stands around the records of a commit is as much as three small chunks.
 */
export class CommitStride {
  #end: (() => void) | undefined;

  /** Behind a commit. @param waiting for the next one */
  isWorth(waiting: readonly Intent[]): boolean {
    return waiting.length >= WORTH && waiting.every(isChunks);
  }

  rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end?.(), STRIDE_MS);
      this.#end = () => {
        clearTimeout(timer);
        this.#end = undefined;
        resolve();
      };
    });
  }

  /** Another change waits. */
  added(intent: Intent): void {
    if (this.#end !== undefined && !isChunks(intent)) this.#end();
  }
}
