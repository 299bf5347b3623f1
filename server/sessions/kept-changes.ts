import type { Intent } from './change.ts';
import type { KeptBase } from './outage-journal.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';

/** The changes of one session that wait for the store, as the outage journal is to know them. Does nothing without one. */
export class KeptChanges {
  readonly #parts: SessionParts;
  readonly #ref: SessionRef;
  readonly #base: () => KeptBase;
  /** As it was last written. */
  #written = '';
  #keeping: Promise<unknown> = Promise.resolve();

  /** @param base what the session stands on now */
  constructor(parts: SessionParts, ref: SessionRef, base: () => KeptBase) {
    this.#parts = parts;
    this.#ref = ref;
    this.#base = base;
  }

  get wasUsed(): boolean {
    return this.#written !== '';
  }

  /** Resolves in the order of the calls. @returns undefined when there is nothing to wait for */
  keep(intents: readonly Intent[]): Promise<void> | undefined {
    const { outage, clock } = this.#parts;
    if (outage === undefined || intents.length === 0) return undefined;
    const [mono, now] = [clock.mono(), clock.now()];
    const changes = intents.map((intent) => {
      intent.kept = intent.records[0]?.identity;
      const { records, since, options, decidedOn } = intent;
      return { records, at: Math.round(now - (mono - since)), slides: options.slides ?? true, decidedOn };
    });
    const base = this.#base();
    this.#written = JSON.stringify(base);
    // A disk that has just failed is not waited for: that is no reason to overtake what still waits for it.
    const kept = Promise.all([this.#keeping, outage.keep(this.#ref, base, changes)]).then(() => undefined);
    this.#keeping = kept;
    return kept;
  }

  /** It waits no longer. */
  release({ kept }: Intent): void {
    if (kept !== undefined) this.#parts.outage?.release(this.#ref, kept);
  }

  /** Before an attempt to begin the session, and after one: what still waits stands on something else now. */
  moved(waiting: readonly Intent[]): void {
    const { outage } = this.#parts;
    if (outage === undefined) return;
    const base = this.#base();
    const written = JSON.stringify(base);
    const instances = new Set(waiting.flatMap(({ kept }) => kept?.instance ?? []));
    if (written === this.#written || instances.size === 0) return;
    this.#written = written;
    for (const instance of instances) outage.rebase(this.#ref, instance, base);
  }
}
