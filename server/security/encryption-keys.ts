import type { KeyObject } from 'node:crypto';
import type { DurationMs } from '../../protocol/units.ts';

/** The keys of one file. */
export interface KeySet {
  /** Id of the key that seals from now on. */
  readonly active: string;
  /** Key id -> 256 bits. */
  readonly keys: ReadonlyMap<string, KeyObject>;
}

export interface EncryptionKeysOptions {
  readonly set: KeySet;
  /** The keys that hold from now on; undefined while nothing has changed, or what there is cannot be used. Never rejects. */
  readonly reread: () => Promise<KeySet | undefined>;
  readonly mono: () => DurationMs;
}

/** A changed file is read at the latest so long after, by a process that uses its keys. */
export const LOOK_EVERY_MS: DurationMs = 2_000;

/** The keys that records are sealed with. They change while the process runs: an operator rotates them. */
export class EncryptionKeys {
  readonly #options: EncryptionKeysOptions;
  #set: KeySet;
  #lookAt: DurationMs;
  #last: Promise<void> = Promise.resolve();

  constructor(options: EncryptionKeysOptions) {
    this.#options = options;
    this.#set = options.set;
    this.#lookAt = options.mono() + LOOK_EVERY_MS;
  }

  get active(): string {
    return this.#set.active;
  }

  find(id: string): KeyObject | undefined {
    return this.#set.keys.get(id);
  }

  /** Looks for a changed file now and then. Nobody waits for it: until it is read the keys before hold, and are right. */
  look(): void {
    const now = this.#options.mono();
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_EVERY_MS;
    void this.refresh();
  }

  /** Looks now, for a key that is not known. One after the other: what was begun earlier may have seen the old file. */
  refresh(): Promise<void> {
    this.#last = this.#last.then(async () => {
      const set = await this.#options.reread();
      if (set !== undefined) this.#set = set;
    });
    return this.#last;
  }
}
