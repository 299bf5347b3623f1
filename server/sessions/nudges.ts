import type { InstanceStore, Unwatch } from './instance-store.ts';
import type { SessionRef } from './session-ref.ts';

/** In a nudge: it is not about a session, but there is a new order to erase. No session has it for an id. */
export const NO_SESSION = '';

/** Instances ask each other to look at a session at once. Hints only: nobody is told when one is lost. */
export class Nudges {
  readonly #instance: string;
  readonly #store: InstanceStore;
  readonly #isAway: () => boolean;
  readonly #listening = new Set<() => void>();

  constructor(instance: string, store: InstanceStore, isAway: () => boolean) {
    this.#instance = instance;
    this.#store = store;
    this.#isAway = isAway;
  }

  /** Never rejects. */
  async send(instance: string, ref: SessionRef): Promise<void> {
    if (!this.#isAway()) await this.#store.nudge(instance, ref).catch(() => undefined);
  }

  /** Hears that there is a new order to erase. @returns how to stop */
  onOrder(listener: () => void): () => void {
    return this.#listen(({ sessionId }) => {
      if (sessionId === NO_SESSION) listener();
    });
  }

  /** Hears those for this instance, as far as they come. @returns how to stop */
  listen(listener: (ref: SessionRef) => void): () => void {
    return this.#listen((ref) => {
      if (ref.sessionId !== NO_SESSION) listener(ref);
    });
  }

  #listen(listener: (ref: SessionRef) => void): () => void {
    let unwatch: Unwatch | undefined;
    let isOver = false;
    const stop = (): void => {
      isOver = true;
      this.#listening.delete(stop);
      unwatch?.();
    };
    this.#listening.add(stop);
    const begun = (end: Unwatch): void => {
      unwatch = end;
      if (isOver) end();
    };
    // Whoever counts on a nudge looks for itself as well.
    this.#store.onNudge(this.#instance, listener).then(begun, () => undefined);
    return stop;
  }

  close(): void {
    for (const stop of [...this.#listening]) stop();
  }
}
