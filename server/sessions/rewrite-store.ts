/** Stored texts in another form: sealed with another key, packed or not. Part of `SessionStore`. */
import type { SessionRef } from './session-ref.ts';

export interface Rewrite {
  /** Number of a record, or the local part of a task's id for its summary. */
  readonly at: number | string;
  /** As it was read, byte for byte. */
  readonly from: string;
  /** Has to say the same: nobody is told. */
  readonly to: string;
}

export interface RewriteStore {
  /**
   * Beside the journals, no head, no TTL, no wake-up: puts texts in the place of others, each only where the session still
   * has this epoch and the text there is still `from`. The size of the session follows. Texts are as they are stored, also
   * through a store that seals. May be repeated.
   *
   * @returns how many it has put
   * @throws {SessionDamagedError}
   */
  rewrite(ref: SessionRef, epoch: string, rewrites: readonly Rewrite[]): Promise<number>;
}
