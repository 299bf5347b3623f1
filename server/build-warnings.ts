import type { Log } from './observability/log-events.ts';
import type { InstanceStore, StoreWarning } from './sessions/instance-store.ts';

const EVENTS = { evicts: 'store_may_evict', volatile: 'store_not_durable' } as const;

/** What an operator should know of how the store is set up. It is asked after each outage: it may be another one. */
export class StoreWarnings {
  readonly #store: Pick<InstanceStore, 'warnings'>;
  readonly #log: Log;
  readonly #told = new Set<string>();
  #found: readonly StoreWarning[] = [];

  constructor(store: Pick<InstanceStore, 'warnings'>, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** As it was found the last time that the store answered. */
  get found(): readonly {
    readonly reason: (typeof EVENTS)[StoreWarning['concern']];
    readonly text: string;
  }[] {
    return this.#found.map(({ concern, text }) => ({ reason: EVENTS[concern], text }));
  }

  /** Asks; tells each finding once. Never throws. */
  async look(): Promise<void> {
    try {
      this.#found = await this.#store.warnings();
    } catch {
      // Away again: asked when it is back.
      return;
    }
    for (const { concern, text } of this.#found) {
      if (this.#told.has(text)) continue;
      this.#told.add(text);
      this.#log(EVENTS[concern], { why: text });
    }
  }
}
