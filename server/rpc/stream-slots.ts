import { ProtocolError } from '../../protocol/errors.ts';
import type { Principal } from '../security/principal.ts';

/** How many streams each caller has open. Holds only callers that have any. */
export class StreamSlots {
  readonly #max: number;
  readonly #open = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * @returns gives the slot back; to be called once
   * @throws {ProtocolError} RESOURCE_EXHAUSTED, HTTP 429
   */
  take({ tenant, subject }: Principal): () => void {
    const caller = JSON.stringify([tenant, subject]);
    const open = this.#open.get(caller) ?? 0;
    if (open >= this.#max) {
      throw new ProtocolError('RESOURCE_EXHAUSTED', {
        message: `At most ${this.#max} streams of one caller may be open at one time`,
        metadata: { bound: 'streams', max: String(this.#max) },
        httpStatus: 429,
      });
    }
    this.#open.set(caller, open + 1);
    return () => {
      const left = (this.#open.get(caller) ?? 0) - 1;
      if (left > 0) this.#open.set(caller, left);
      else this.#open.delete(caller);
    };
  }
}
