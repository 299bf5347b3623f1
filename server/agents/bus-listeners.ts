import { EventEmitter } from 'node:events';
import type { AgentEvent, BusListener, EventName } from './agent-executor.ts';

/** Who listens on one bus. A listener that fails is told of, and harms neither the publisher nor the other listeners. */
export class BusListeners {
  readonly #onFailure: (error: unknown) => void;
  /** Made when the first one listens: most agents only publish. */
  #emitter: EventEmitter | undefined;

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  on(name: EventName, listener: BusListener): void {
    this.#listeners.on(name, listener);
  }

  once(name: EventName, listener: BusListener): void {
    this.#listeners.once(name, listener);
  }

  off(name: EventName, listener: BusListener): void {
    this.#emitter?.off(name, listener);
  }

  removeAll(name?: EventName): void {
    // Undefined would be the name of an event to the emitter.
    if (name === undefined) this.#emitter = undefined;
    else this.#emitter?.removeAllListeners(name);
  }

  /** @param bus what listeners have as `this` */
  tell(bus: object, name: 'event', event: AgentEvent): void;
  tell(bus: object, name: 'finished'): void;
  tell(bus: object, name: EventName, ...args: AgentEvent[]): void {
    // `emit` would stop at the first that throws. The raw ones of `once` take themselves off.
    for (const listener of this.#emitter?.rawListeners(name) ?? []) {
      try {
        const result: unknown = listener.apply(bus, args);
        if (result instanceof Promise) result.catch(this.#onFailure);
      } catch (error) {
        this.#onFailure(error);
      }
    }
  }

  get #listeners(): EventEmitter {
    // Without its warning of a leak: it ends with its run.
    this.#emitter ??= new EventEmitter().setMaxListeners(0);
    return this.#emitter;
  }
}
