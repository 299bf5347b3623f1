import type { Dialect, StreamEvent } from '../../protocol/model.ts';
import type { RecordBody } from '../sessions/records.ts';
import type { EventTexts } from './call.ts';
import type { TaskEvents } from './task-events.ts';

/** As many as a session keeps of its last records: streams that are told from memory are within these of one another. */
const MAX_EVENTS = 2_048;
const MAX_CHARS = 1_048_576;

/** An event, and its JSON in each dialect that it was told in. */
export class SharedEvent implements EventTexts {
  readonly event: StreamEvent;
  /** Whether a stream ends with it: the same record may end one and not another. */
  readonly isLast: boolean;
  chars = 0;
  readonly #onGrowth: (event: SharedEvent, chars: number) => void;
  #v1: readonly string[] | undefined;
  #v03: readonly string[] | undefined;
  #v01: readonly string[] | undefined;

  constructor(event: StreamEvent, isLast: boolean, onGrowth: (event: SharedEvent, chars: number) => void) {
    this.event = event;
    this.isLast = isLast;
    this.#onGrowth = onGrowth;
  }

  in(dialect: Dialect, make: (event: StreamEvent) => readonly string[]): readonly string[] {
    switch (dialect) {
      case 'v1':
        return (this.#v1 ??= this.#made(make));
      case 'v03':
        return (this.#v03 ??= this.#made(make));
      case 'v01':
        return (this.#v01 ??= this.#made(make));
    }
  }

  #made(make: (event: StreamEvent) => readonly string[]): readonly string[] {
    const texts = make(this.event);
    let chars = 0;
    for (const text of texts) chars += text.length;
    this.#onGrowth(this, chars);
    return texts;
  }
}

/**
 * The last events of one task, while more than one stream tells them: each is made once, and written once in each dialect.
 * They go by their records, which are the same objects for all that are told from memory; who reads the store shares nothing.
 */
export class SharedEvents {
  #isShared = false;
  readonly #events = new Map<RecordBody, SharedEvent>();
  #chars = 0;

  /** How many are kept. */
  get size(): number {
    return this.#events.size;
  }

  get chars(): number {
    return this.#chars;
  }

  /** Whether there is anybody to share with. */
  set isShared(isShared: boolean) {
    this.#isShared = isShared;
    if (!isShared) this.clear();
  }

  /** What is kept may not be what would be told now. */
  clear(): void {
    this.#events.clear();
    this.#chars = 0;
  }

  /** @returns undefined where there is nobody to share with, and for what is no event */
  of(body: RecordBody, isLast: boolean, events: Pick<TaskEvents, 'toEvent'>): SharedEvent | undefined {
    if (!this.#isShared) return undefined;
    const known = this.#events.get(body);
    if (known !== undefined) return known.isLast === isLast ? known : undefined;
    const event = events.toEvent(body, isLast);
    if (event === undefined) return undefined;
    const shared = new SharedEvent(event, isLast, (grown, chars) => {
      // One that is not kept any more may still be told.
      if (this.#events.get(body) === grown) this.#grow(grown, chars);
    });
    this.#events.set(body, shared);
    this.#trim();
    return shared;
  }

  #grow(event: SharedEvent, chars: number): void {
    event.chars += chars;
    this.#chars += chars;
    this.#trim();
  }

  #trim(): void {
    for (const [body, { chars }] of this.#events) {
      if (this.#events.size <= MAX_EVENTS && (this.#chars <= MAX_CHARS || this.#events.size === 1)) return;
      this.#events.delete(body);
      this.#chars -= chars;
    }
  }
}
