import { expect } from 'chai';
import type { TaskState } from '../../protocol/task-state.ts';
import type { Bytes, DurationMs, EpochMs } from '../../protocol/units.ts';
import type { SessionRef } from '../../server/sessions/session-ref.ts';
import type {
  AliasEntry,
  CommitRequest,
  CommitResult,
  Cursor,
  Expiry,
  JournalRead,
  SessionStore,
  TaskIndexEntry,
} from '../../server/sessions/session-store.ts';

export interface IndexedTask {
  readonly state: TaskState;
  readonly statusAt: EpochMs;
  readonly summary: string | undefined;
}

/** One store, empty, and what a test may do behind its back. */
export interface Harness {
  readonly store: SessionStore;
  /** What keeps the texts where `store` only seals them. */
  readonly raw?: SessionStore;
  /** Moves store time forward by at least this. */
  elapse(ms: DurationMs): Promise<void>;
  /** The tasks that the indexes name, by encoded task id. Throws when the indexes contradict each other. */
  tasks(tenant: string): Promise<ReadonlyMap<string, IndexedTask>>;
  /** Damages what is stored; absent where nothing can be. */
  readonly damage?: {
    /** Deletes a record. */
    record(ref: SessionRef, n: number): Promise<void>;
    /** Makes the head unreadable. */
    head(ref: SessionRef): Promise<void>;
  };
  /** What a record takes where it is stored. Absent: its own bytes. */
  readonly sizeOf?: (json: string) => Bytes;
  /** Another store on the same content, as another instance would have; closed with this one. */
  other(): Promise<SessionStore>;
  close(): Promise<void>;
}

/** What a double cannot do, with the reason. */
export type Capability = 'damage' | 'close' | 'hints' | 'limits';

export interface ContractOptions {
  open(): Promise<Harness>;
  readonly cannot?: Partial<Record<Capability, string>>;
}

/** What each part of the suite gets. */
export interface Suite {
  readonly harness: Harness;
  readonly store: SessionStore;
  /** What records take where they are stored. */
  readonly sizeOf: (...jsons: readonly string[]) => Bytes;
  /** Like `it`, unless this store cannot. */
  readonly needs: (capability: Capability) => (title: string, test: () => Promise<void>) => void;
}

export const HOUR: DurationMs = 3_600_000;
export const SLIDE: Expiry = { kind: 'slide', ttlMs: HOUR };
export const KEEP: Expiry = { kind: 'keep' };
export const START: Cursor = { epoch: '', head: 0, w: '' };

export const refOf = (sessionId = 's1', tenant = 'acme'): SessionRef => ({ tenant, sessionId });

type More = Partial<CommitRequest>;

/** `instance` i1 writes; `seq` says from where it counts. */
export function requestAt(
  expected: Cursor,
  seq: number,
  jsons: readonly string[],
  more: More = {},
): CommitRequest {
  const records = jsons.map((json, i) => ({ seq: seq + i, json }));
  return { expected, instance: 'i1', records, expiry: SLIDE, tasks: [], aliases: [], ...more };
}

export function createOf(epoch: string, jsons: readonly string[], more: More = {}): CommitRequest {
  return requestAt(START, 1, jsons, { createEpoch: epoch, ...more });
}

export function taskOf(
  local: string,
  state: TaskState | null,
  previous: TaskState | null = null,
  more: Partial<TaskIndexEntry> = {},
): TaskIndexEntry {
  return { local, state, previous, statusAt: 1_000, summary: `{"task":"${local}"}`, ...more };
}

export function aliasOf(clientTaskId: string, local: string, expected: string | null = null): AliasEntry {
  return { subject: 'ann', clientTaskId, local, expected };
}

/** One instance that writes to one session and always knows its head. */
export class Writer {
  readonly ref: SessionRef;
  readonly #store: SessionStore;
  readonly #instance: string;
  cursor: Cursor = START;
  seq = 0;

  constructor(store: SessionStore, ref: SessionRef = refOf(), instance = 'i1') {
    this.#store = store;
    this.ref = ref;
    this.#instance = instance;
  }

  async create(jsons: readonly string[] = ['{"n":1}'], more: More = {}, epoch = 'e1'): Promise<this> {
    const request = requestAt(START, this.seq + 1, jsons, {
      instance: this.#instance,
      createEpoch: epoch,
      ...more,
    });
    expect(await this.#store.commit(this.ref, request)).to.deep.equal({ outcome: 'ok' });
    this.cursor = { ...this.cursor, epoch };
    this.#advance(jsons.length);
    return this;
  }

  async append(jsons: readonly string[], more: More = {}): Promise<this> {
    const request = requestAt(this.cursor, this.seq + 1, jsons, { instance: this.#instance, ...more });
    expect(await this.#store.commit(this.ref, request)).to.deep.equal({ outcome: 'ok' });
    this.#advance(jsons.length);
    return this;
  }

  #advance(count: number): void {
    if (count === 0) return;
    this.seq += count;
    this.cursor = { ...this.cursor, head: this.cursor.head + count, w: `${this.#instance}.${this.seq}` };
  }
}

type Found = Extract<JournalRead, { found: true }>;

export async function readFound(store: SessionStore, ref: SessionRef, after?: Cursor): Promise<Found> {
  const read = await store.read(ref, after);
  if (!read.found) throw new Error('expected to find the session');
  return read;
}

export const jsonsOf = ({ tail }: { tail: Found['tail'] }): (string | null)[] =>
  tail.records.map(({ json }) => json);

export function expectOutcome<O extends CommitResult['outcome']>(
  result: CommitResult,
  outcome: O,
): Extract<CommitResult, { outcome: O }> {
  expect(result.outcome).to.equal(outcome);
  return result as Extract<CommitResult, { outcome: O }>;
}

/** Awaits a rejection and answers its error. */
export async function errorOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('expected a rejection with an error');
}
