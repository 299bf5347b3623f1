/** What happened in a scenario, in the order in which it was noticed. Moments are of `performance.now()`. */
import type { Dialect } from '../../protocol/model.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { TaskSeen } from '../recovery/recovery-checker.ts';
import type { Incarnation } from './fleet.ts';

export type Moment = DurationMs;

/** One event of a stream, as a client got it. */
export interface EventSeen {
  readonly at: Moment;
  /** Its `id`; absent where one record is told in several frames, on all but the last. */
  readonly cursor: string | undefined;
  /** What the client knew of the task after it. */
  readonly state: string;
  /** Chunks of artifacts it has seen so far; makes a doubled one countable. */
  readonly chunks: number;
  /** The task as it stands, told instead of the events before. */
  readonly isSnapshot: boolean;
}

export type OperationKind = 'send' | 'stream' | 'resume' | 'subscribe' | 'get' | 'list' | 'cancel';

/**
 * How an attempt ended: `answered`; `refused` with an error; `broken`: the connection failed, or a stream ended before
 * its task; `abandoned`: the client waited no longer.
 */
export type OutcomeKind = 'answered' | 'refused' | 'broken' | 'abandoned';

/** One attempt of a client: one request. A message that is sent again is another attempt with the same `key`. */
export interface Operation {
  readonly kind: OperationKind;
  readonly client: string;
  readonly dialect: Dialect;
  readonly instance: Incarnation;
  readonly startedAt: Moment;
  readonly endedAt: Moment;
  readonly outcome: OutcomeKind;
  /** Of a send or stream: the message's id, in 0.1 that of the task: what names it in the journal. */
  readonly key?: string;
  readonly text?: string;
  /** As the client asked for it. */
  readonly session?: string;
  /** Of a get, cancel, resume or subscribe: the task asked for. */
  readonly task?: string;
  /** Of a resume: where it goes on. */
  readonly cursor?: string;
  /** The header, where there was one. Absent on reads of what is stored. */
  readonly persistence?: 'stored' | 'deferred';
  /** The task in the answer; of a stream what it came to. */
  readonly seen?: TaskSeen;
  /** Of a list. */
  readonly listed?: readonly TaskSeen[];
  readonly events?: readonly EventSeen[];
  /** The head of a stream has come: what is silent after it is not lost. */
  readonly isOpen?: boolean;
  readonly error?: { readonly reason: string; readonly status: number; readonly retry: boolean };
  /** The answer takes no longer than the server does: no agent was waited for. */
  readonly isQuick: boolean;
}

/** What was done to the servers and stores, and what was noticed of them. */
export type Mark =
  | {
      readonly kind: 'started' | 'stopping' | 'stopped' | 'paused' | 'resumed';
      readonly instance: Incarnation;
    }
  /** What an instance says to the store may not get there, and what it is answered may not come back. */
  | { readonly kind: 'cut' | 'joined'; readonly instance: Incarnation }
  | { readonly kind: 'killed'; readonly instance: Incarnation; readonly how: string }
  | { readonly kind: 'fault' | 'healed'; readonly name: string }
  /** All that was acknowledged before is gone. */
  | { readonly kind: 'lost' }
  /** An instance was asked at `askedAt` how much waits for the store. */
  | {
      readonly kind: 'pending';
      readonly instance: Incarnation;
      readonly askedAt: Moment;
      readonly records: number;
      readonly ready: boolean;
    };

export type MarkAt = Mark & { readonly at: Moment };

export class History {
  readonly operations: Operation[] = [];
  readonly marks: MarkAt[] = [];

  add(operation: Operation): void {
    this.operations.push(operation);
  }

  mark(mark: Mark): void {
    this.marks.push({ ...mark, at: performance.now() });
  }
}
