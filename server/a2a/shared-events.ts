import type { Dialect, StreamEvent } from '../../protocol/model.ts';
import type { LiveSession } from '../sessions/live-session.ts';
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
  #readers = 0;
  readonly #events = new Map<RecordBody, SharedEvent>();
  #chars = 0;

  /** How many are kept. */
  get size(): number {
    return this.#events.size;
  }

  get chars(): number {
    return this.#chars;
  }

  get readers(): number {
    return this.#readers;
  }

  enter(): void {
    this.#readers += 1;
  }

  leave(): void {
    this.#readers -= 1;
    if (this.#readers <= 1) this.clear();
  }

  /** What is kept may not be what would be told now. */
  clear(): void {
    this.#events.clear();
    this.#chars = 0;
  }

  /** @returns undefined where there is nobody to share with, and for what is no event */
  of(body: RecordBody, isLast: boolean, events: Pick<TaskEvents, 'toEvent'>): SharedEvent | undefined {
    if (this.#readers <= 1) return undefined;
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

/** Those of all tasks that streams are open for. */
export class Audiences {
  readonly #sessions = new WeakMap<LiveSession, Map<string, SharedEvents>>();

  /** @param local task id @returns to be left once */
  enter(session: LiveSession, local: string): SharedEvents {
    const tasks = this.#sessions.get(session) ?? new Map<string, SharedEvents>();
    this.#sessions.set(session, tasks);
    const shared = tasks.get(local) ?? new SharedEvents();
    tasks.set(local, shared);
    shared.enter();
    return shared;
  }

  leave(session: LiveSession, local: string): void {
    const tasks = this.#sessions.get(session);
    const shared = tasks?.get(local);
    if (tasks === undefined || shared === undefined) return;
    shared.leave();
    if (shared.readers > 0) return;
    tasks.delete(local);
    if (tasks.size === 0) this.#sessions.delete(session);
  }
}
